/** Files that hold bytes under a cipher which can be read from any block of it. */
import type { Cipheriv, Decipheriv } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { type ByteSource, free, SLICE_BYTES } from './byte-source.ts';

/** Written as they come; what is smaller is gathered first. */
const DIRECT_BYTES = SLICE_BYTES / 2;

/** Slices of which this many bytes were made are collected before more are made. */
const UNCOLLECTED_BYTES = 8 * 1024 * 1024;
let uncollected = 0;
let collectSlices = () => {};

/**
 * Slices are garbage as soon as they were hashed or written, but their memory lies outside the heap, and V8 looks for it only
 * after 64 MiB of it. A thread that goes through large content says here how its young garbage is collected.
 */
export function collectSlicesWith(collectYoung: () => void): void {
  collectSlices = collectYoung;
}

function madeSlice(bytes: Buffer): Buffer {
  uncollected += bytes.length;
  if (uncollected > UNCOLLECTED_BYTES) {
    uncollected = 0;
    collectSlices();
  }
  return bytes;
}

/** Writes bytes into a file as they are, from its beginning to its end. */
export class FileWriter {
  protected readonly fd: number;
  readonly #waiting = Buffer.allocUnsafe(SLICE_BYTES);
  #waitingBytes = 0;
  #written = 0;

  constructor(fd: number) {
    this.fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length >= DIRECT_BYTES) {
      this.#flush();
      this.put(bytes);
      return;
    }
    for (let from = 0; from < bytes.length; ) {
      const taken = Math.min(bytes.length - from, SLICE_BYTES - this.#waitingBytes);
      this.#waiting.set(bytes.subarray(from, from + taken), this.#waitingBytes);
      this.#waitingBytes += taken;
      from += taken;
      if (this.#waitingBytes === SLICE_BYTES) this.#flush();
    }
  }

  /** Writes what waits; the size of the file. */
  finish(): number {
    this.#flush();
    return this.#written;
  }

  protected put(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const count = writeSync(this.fd, bytes, from, bytes.length - from, this.#written);
      from += count;
      this.#written += count;
    }
  }

  #flush(): void {
    if (this.#waitingBytes > 0) this.put(this.#waiting.subarray(0, this.#waitingBytes));
    this.#waitingBytes = 0;
  }
}

/** What such a file holds, in clear; one window of it is kept at a time. */
export abstract class CipheredFile implements ByteSource {
  /** In clear, which may be less than the file. */
  readonly length: number;
  protected readonly fd: number;
  readonly #fileBytes: number;
  readonly #blockBytes: number;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #scratch: Buffer = Buffer.alloc(0);
  #cipher: Cipheriv | Decipheriv | null = null;
  #cipherAt = 0;

  /** @param blockBytes the cipher takes whole blocks of this size alone; the file ends with one */
  constructor(
    fd: number,
    { length, fileBytes, blockBytes }: { length: number; fileBytes: number; blockBytes: number },
  ) {
    this.fd = fd;
    this.length = length;
    this.#fileBytes = fileBytes;
    this.#blockBytes = blockBytes;
  }

  /** Makes clear what is read from `offset` on, where a block begins; as much comes out at once as goes in. */
  protected abstract cipherFrom(offset: number): Cipheriv | Decipheriv;

  at(index: number): number | undefined {
    if (index < 0 || index >= this.length) return undefined;
    const inside = index - this.#windowStart;
    if (inside >= 0 && inside < this.#window.length) return this.#window[inside];
    this.#load(index);
    return this.#window[index - this.#windowStart];
  }

  subarray(start: number, end: number): Buffer {
    const last = Math.min(end, this.length);
    if (start >= last) return Buffer.alloc(0);
    if (start < this.#windowStart || last > this.#windowStart + this.#window.length) {
      if (last - this.#blockStart(start) > SLICE_BYTES) return this.#read(start, last);
      this.#load(start);
    }
    return this.#window.subarray(start - this.#windowStart, last - this.#windowStart);
  }

  *slices(start: number, end: number, size: number): Generator<Buffer> {
    const last = Math.min(end, this.length);
    if (start >= last) return;
    const first = this.#blockStart(start);
    const fileEnd = this.#blockEnd(last);
    const cipher = this.cipherFrom(first);
    const encrypted = Buffer.allocUnsafeSlow(Math.min(this.#blockEnd(size), fileEnd - first));
    for (let at = first; at < fileEnd; at += encrypted.length) {
      const part = encrypted.subarray(0, Math.min(encrypted.length, fileEnd - at));
      this.#fill(part, at);
      const slice = cipher.update(part);
      // Whole when all of it is wanted, so that it can be freed.
      const isWhole = at >= start && at + slice.length <= last;
      yield isWhole ? slice : slice.subarray(Math.max(0, start - at), last - at);
      free(slice);
    }
  }

  // Windows are never written again, since views of them are given out.
  #load(start: number): void {
    this.#windowStart = this.#blockStart(start);
    this.#window = this.#read(this.#windowStart, Math.min(this.length, this.#windowStart + SLICE_BYTES));
  }

  #read(start: number, end: number): Buffer {
    const first = this.#blockStart(start);
    const fileEnd = this.#blockEnd(end);
    const size = fileEnd - first;
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size);
    this.#fill(this.#scratch.subarray(0, size), first);
    // Going on where the last read ended, which is how nearly all is read, needs no new cipher.
    if (this.#cipher === null || this.#cipherAt !== first) this.#cipher = this.cipherFrom(first);
    this.#cipherAt = fileEnd;
    const clear = madeSlice(this.#cipher.update(this.#scratch.subarray(0, size)));
    return clear.subarray(start - first, end - first);
  }

  #blockStart(offset: number): number {
    return offset - (offset % this.#blockBytes);
  }

  #blockEnd(offset: number): number {
    return Math.min(this.#fileBytes, Math.ceil(offset / this.#blockBytes) * this.#blockBytes);
  }

  #fill(buffer: Buffer, start: number): void {
    for (let got = 0; got < buffer.length; ) {
      const count = readSync(this.fd, buffer, got, buffer.length - got, start + got);
      if (count === 0) throw new Error('a spool file is shorter than what was written');
      got += count;
    }
  }
}
