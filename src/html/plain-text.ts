import { escapeHtml } from './escape.ts';
import { harmlessLink } from './sanitise.ts';

const MAX_CHARACTERS = 2_000_000;
const MAX_QUOTE_DEPTH = 8;
const PUNCTUATION = new Set('.,;:!?…');
const LINK = /\b(?:https?:\/\/|mailto:)[^\s<>"'`\u0000-\u0020]{1,2000}/gi;

export interface PlainTextOptions {
  /** Whether addresses in the text become links */
  links: boolean;
}

/** Plain text as HTML for the document of `body-document.ts`: paragraphs, quotes by depth, links where allowed. */
export function plainTextToHtml(text: string, options: PlainTextOptions): string {
  const lines = text.slice(0, MAX_CHARACTERS).replace(/\r\n?/g, '\n').replace(/\n+$/, '').split('\n');
  let html = '';
  let depth = 0;
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length > 0) html += `<p>${paragraph.map((line) => lineToHtml(line, options)).join('\n')}</p>`;
    paragraph = [];
  };
  for (const line of lines) {
    const quoted = quoteOf(line);
    if (quoted.depth !== depth) {
      flush();
      html +=
        quoted.depth > depth
          ? '<blockquote>'.repeat(quoted.depth - depth)
          : '</blockquote>'.repeat(depth - quoted.depth);
      depth = quoted.depth;
    }
    if (quoted.text.trim() === '') flush();
    else paragraph.push(quoted.text);
  }
  flush();
  return `<div class="plain">${html}${'</blockquote>'.repeat(depth)}</div>`;
}

/** RFC 3676 section 4.5: quote marks stand at the start; people also put spaces between them. */
function quoteOf(line: string): { depth: number; text: string } {
  const marks = /^(?:>[ ]?){1,100}/.exec(line)?.[0] ?? '';
  return { depth: Math.min(marks.replaceAll(' ', '').length, MAX_QUOTE_DEPTH), text: line.slice(marks.length) };
}

function lineToHtml(line: string, options: PlainTextOptions): string {
  if (!options.links) return escapeHtml(line);
  let html = '';
  let at = 0;
  for (const match of line.matchAll(LINK)) {
    const written = withoutTrailingPunctuation(match[0]);
    const target = harmlessLink(written);
    if (target === null) continue;
    html += escapeHtml(line.slice(at, match.index));
    html += `<a href="${escapeHtml(target)}" target="_blank" rel="noopener noreferrer">${escapeHtml(written)}</a>`;
    at = match.index + written.length;
  }
  return html + escapeHtml(line.slice(at));
}

function withoutTrailingPunctuation(address: string): string {
  // Not by a pattern: one that looks for the end from every full stop costs the square of their number.
  let end = address.length;
  while (end > 0 && PUNCTUATION.has(address[end - 1] as string)) end -= 1;
  const trimmed = address.slice(0, end);
  return trimmed.endsWith(')') && !trimmed.includes('(') ? trimmed.slice(0, -1) : trimmed;
}
