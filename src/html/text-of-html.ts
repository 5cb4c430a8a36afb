import { sanitiseBounded, wordsBetweenTags } from './bounded-sanitise.ts';

const MAX_CHARACTERS = 2_000_000;
const MAX_QUOTE_DEPTH = 8;
const BLOCKS = [
  'p',
  'div',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'ul',
  'ol',
  'dl',
  'dt',
  'dd',
  'table',
  'tr',
  'section',
  'article',
];
const KEPT = new Set([...BLOCKS, 'br', 'hr', 'li', 'td', 'th', 'blockquote', 'pre']);
const SPACED = new Set(['p', 'ul', 'ol', 'dl', 'table', 'blockquote', 'pre', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6']);
const DROPPED_WITH_CONTENT = [
  'script',
  'style',
  'title',
  'template',
  'noscript',
  'svg',
  'math',
  'textarea',
  'option',
  'xmp',
];

/** The words of an HTML message as plain text, for quoting and for printing. Quotes get `> ` in front of their lines. */
export function textOfHtml(html: string): string {
  const read = html.slice(0, MAX_CHARACTERS);
  const marked = sanitiseBounded(read, {
    allowedTags: [...KEPT],
    allowedAttributes: {},
    nonTextTags: DROPPED_WITH_CONTENT,
    nestingLimit: 60,
  });
  if (marked === null) return wordsBetweenTags(read).replace(/\s+/g, ' ').trim();
  const writer = new LineWriter();
  // What the sanitiser writes is well-formed: a tag without attributes, or text whose < and & are escaped.
  for (const [token, slash, tag = ''] of marked.matchAll(/<(\/?)([a-z0-9]+)[^>]*>|[^<]+/g)) {
    if (tag === '') writer.text(unescaped(token));
    else if (slash === '/') writer.close(tag);
    else writer.open(tag);
  }
  return writer.finish();
}

// One entity after the other: a function called for each of a million of them takes five times as long.
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

class LineWriter {
  private readonly lines: string[] = [];
  private line = '';
  private quotes = 0;
  private preformatted = 0;

  text(text: string): void {
    if (this.preformatted > 0) {
      const [first = '', ...rest] = text.split('\n');
      this.line += first;
      for (const next of rest) {
        this.newLine(true);
        this.line = next;
      }
      return;
    }
    const words = text.replace(/[ \t\r\n\f]+/g, ' ');
    this.line += this.line === '' || this.line.endsWith(' ') ? words.trimStart() : words;
  }

  open(tag: string): void {
    if (tag === 'br') this.newLine(true);
    else if (tag === 'td' || tag === 'th') this.line += this.line === '' ? '' : '  ';
    else {
      this.newLine(false);
      if (SPACED.has(tag)) this.blankLine();
    }
    if (tag === 'li') this.line = '- ';
    if (tag === 'hr') this.text('---');
    if (tag === 'blockquote') this.quotes += 1;
    if (tag === 'pre') this.preformatted += 1;
  }

  close(tag: string): void {
    if (tag === 'td' || tag === 'th') return;
    this.newLine(false);
    if (tag === 'blockquote') this.quotes = Math.max(0, this.quotes - 1);
    if (tag === 'pre') this.preformatted = Math.max(0, this.preformatted - 1);
    if (SPACED.has(tag)) this.blankLine();
  }

  finish(): string {
    this.newLine(false);
    return this.lines.join('\n').replace(/^\n+|\n+$/g, '');
  }

  private newLine(evenIfEmpty: boolean): void {
    if (this.line === '' && !evenIfEmpty) return;
    const marks = '>'.repeat(Math.min(this.quotes, MAX_QUOTE_DEPTH));
    this.lines.push(marks === '' ? this.line.trimEnd() : `${marks} ${this.line}`.trimEnd());
    this.line = '';
  }

  private blankLine(): void {
    if (this.lines.length > 0 && !/^>*$/.test(this.lines.at(-1) ?? '')) this.newLine(true);
  }
}
