/** What a message shows: its text, its HTML and its attachments, each part taken alone. */
import { decodeCharset } from './charset.ts';
import { decodeBody, decodedSize, decodedSlices, decodedStart } from './decode.ts';
import type { MimeEntity } from './entity.ts';
import { decodeEncodedWords } from './headers.ts';
import { headerValue, parseEntity } from './parse.ts';

export interface Attachment {
  readonly index: number;
  /** Safe to show and to save under: never empty, no path, no control or direction characters. */
  readonly name: string;
  readonly type: string;
  /** Bytes after decoding. */
  readonly size: number;
  readonly contentId: string | null;
  /** Meant to be shown within the HTML. */
  readonly inline: boolean;
  /** S/MIME inside another message; never opened in place. */
  readonly encryptedPart: boolean;
  readonly partPath: string;
  /** All of it at once: for small ones. */
  bytes(): Buffer;
  slices(): Iterable<Buffer>;
}

export interface MessageContent {
  readonly text: string | null;
  /** As received, to be sanitised. */
  readonly html: string | null;
  /** There is more text than is shown. */
  readonly cut: boolean;
  readonly attachments: readonly Attachment[];
}

interface Collected {
  bodies: { text: string | null; html: string | null }[];
  attachments: { entity: MimeEntity; inline: boolean }[];
  budget: TextBudget;
  shownText: ShownText;
}

/** What is shown of the decoded text or HTML of a part. */
export type ShownText = (part: MimeEntity, text: string) => string;

/** Bytes of text that may still be shown. */
interface TextBudget {
  left: number;
  cut: boolean;
}

/** Nobody reads on in a longer text; it can be saved with the message. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

const PKCS7_SIGNATURE = /^application\/(x-)?pkcs7-signature$/;
const PKCS7_MIME = /^application\/(x-)?pkcs7-mime$/;
const TEXT_BODY = /^text\/(plain|html)$/;

/**
 * Collects what is shown of an entity. The first body counts as text and HTML; later texts are appended to a message that
 * is plain text, and become attachments of one that has HTML: two documents are never joined into one.
 */
export function collectContent(entity: MimeEntity, shownText: ShownText = (_part, text) => text): MessageContent {
  const budget = { left: MAX_TEXT_BYTES, cut: false };
  const collected: Collected = { bodies: [], attachments: [], budget, shownText };
  walk(entity, collected, true);
  const first = collected.bodies[0];
  const texts = collected.bodies.flatMap((body) => (body.text === null ? [] : [body.text]));
  const text = texts.length === 0 ? null : texts.join('\n\n');
  const attachments = collected.attachments.map((item, index) => attachment(item.entity, index, item.inline));
  return { text, html: first?.html ?? null, cut: budget.cut, attachments };
}

function walk(entity: MimeEntity, into: Collected, bodyAllowed: boolean): void {
  switch (entity.contentType.value) {
    case 'multipart/alternative':
      walkAlternative(entity, into, bodyAllowed);
      return;
    case 'multipart/related':
      walkRelated(entity, into, bodyAllowed);
      return;
    case 'multipart/signed':
      walkSigned(entity, into, bodyAllowed);
      return;
  }
  if (entity.children.length > 0) {
    for (const child of entity.children) walk(child, into, bodyAllowed);
    return;
  }
  if (bodyAllowed && isBody(entity) && addBody(entity, into)) return;
  into.attachments.push({ entity, inline: false });
}

function addBody(entity: MimeEntity, into: Collected): boolean {
  const html = entity.contentType.value === 'text/html';
  const first = into.bodies[0];
  if (first === undefined) {
    into.bodies.push(
      html ? { text: null, html: bodyText(entity, into) } : { text: bodyText(entity, into), html: null },
    );
    return true;
  }
  if (html || first.html !== null) return false;
  into.bodies.push({ text: bodyText(entity, into), html: null });
  return true;
}

// The last part that can be shown is the best one (RFC 2046 section 5.1.4); the text beside it is kept for readers of text.
function walkAlternative(entity: MimeEntity, into: Collected, bodyAllowed: boolean): void {
  const { budget, shownText } = into;
  const inner: Collected = { bodies: [], attachments: [], budget, shownText };
  let text: string | null = null;
  let html: string | null = null;
  for (const child of entity.children) {
    const one: Collected = { bodies: [], attachments: [], budget, shownText };
    walk(child, one, true);
    text = one.bodies.find((body) => body.text !== null)?.text ?? text;
    html = one.bodies[0]?.html ?? html;
    inner.attachments.push(...one.attachments);
  }
  const hasBody = text !== null || html !== null;
  const first = into.bodies[0];
  if (hasBody && bodyAllowed && first === undefined) into.bodies.push({ text, html });
  else if (text !== null && bodyAllowed && first?.html === null) into.bodies.push({ text, html: null });
  else for (const child of entity.children) if (isBody(child)) inner.attachments.push({ entity: child, inline: false });
  into.attachments.push(...inner.attachments);
}

