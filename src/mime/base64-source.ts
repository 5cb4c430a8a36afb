/** Base64 in regular lines, read from any place without decoding it into a file first. */
import { type ByteSource, free, SLICE_BYTES, slicesOf } from '../bytes/byte-source.ts';
import { base64Slices, decodedWhole } from './base64.ts';

const LF = 0x0a;
const CR = 0x0d;
const MAX_WIDTH = 1000;
/** Lines at the end that are read one by one: padding, a shorter line, empty lines. */
const TAIL_LINES = 4;

/** Somewhere in the middle the lines are not what they promised: the text must be decoded from its beginning. */
export class IrregularLinesError extends Error {}

/**
 * A view of the text in `source` from `start` to `end`, or null when its first line does not promise lines of one length.
 * Each read checks the lines it needs, by their ends and by what comes out of them.
 */
export function base64Source(source: ByteSource, start: number, end: number): ByteSource | null {
  const head = source.subarray(start, Math.min(end, start + MAX_WIDTH));
  const lineEnd = head.indexOf(LF);
  if (lineEnd < 1) return null;
  const characters = head[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
  if (characters === 0 || characters % 4 !== 0) return null;
  const width = lineEnd + 1;
  const regular = Math.max(0, Math.floor((end - start) / width) - TAIL_LINES);
  const tailStart = start + regular * width;
  const tail = Buffer.concat([...base64Slices([source.subarray(tailStart, end)])]);
  return new RegularLines(source, start, { width, bytes: (characters / 4) * 3, count: regular }, tail);
}

interface Lines {
  /** Characters of one, with its end. */
  readonly width: number;
  /** Octets in one. */
  readonly bytes: number;
  readonly count: number;
}

class RegularLines implements ByteSource {
  readonly length: number;
  readonly #source: ByteSource;
  readonly #start: number;
  readonly #lines: Lines;
  readonly #tail: Buffer;
  readonly #regularBytes: number;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(source: ByteSource, start: number, lines: Lines, tail: Buffer) {
    this.#source = source;
    this.#start = start;
    this.#lines = lines;
    this.#tail = tail;
    this.#regularBytes = lines.count * lines.bytes;
    this.length = this.#regularBytes + tail.length;
  }

  at(index: number): number | undefined {
    if (index < 0 || index >= this.length) return undefined;
    return this.subarray(index, index + 1)[0];
  }

  subarray(start: number, end: number): Buffer {
    const last = Math.min(end, this.length);
    if (start >= last) return Buffer.alloc(0);
    if (start < this.#windowStart || last > this.#windowStart + this.#window.length) this.#load(start, last);
    return this.#window.subarray(start - this.#windowStart, last - this.#windowStart);
  }

  *slices(start: number, end: number, size: number): Generator<Buffer> {
    const { bytes, count } = this.#lines;
    const last = Math.min(end, this.length);
    if (start >= last) return;
    let at = Math.min(count, Math.floor(start / bytes)) * bytes;
    for (const decoded of this.#decodedLines(at / bytes, Math.min(count, Math.ceil(last / bytes)), size)) {
      // Whole when all of it is wanted, so that it can be freed.
      const isWhole = at >= start && at + decoded.length <= last;
      yield isWhole ? decoded : decoded.subarray(Math.max(0, start - at), last - at);
      at += decoded.length;
      free(decoded);
    }
    if (last > this.#regularBytes) {
      yield this.#tail.subarray(Math.max(0, start - this.#regularBytes), last - this.#regularBytes);
    }
  }

  #load(start: number, end: number): void {
    const { bytes, count } = this.#lines;
    const wanted = Math.min(this.length, Math.max(end, start + SLICE_BYTES));
    const first = Math.min(count, Math.floor(start / bytes));
    const last = Math.min(count, Math.ceil(wanted / bytes));
    const decoded = this.#decode(first, last);
    this.#window = wanted > this.#regularBytes ? Buffer.concat([decoded, this.#tail]) : decoded;
    this.#windowStart = first * bytes;
  }

  #decode(first: number, last: number): Buffer {
    const { width } = this.#lines;
    if (first === last) return Buffer.alloc(0);
    return decodedLines(this.#source.subarray(this.#start + first * width, this.#start + last * width), this.#lines);
  }

  *#decodedLines(first: number, last: number, size: number): Generator<Buffer> {
    const { width, bytes } = this.#lines;
    const textBytes = Math.max(1, Math.floor(size / bytes)) * width;
    let begun: Buffer = Buffer.alloc(0);
    for (const slice of slicesOf(this.#source, this.#start + first * width, this.#start + last * width, textBytes)) {
      const text = begun.length === 0 ? slice : Buffer.concat([begun, slice]);
      const whole = text.length - (text.length % width);
      if (whole > 0) yield decodedLines(text.subarray(0, whole), this.#lines);
      begun = Buffer.from(text.subarray(whole));
    }
  }
}

function decodedLines(text: Buffer, { width, bytes }: Lines): Buffer {
  const hasReturn = width - (bytes / 3) * 4 === 2;
  for (let at = width - 1; at < text.length; at += width) {
    if (text[at] !== LF || (hasReturn && text[at - 1] !== CR)) throw new IrregularLinesError();
  }
  const expected = (text.length / width) * bytes;
  const decoded = decodedWhole(text.toString('latin1'), expected);
  if (decoded === null) throw new IrregularLinesError();
  return decoded;
}
