import { sanitiseBounded, wordsBetweenTags } from './bounded-sanitise.ts';
import { escapeHtml } from './escape.ts';
import { harmlessStyle } from './style-attribute.ts';

export interface InlinePicture {
  /** Media type as the message names it; only raster types are shown */
  type: string;
  bytes: Uint8Array;
}

export interface SanitiseOptions {
  /** Pictures of the message by Content-ID without angle brackets */
  inlineImages: ReadonlyMap<string, InlinePicture>;
  /** `allow` only when the reader asked for it and the message was not encrypted. */
  remote: 'block' | 'allow';
  /** false takes the targets of links out and leaves their words. */
  links: boolean;
}

export interface SanitisedHtml {
  html: string;
  /** How many pictures would have been fetched from elsewhere */
  blockedRemote: number;
  /** The message was longer than what is shown. */
  cut: boolean;
}

const MAX_CHARACTERS = 2_000_000;
const MAX_DEPTH = 60;
const MAX_PICTURE_BYTES = 24 * 1024 * 1024;
const RASTER_TYPES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

const ALLOWED_TAGS = [
  ...['p', 'div', 'span', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'pre', 'center', 'address'],
  ...[
    'b',
    'strong',
    'i',
    'em',
    'u',
    's',
    'strike',
    'del',
    'ins',
    'small',
    'big',
    'sub',
    'sup',
    'code',
    'tt',
    'kbd',
    'samp',
  ],
  ...[
    'q',
    'cite',
    'abbr',
    'mark',
    'font',
    'wbr',
    'ul',
    'ol',
    'li',
    'dl',
    'dt',
    'dd',
    'a',
    'img',
    'figure',
    'figcaption',
  ],
  ...['table', 'caption', 'colgroup', 'col', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td'],
  ...['article', 'section', 'header', 'footer', 'main', 'aside', 'nav', 'bdi', 'bdo'],
];

// Their content is code, another language, or meant for another kind of reader: it goes with the tag.
const DROPPED_WITH_CONTENT = [
  ...[
    'script',
    'style',
    'title',
    'template',
    'noscript',
    'noembed',
    'noframes',
    'iframe',
    'frameset',
    'object',
    'applet',
  ],
  ...['svg', 'math', 'audio', 'video', 'canvas', 'textarea', 'select', 'option', 'xmp', 'plaintext', 'listing', 'xml'],
];

type AttributeRule = (value: string) => boolean;
const SIZE: AttributeRule = (value) => /^\d{1,4}%?$/.test(value);
const COUNT: AttributeRule = (value) => /^\d{1,3}$/.test(value);
const COLOUR: AttributeRule = (value) => /^(?:#?[0-9a-f]{3,8}|[a-z]{3,25})$/i.test(value);
const WORD: AttributeRule = (value) => /^[a-z-]{1,12}$/i.test(value);
const TEXT: AttributeRule = (value) => value.length <= 1000;

const CELL: Record<string, AttributeRule> = {
  ...{ align: WORD, valign: WORD, bgcolor: COLOUR, width: SIZE, height: SIZE },
  ...{ colspan: COUNT, rowspan: COUNT },
};
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, AttributeRule>>>> = {
  table: { ...CELL, border: COUNT, cellpadding: COUNT, cellspacing: COUNT },
  tr: CELL,
  td: CELL,
  th: CELL,
  col: { width: SIZE, span: COUNT },
  colgroup: { width: SIZE, span: COUNT },
  font: { color: COLOUR, size: (value) => /^[+-]?[1-7]$/.test(value), face: (value) => /^[\w ,-]{1,100}$/.test(value) },
  p: { align: WORD },
  div: { align: WORD },
  h1: { align: WORD },
  h2: { align: WORD },
  h3: { align: WORD },
  ol: { start: COUNT, type: (value) => /^[1aAiI]$/.test(value) },
  img: { alt: TEXT, width: SIZE, height: SIZE },
  hr: { width: SIZE },
};
const ANYWHERE: Readonly<Record<string, AttributeRule>> = {
  dir: (value) => /^(?:ltr|rtl|auto)$/i.test(value),
  lang: (value) => /^[a-z]{1,8}(?:-[a-z0-9]{1,8}){0,4}$/i.test(value),
  title: TEXT,
};
const ALLOWED_ATTRIBUTES = [
  ...new Set([
    ...Object.values(ATTRIBUTES).flatMap((rules) => Object.keys(rules)),
    ...Object.keys(ANYWHERE),
    ...['style', 'href', 'target', 'rel', 'src', 'referrerpolicy'],
  ]),
];

interface PictureCount {
  blockedRemote: number;
  bytes: number;
}

/**
 * HTML of a stranger, reduced to what a letter needs, for the sandboxed document of `body-document.ts` and nowhere else.
 * Everything is on a list of what is allowed; every attribute is built anew. Bounds: 2,000,000 characters are read, 60 levels
 * are kept, 1000 elements may be open at once (else only the words are shown), pictures add up to 24 MiB at most however often they are named.
 */
export function sanitiseHtml(html: string, options: SanitiseOptions): SanitisedHtml {
  const count: PictureCount = { blockedRemote: 0, bytes: 0 };
  const read = html.slice(0, MAX_CHARACTERS);
  const cleaned = sanitiseBounded(read, {
    allowedTags: ALLOWED_TAGS,
    nonTextTags: DROPPED_WITH_CONTENT,
    disallowedTagsMode: 'discard',
    nestingLimit: MAX_DEPTH,
    allowedAttributes: { '*': ALLOWED_ATTRIBUTES },
    // Both are decided below, value by value; here they must only not be taken away again.
    allowedSchemes: ['http', 'https', 'mailto'],
    allowedSchemesByTag: { img: ['data', 'https'] },
    allowProtocolRelative: false,
    parseStyleAttributes: false,
    transformTags: {
      '*': (tagName, attributes) => ({ tagName, attribs: rebuildAttributes(tagName, attributes, options, count) }),
    },
  });
  if (cleaned === null) return { html: wordsOnly(read), blockedRemote: 0, cut: true };
  return { html: cleaned, blockedRemote: count.blockedRemote, cut: html.length > MAX_CHARACTERS };
}

/** For HTML built to exhaust the parser: its words without any markup. */
function wordsOnly(html: string): string {
  return `<p>${escapeHtml(wordsBetweenTags(html).replace(/\s+/g, ' ').trim())}</p>`;
}

function rebuildAttributes(
  tag: string,
  attributes: Readonly<Record<string, string>>,
  options: SanitiseOptions,
  count: PictureCount,
): Record<string, string> {
  const kept: Record<string, string> = {};
  const rules = { ...ANYWHERE, ...(Object.hasOwn(ATTRIBUTES, tag) ? ATTRIBUTES[tag] : undefined) };
  for (const [name, accepts] of Object.entries(rules)) {
    const value = attributes[name];
    if (typeof value === 'string' && accepts(value)) kept[name] = value;
  }
  const style = typeof attributes['style'] === 'string' ? harmlessStyle(attributes['style']) : '';
  if (style !== '') kept['style'] = style;
  if (tag === 'a' && options.links) Object.assign(kept, linkAttributes(attributes['href']));
  if (tag === 'img') Object.assign(kept, pictureAttributes(attributes['src'], options, count));
  if (isFetched(attributes['background']) || isFetched(attributes['srcset'])) count.blockedRemote += 1;
  return kept;
}

function linkAttributes(href: string | undefined): Record<string, string> {
  const target = href === undefined ? null : harmlessLink(href);
  return target === null ? {} : { href: target, target: '_blank', rel: 'noopener noreferrer' };
}

/** The absolute http, https or mailto address of a link as a browser would read it, or null. */
export function harmlessLink(href: string): string | null {
  if (href.length > 4000) return null;
  try {
    const url = new URL(href.trim());
    // A user name before the @ is only ever used to make an address look like another one.
    if (url.username !== '' || url.password !== '') return null;
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function pictureAttributes(
  source: string | undefined,
  options: SanitiseOptions,
  count: PictureCount,
): Record<string, string> {
  const address = (source ?? '').trim();
  if (/^cid:/i.test(address)) return inlinePicture(address.slice(4), options.inlineImages, count);
  if (/^data:/i.test(address)) return embeddedPicture(address, count);
  if (!isFetched(address)) return {};
  const target = options.remote === 'allow' && options.links ? harmlessLink(address) : null;
  if (target?.startsWith('https:')) return { src: target, referrerpolicy: 'no-referrer' };
  count.blockedRemote += 1;
  return {};
}

function inlinePicture(
  contentId: string,
  pictures: ReadonlyMap<string, InlinePicture>,
  count: PictureCount,
): Record<string, string> {
  const picture = pictures.get(contentId) ?? pictures.get(decodedOrEmpty(contentId));
  if (picture === undefined) return {};
  const type = picture.type.toLowerCase();
  if (!RASTER_TYPES.has(type) || count.bytes + picture.bytes.length > MAX_PICTURE_BYTES) return {};
  count.bytes += picture.bytes.length;
  return { src: `data:${type};base64,${Buffer.from(picture.bytes).toString('base64')}` };
}

function embeddedPicture(address: string, count: PictureCount): Record<string, string> {
  const match = /^data:(image\/[a-z]+);base64,([a-z0-9+/=\s]*)$/i.exec(address);
  const type = match?.[1]?.toLowerCase();
  if (match === null || type === undefined || !RASTER_TYPES.has(type)) return {};
  const base64 = (match[2] ?? '').replace(/\s+/g, '');
  if (count.bytes + base64.length > MAX_PICTURE_BYTES) return {};
  count.bytes += base64.length;
  return { src: `data:${type};base64,${base64}` };
}

function decodedOrEmpty(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function isFetched(address: string | undefined): boolean {
  return address !== undefined && /^\s*(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}/i.test(address);
}
