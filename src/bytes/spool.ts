/**
 * Large content on its way through a job waits in a file that has no name: it is removed as soon as it is open, so it goes
 * with the process, and what is in it is encrypted under a random key that only the process knows (AES-256 in counter mode,
 * which can be read from any place; nobody else can reach the file to alter it).
 */
import { type Cipheriv, createCipheriv, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, constants, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { type ByteSource, free, SLICE_BYTES } from './byte-source.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
const BLOCK_BYTES = 16;
/** Written as they come; what is smaller is gathered first. */
const DIRECT_BYTES = SLICE_BYTES / 2;
/** Content up to this size stays in memory. */
export const MEMORY_BYTES = 2 * 1024 * 1024;

/** A written spool as plain data: threads of one process share its file descriptors. */
export interface SpoolHandle {
  readonly fd: number;
  readonly size: number;
  readonly key: Uint8Array;
}

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

/** Small content in memory, or large content in a spool. */
export type StoredBytes = Uint8Array | SpoolHandle;

export function isSpool(bytes: object): bytes is SpoolHandle {
  return 'fd' in bytes;
}

/** Makes the folder of spools, for this user alone. */
export function makeSpoolFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

/** Opens a file without a name in `folder`, which only this user may enter. The caller closes it. */
export function openNameless(folder: string): number {
  const name = path.join(folder, randomBytes(16).toString('hex'));
  const fd = openSync(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  unlinkSync(name);
  return fd;
}

/** The cipher stream of a spool, to be read or written from `offset` on. */
export function spoolCipher(key: Uint8Array, offset: number): Cipheriv {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeUIntBE(Math.floor(offset / BLOCK_BYTES), BLOCK_BYTES - 6, 6);
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  const begun = offset % BLOCK_BYTES;
  if (begun > 0) cipher.update(Buffer.alloc(begun));
  return cipher;
}

/** Writes a spool from its beginning to its end. */
export class SpoolWriter {
  readonly #fd: number;
  readonly #key = randomBytes(32);
  readonly #cipher = spoolCipher(this.#key, 0);
  readonly #waiting = Buffer.allocUnsafe(SLICE_BYTES);
  #waitingBytes = 0;
  #written = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length >= DIRECT_BYTES) {
      this.#flush();
      this.#put(bytes);
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

  end(): SpoolHandle {
    this.#flush();
    return { fd: this.#fd, size: this.#written, key: this.#key };
  }

  #flush(): void {
    if (this.#waitingBytes > 0) this.#put(this.#waiting.subarray(0, this.#waitingBytes));
    this.#waitingBytes = 0;
  }

  #put(bytes: Uint8Array): void {
    const encrypted = this.#cipher.update(bytes);
    for (let from = 0; from < encrypted.length; ) {
      const count = writeSync(this.#fd, encrypted, from, encrypted.length - from, this.#written);
      from += count;
      this.#written += count;
    }
    free(encrypted);
  }
}

/** A written spool; one window of it is kept at a time. */
export class SpoolSource implements ByteSource {
  readonly length: number;
  readonly #handle: SpoolHandle;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #scratch: Buffer = Buffer.alloc(0);
  #cipher: Cipheriv | null = null;
  #cipherAt = 0;

  constructor(handle: SpoolHandle) {
    this.#handle = handle;
    this.length = handle.size;
  }

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
      if (last - start > SLICE_BYTES) return this.#read(start, last);
      this.#load(start);
    }
    return this.#window.subarray(start - this.#windowStart, last - this.#windowStart);
  }

  *slices(start: number, end: number, size: number): Generator<Buffer> {
    const cipher = spoolCipher(this.#handle.key, start);
    const last = Math.min(end, this.length);
    const encrypted = Buffer.allocUnsafeSlow(Math.max(0, Math.min(size, last - start)));
    for (let at = start; at < last; at += encrypted.length) {
      const part = encrypted.subarray(0, Math.min(encrypted.length, last - at));
      this.#fill(part, at);
      const slice = cipher.update(part);
      yield slice;
      free(slice);
    }
  }

  // Windows are never written again, since views of them are given out.
  #load(start: number): void {
    this.#window = this.#read(start, Math.min(this.length, start + SLICE_BYTES));
    this.#windowStart = start;
  }

  #read(start: number, end: number): Buffer {
    const size = end - start;
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size);
    this.#fill(this.#scratch.subarray(0, size), start);
    // Going on where the last read ended, which is how nearly all is read, needs no new cipher.
    if (this.#cipher === null || this.#cipherAt !== start) this.#cipher = spoolCipher(this.#handle.key, start);
    this.#cipherAt = end;
    return madeSlice(this.#cipher.update(this.#scratch.subarray(0, size)));
  }

  #fill(buffer: Buffer, start: number): void {
    for (let got = 0; got < buffer.length; ) {
      const count = readSync(this.#handle.fd, buffer, got, buffer.length - got, start + got);
      if (count === 0) throw new Error('a spool file is shorter than what was written');
      got += count;
    }
  }
}

/** Bytes of a spool that stand at `offset`, in clear. */
export function decrypted(key: Uint8Array, offset: number, bytes: Buffer): Buffer {
  return spoolCipher(key, offset).update(bytes);
}

/** The spool files of one job; all are closed with it. */
export class SpoolScope {
  readonly #folder: string;
  readonly #open: number[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  writer(): SpoolWriter {
    const fd = openNameless(this.#folder);
    this.#open.push(fd);
    return new SpoolWriter(fd);
  }

  close(): void {
    for (const fd of this.#open.splice(0)) closeSync(fd);
  }
}

/** Collects what a layer holds: in memory as long as it is small, or when there is no scope; else in a spool. */
export class ByteCollector {
  readonly #scope: SpoolScope | null;
  #memory: Buffer;
  #length = 0;
  #spool: SpoolWriter | null = null;

  /** @param expected bytes that will come, where that is known */
  constructor(scope: SpoolScope | null, expected = SLICE_BYTES) {
    this.#scope = scope;
    this.#memory = Buffer.allocUnsafeSlow(scope === null ? expected : Math.min(expected, MEMORY_BYTES));
  }

  write(bytes: Uint8Array): void {
    if (this.#spool !== null) {
      this.#spool.write(bytes);
      return;
    }
    const needed = this.#length + bytes.length;
    if (this.#scope !== null && needed > MEMORY_BYTES) {
      this.#spool = this.#scope.writer();
      this.#spool.write(this.#memory.subarray(0, this.#length));
      this.#memory = Buffer.alloc(0);
      this.#spool.write(bytes);
      return;
    }
    if (needed > this.#memory.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#memory.length));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.#length);
    this.#length = needed;
  }

  end(): ByteSource {
    return this.#spool === null ? this.#memory.subarray(0, this.#length) : new SpoolSource(this.#spool.end());
  }
}

/** What the pieces hold together. */
export function collect(pieces: Iterable<Uint8Array>, scope: SpoolScope | null, expected?: number): ByteSource {
  const collector = new ByteCollector(scope, expected);
  for (const piece of pieces) collector.write(piece);
  return collector.end();
}
