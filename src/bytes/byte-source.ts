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
  /** For `slicesOf`, where reading in order is cheaper than from any place. `end` may lie beyond the end. */
  slices?(start: number, end: number, size: number): Iterable<Buffer>;
}

/**
 * The bytes from `start` up to `end` in order, about `size` at a time. Each slice is good until the next one is asked for: it
 * is freed then, and has no length any more. Who needs it longer copies it.
 */
export function slicesOf(source: ByteSource, start = 0, end = source.length, size = SLICE_BYTES): Iterable<Buffer> {
  return source.slices?.(start, end, size) ?? views(source, start, Math.min(end, source.length), size);
}

function* views(source: ByteSource, start: number, end: number, size: number): Generator<Buffer> {
  for (let from = start; from < end; from += size) yield source.subarray(from, Math.min(end, from + size));
}

/** Smaller ones stand in the pool of Node beside others. */
const FREED_BYTES = 32 * 1024;

/**
 * Gives the memory of a slice back at once. As garbage it would wait until ten times as much is in use, none of it in the
 * cache; what takes its place is still there. Only for who made the buffer.
 */
export function free(slice: Buffer): void {
  const { buffer } = slice;
  if (slice.length >= FREED_BYTES && slice.length === buffer.byteLength && buffer instanceof ArrayBuffer)
    buffer.transfer(0);
}

/** The pieces, each freed when the next one is asked for. Only for buffers that are made for this. */
export function* freed(pieces: Iterable<Buffer>): Generator<Buffer> {
  for (const piece of pieces) {
    yield piece;
    free(piece);
  }
}

/** Where the octet or the bytes first stand at or after `from` and wholly before `end`; -1 when they do not. */
export function indexIn(source: ByteSource, wanted: number | Buffer, from: number, end: number): number {
  if (Buffer.isBuffer(source)) return source.subarray(0, end).indexOf(wanted, from);
  const overlap = typeof wanted === 'number' ? 0 : wanted.length - 1;
  // Most lines are short: only what goes on is read in order, which costs more to begin with.
  let start = from;
  for (let step = FIRST_STEP; step < SLICE_BYTES && start < end; step *= 2) {
    const found = source.subarray(start, Math.min(end, start + step + overlap)).indexOf(wanted);
    if (found >= 0) return start + found;
    start += step;
  }
  let before = Buffer.alloc(0);
  for (const slice of slicesOf(source, start, end)) {
    const seam = Buffer.concat([before, slice.subarray(0, overlap)]);
    const across = seam.indexOf(wanted);
    if (across >= 0) return start - before.length + across;
    const found = slice.indexOf(wanted);
    if (found >= 0) return start + found;
    start += slice.length;
    before = Buffer.concat([before, slice.subarray(-overlap || slice.length)]).subarray(-overlap || 0);
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

  slices(start: number, end: number, size: number): Iterable<Buffer> {
    return slicesOf(this.#source, this.#start + start, this.#start + Math.min(end, this.length), size);
  }
}

/** All of it in one buffer; the slices may be freed after each other. */
export function joinSlices(slices: Iterable<Buffer>): Buffer {
  return Buffer.concat(Array.from(slices, (slice) => Buffer.from(slice)));
}
