/** Base64 (RFC 2045 section 6.8) as programs and transports leave it. */

const LF = 0x0a;
const CR = 0x0d;

/**
 * Decodes slice by slice: lines of any length, strange characters between, padding in the middle (lines encoded one by one)
 * and a missing end. Broken input gives what can be read of it, never an error.
 */
export function* base64Slices(slices: Iterable<Buffer>): Generator<Buffer> {
  const decoder = new Base64Decoder();
  for (const slice of slices) yield* decoder.take(slice);
  yield* decoder.end();
}

/**
 * What characters in whole groups stand for, line ends between them: null when that is less than `bytes`, the most there can be.
 */
export function decodedWhole(text: string, bytes: number): Buffer | null {
  const decoded = Buffer.allocUnsafeSlow(bytes);
  return decoded.write(text, 0, 'base64') === bytes ? decoded : null;
}

const STRANGE = /[^A-Za-z0-9+/_=-]+/g;

/**
 * Lines that are all of one length, as nearly every program writes them, are decoded as they stand: their number tells how
 * many bytes must come out, and more or less means that something else is between. From there on each character counts.
 */
class Base64Decoder {
  /** Characters of a line, with its end; 0 while it is not known, -1 when lines differ. */
  #width = 0;
  #bytesPerLine = 0;
  /** A line end that lost its return has room for one character more, which would not show in the number of bytes. */
  #hasReturn = false;
  #left = '';

  *take(slice: Buffer): Generator<Buffer> {
    const text = this.#left + slice.toString('latin1');
    this.#left = '';
    if (this.#width === 0) this.#learn(text);
    if (this.#width < 0) {
      yield* this.#decode(text);
      return;
    }
    const lines = Math.floor(text.length / this.#width);
    const body = text.slice(0, lines * this.#width);
    const decoded = this.#endsInLines(body) ? decodedWhole(body, lines * this.#bytesPerLine) : null;
    if (decoded === null) {
      this.#width = -1;
      yield* this.#decode(text);
      return;
    }
    this.#left = text.slice(body.length);
    yield decoded;
  }

  *end(): Generator<Buffer> {
    const text = this.#left;
    this.#left = '';
    yield* this.#decode(text);
    if (this.#left.length > 0) yield Buffer.from(this.#left, 'base64');
    this.#left = '';
  }

  #learn(text: string): void {
    const end = text.indexOf('\n');
    const characters = text[end - 1] === '\r' ? end - 1 : end;
    this.#hasReturn = characters < end;
    const regular = end > 0 && characters > 0 && characters % 4 === 0;
    this.#width = regular ? end + 1 : -1;
    this.#bytesPerLine = (characters / 4) * 3;
  }

  #endsInLines(body: string): boolean {
    for (let at = this.#width - 1; at < body.length; at += this.#width) {
      if (body.charCodeAt(at) !== LF || (this.#hasReturn && body.charCodeAt(at - 1) !== CR)) return false;
    }
    return true;
  }

  // Each stretch between paddings stands for itself; of the last one what makes no whole group waits for more.
  *#decode(text: string): Generator<Buffer> {
    const stretches = (this.#left + text.replace(STRANGE, '')).split('=');
    const last = stretches.pop() as string;
    for (const stretch of stretches) if (stretch !== '') yield Buffer.from(stretch, 'base64');
    const whole = last.length - (last.length % 4);
    this.#left = last.slice(whole);
    if (whole > 0) yield Buffer.from(last.slice(0, whole), 'base64');
  }
}
