/**
 * Legacy Display Elements (RFC 9788 section 4.5.3): hidden header fields written into the text once more, for programs that
 * read no protected header. This one does, so they are neither shown nor quoted.
 */
import type { MimeEntity } from '../mime/entity.ts';
import { hpOf } from './header-protection.ts';

const PARAMETER = 'hp-legacy-display';
const DRAFT_PARAMETER = 'protected-headers';
const DRAFT_TYPE = /^text\/(plain|rfc822-headers)$/;
const ELEMENT =
  /<div\b[^<>]{0,500}?\bclass\s{0,9}=\s{0,9}(["']?)header-protection-legacy-display\1(?:\s[^<>]{0,500})?>/iy;
const DIV = /<(\/?)div\b[^>]*>/gi;
/** What may stand in front of the first element of a body, and where it ends. */
const BEFORE: readonly [RegExp, RegExp | null][] = [
  [/\s+/y, null],
  [/<!--/y, /-->/g],
  [/<head\b/iy, /<\/head\s{0,9}>/gi],
  [/<(?:!doctype|\/?html|body)\b/iy, />/g],
];

/** The text of a part as it is shown; for the content of an encrypted message with `hp`. */
export function withoutLegacyDisplay(part: MimeEntity, text: string): string {
  if (part.contentType.parameters.get(PARAMETER) !== '1') return text;
  return part.contentType.value === 'text/html' ? withoutElement(text) : withoutFirstLines(text);
}

/** Up to the first empty line. */
function withoutFirstLines(text: string): string {
  const end = /(?:^|\n)\n/.exec(text);
  return end === null ? text : text.slice(end.index + end[0].length);
}

function withoutElement(html: string): string {
  const start = firstElement(html);
  ELEMENT.lastIndex = start;
  if (!ELEMENT.test(html)) return html;
  let depth = 0;
  for (const tag of html.slice(start).matchAll(DIV)) {
    depth += tag[1] === '/' ? -1 : 1;
    if (depth === 0) return html.slice(0, start) + html.slice(start + tag.index + tag[0].length);
  }
  return html;
}

/** Step by step rather than with one pattern, which could be made to try every way of taking a text apart. */
function firstElement(html: string): number {
  let at = 0;
  for (;;) {
    const next = BEFORE.map(([start, end]) => endOf(html, at, start, end)).find((position) => position > at);
    if (next === undefined) return at;
    at = next;
  }
}

/** Where what begins here ends; the same place where nothing does. */
function endOf(html: string, at: number, start: RegExp, end: RegExp | null): number {
  start.lastIndex = at;
  if (!start.test(html)) return at;
  if (end === null) return start.lastIndex;
  end.lastIndex = start.lastIndex;
  return end.test(html) ? end.lastIndex : at;
}

/**
 * Drafts before the RFC put the fields into a part of their own in front of the content. It goes only where `hp` says that
 * the fields are read from the header: else it is all that shows them.
 */
export function withoutLegacyPart(content: MimeEntity): MimeEntity {
  const [first, second] = content.children;
  if (content.contentType.value !== 'multipart/mixed' || hpOf(content) === null || !first || !second) return content;
  const isLegacy =
    DRAFT_TYPE.test(first.contentType.value) && first.contentType.parameters.get(DRAFT_PARAMETER) === 'v1';
  return isLegacy ? { ...content, children: content.children.slice(1) } : content;
}
