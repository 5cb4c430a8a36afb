/** What RETR sends, as the message it stands for (RFC 1939 section 3). */

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');
/** A line that is longer is passed on in pieces. */
const KEPT_MAX = 64 * 1024;

/**
 * Takes pieces off the wire: the dot that was put before a line that begins with one is taken away, the line with a dot
 * alone ends the message. Only CRLF makes a line whose dot means something. A bare LF, which RFC 5322 does not know,
 * becomes CRLF: a mailbox would give it back so.
 */
export class MessageLines {
  /** What belongs to the line that is not complete yet */
  #kept: Buffer = Buffer.alloc(0);
  /** A line begins with the next byte, and the one before ended with CRLF */
  #fresh = true;
  /** What came after the end; null until then */
  rest: Buffer | null = null;

  /** @returns the parts of the message in this piece; after the end there are none */
  take(piece: Buffer): Buffer[] {
    const bytes = this.#kept.length === 0 ? piece : Buffer.concat([this.#kept, piece]);
    const parts: Buffer[] = [];
    // Lines that are passed on as they are go together: `from` is where they begin.
    let from = 0;
    let start = 0;
    const pass = (to: number, next: number) => {
      if (to > from) parts.push(bytes.subarray(from, to));
      from = next;
    };
    for (;;) {
      const end = bytes.indexOf(LF, start);
      if (end < 0) break;
      const isWhole = end > start && bytes[end - 1] === CR;
      if (this.#fresh && bytes[start] === DOT) {
        pass(start, start + 1);
        if (isWhole && end - start === 2) {
          this.rest = bytes.subarray(end + 1);
          this.#kept = Buffer.alloc(0);
          return parts;
        }
      }
      if (!isWhole) {
        pass(end, end + 1);
        parts.push(CRLF);
      }
      this.#fresh = isWhole;
      start = end + 1;
    }
    pass(start, start);
    this.#keep(bytes.subarray(start), parts);
    return parts;
  }

  #keep(open: Buffer, parts: Buffer[]): void {
    if (open.length <= KEPT_MAX) {
      this.#kept = open;
      return;
    }
    const begin = this.#fresh && open[0] === DOT ? 1 : 0;
    // A CR at the end may be half of CRLF.
    const end = open.at(-1) === CR ? open.length - 1 : open.length;
    parts.push(open.subarray(begin, end));
    this.#fresh = false;
    this.#kept = open.subarray(end);
  }
}
