import sanitize, { type IOptions } from 'sanitize-html';

// The parser keeps its open elements in an array that it shifts at each tag: time grows with the square of the depth.
// No letter nests a thousand elements.
const MAX_OPEN_ELEMENTS = 1000;

class TooDeep extends Error {}

/** Runs sanitize-html, or gives up with null as soon as more than 1000 elements are open at once. */
export function sanitiseBounded(html: string, options: IOptions): string | null {
  let open = 0;
  try {
    return sanitize(html, {
      ...options,
      onOpenTag: () => {
        open += 1;
        if (open > MAX_OPEN_ELEMENTS) throw new TooDeep();
      },
      onCloseTag: () => {
        open -= 1;
      },
    });
  } catch (error) {
    if (error instanceof TooDeep) return null;
    throw error;
  }
}

/** What stands between the tags, in one pass, for HTML that was refused as too deep. Text, not HTML. */
export function wordsBetweenTags(html: string): string {
  let words = '';
  let at = 0;
  while (at < html.length) {
    const start = html.indexOf('<', at);
    if (start < 0) return words + html.slice(at);
    words += html.slice(at, start);
    const end = html.indexOf('>', start);
    if (end < 0) return words;
    words += ' ';
    at = end + 1;
  }
  return words;
}