function walkRelated(entity: MimeEntity, into: Collected, bodyAllowed: boolean): void {
  const start = entity.contentType.parameters.get('start')?.replace(/^<|>$/g, '');
  const root = entity.children.find((child) => start && child.contentId === start) ?? entity.children[0];
  if (root) walk(root, into, bodyAllowed);
  for (const child of entity.children) {
    if (child === root) continue;
    if (child.children.length > 0) walk(child, into, false);
    else into.attachments.push({ entity: child, inline: child.contentId !== null });
  }
}

function walkSigned(entity: MimeEntity, into: Collected, bodyAllowed: boolean): void {
  for (const [index, child] of entity.children.entries()) {
    if (index === 1 && PKCS7_SIGNATURE.test(child.contentType.value)) continue;
    walk(child, into, bodyAllowed);
  }
}

function isBody(entity: MimeEntity): boolean {
  return TEXT_BODY.test(entity.contentType.value) && entity.disposition?.value !== 'attachment' && !writtenName(entity);
}

function bodyText(entity: MimeEntity, { budget, shownText }: Collected): string {
  const charset = entity.contentType.parameters.get('charset') ?? '';
  const bytes = decodedStart(entity, budget.left + 1);
  const shown = bytes.subarray(0, budget.left);
  budget.cut ||= bytes.length > shown.length;
  budget.left -= shown.length;
  const text = decodeCharset(shown, charset)
    .replace(/^\ufeff/, '')
    .replace(/\r\n?/g, '\n');
  return shownText(entity, text);
}

function attachment(entity: MimeEntity, index: number, inline: boolean): Attachment {
  const encryptedPart = PKCS7_MIME.test(entity.contentType.value);
  return {
    index,
    name: attachmentName(entity, index, encryptedPart),
    type: entity.contentType.value,
    size: decodedSize(entity),
    contentId: entity.contentId,
    inline: inline || (entity.contentId !== null && entity.disposition?.value === 'inline'),
    encryptedPart,
    partPath: entity.partPath,
    bytes: () => decodeBody(entity),
    slices: () => decodedSlices(entity),
  };
}

function writtenName(entity: MimeEntity): string {
  return entity.disposition?.parameters.get('filename') ?? entity.contentType.parameters.get('name') ?? '';
}

const EXTENSIONS: Record<string, string> = {
  'text/plain': 'txt',
  'text/html': 'html',
  'text/calendar': 'ics',
  'application/pdf': 'pdf',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'message/rfc822': 'eml',
  'message/delivery-status': 'txt',
};

/** The subject of an attached message stands within it. */
const MAX_INNER_HEADER_BYTES = 64 * 1024;

function attachmentName(entity: MimeEntity, index: number, encryptedPart: boolean): string {
  if (encryptedPart) return 'encrypted-part.p7m';
  const name = safeFileName(writtenName(entity));
  if (name) return name;
  if (entity.contentType.value === 'message/rfc822') {
    const inner = parseEntity(decodedStart(entity, MAX_INNER_HEADER_BYTES));
    const subject = safeFileName(decodeEncodedWords(headerValue(inner, 'subject') ?? '').slice(0, 80));
    if (subject) return `${subject}.eml`;
  }
  const extension = EXTENSIONS[entity.contentType.value];
  return `attachment-${index + 1}${extension ? `.${extension}` : ''}`;
}

// Beyond it the patterns below would cost the square of what a hostile header has.
const MAX_WRITTEN_NAME = 1000;

/**
 * A file name without folders, control and direction characters (a right-to-left override makes `exe.pdf` of `fdp.exe`),
 * names of devices or leading dots; at most 180 characters, the extension kept. Empty when nothing is left.
 */
export function safeFileName(written: string): string {
  const bare = written
    .slice(-MAX_WRITTEN_NAME)
    .replace(/^.*[\\/]/s, '')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '')
    .normalize('NFC');
  if (bare.length <= 180) return bare;
  const dot = bare.lastIndexOf('.');
  const extension = dot > 0 && bare.length - dot <= 12 ? bare.slice(dot) : '';
  return `${bare.slice(0, 180 - extension.length)}${extension}`;
}
