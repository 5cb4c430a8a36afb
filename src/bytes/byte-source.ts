/**
 * Bytes that lie in memory or in a spool file. A Buffer is a ByteSource, so whoever reads through this interface reads both;
 * nothing large is ever held whole.
 */

/** How much is looked at, hashed or encrypted at once. */
export const SLICE_BYTES = 64 * 1024;

const FIRST_STEP = 512;

export interface ByteSource {
  readonly length: number;
  /** The octet, or undefined beyond the end. */
  at(index: number): number | undefined;
  /** Views of memory, copies out of a file: of a file only little should be asked at once. */
  subarray(start: number, end: number): Buffer;
}

/** The bytes from `start` up to `end` in order, at most `SLICE_BYTES` at a time. */
export function* slicesOf(source: ByteSource, start = 0, end = source.length): Generator<Buffer> {
  for (let from = start; from < end; from += SLICE_BYTES)
    yield source.subarray(from, Math.min(end, from + SLICE_BYTES));
}

/** Where the octet or the bytes first stand at or after `from` and wholly before `end`; -1 when they do not. */
export function indexIn(source: ByteSource, wanted: number | Buffer, from: number, end: number): number {
  if (Buffer.isBuffer(source)) return source.subarray(0, end).indexOf(wanted, from);
  const overlap = typeof wanted === 'number' ? 0 : wanted.length - 1;
  // Most lines are short: only what goes on is looked at in large steps.
  for (let start = from, step = FIRST_STEP; start < end; start += step, step = Math.min(2 * step, SLICE_BYTES)) {
    const found = source.subarray(start, Math.min(end, start + step + overlap)).indexOf(wanted);
    if (found >= 0) return start + found;
  }
  return -1;
}

/** A stretch of the source as a source of its own; nothing is copied. */
export function partOf(source: ByteSource, start: number, end: number): ByteSource {
  if (Buffer.isBuffer(source)) return source.subarray(start, end);
  return source instanceof Part ? source.part(start, end) : new Part(source, start, end);
}

class Part implements ByteSource {
  readonly length: number;
  readonly #source: ByteSource;
  readonly #start: number;

  constructor(source: ByteSource, start: number, end: number) {
    this.#source = source;
    this.#start = start;
    this.length = Math.max(0, end - start);
  }

  part(start: number, end: number): Part {
    return new Part(this.#source, this.#start + start, this.#start + Math.min(end, this.length));
  }

  at(index: number): number | undefined {
    return index < 0 || index >= this.length ? undefined : this.#source.at(this.#start + index);
  }

  subarray(start: number, end: number): Buffer {
    return this.#source.subarray(this.#start + start, this.#start + Math.min(end, this.length));
  }
}
