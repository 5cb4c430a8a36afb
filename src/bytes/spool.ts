/**
 * Large content on its way through a job waits in a file that has no name: it is removed as soon as it is open, so it goes
 * with the process, and what is in it is encrypted under a random key that only the process knows (AES-256 in counter mode,
 * which can be read from any place; nobody else can reach the file to alter it).
 */
import { type Cipheriv, createCipheriv, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, constants, mkdirSync, openSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { type ByteSource, free, SLICE_BYTES } from './byte-source.ts';
import { CipheredFile, FileWriter } from './ciphered-file.ts';

const BLOCK_BYTES = 16;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Content up to this size stays in memory. */
export const MEMORY_BYTES = 2 * 1024 * 1024;

/** A written spool as plain data: threads of one process share its file descriptors. */
export interface SpoolHandle {
  readonly fd: number;
  readonly size: number;
  readonly key: Uint8Array;
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
export class SpoolWriter extends FileWriter {
  readonly #key = randomBytes(32);
  readonly #cipher = spoolCipher(this.#key, 0);

  end(): SpoolHandle {
    return { fd: this.fd, size: this.finish(), key: this.#key };
  }

  protected override put(bytes: Uint8Array): void {
    const encrypted = this.#cipher.update(bytes);
    super.put(encrypted);
    free(encrypted);
  }
}

/** A written spool; one window of it is kept at a time. */
export class SpoolSource extends CipheredFile {
  readonly #key: Uint8Array;

  constructor({ fd, size, key }: SpoolHandle) {
    super(fd, { length: size, fileBytes: size, blockBytes: 1 });
    this.#key = key;
  }

  protected override cipherFrom(offset: number): Cipheriv {
    return spoolCipher(this.#key, offset);
  }
}

/** Bytes of a spool that stand at `offset`, in clear. */
export function decrypted(key: Uint8Array, offset: number, bytes: Buffer): Buffer {
  return spoolCipher(key, offset).update(bytes);
}

/** The spool files of one job; all are closed with it, and the keys that were kept for reading them are overwritten. */
export class SpoolScope {
  readonly #folder: string;
  readonly #open: number[] = [];
  readonly #keys: Buffer[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  writer(): SpoolWriter {
    return new SpoolWriter(this.file());
  }

  /** The descriptor of an empty file, for what needs no cipher of ours. */
  file(): number {
    const fd = openNameless(this.#folder);
    this.#open.push(fd);
    return fd;
  }

  /** A copy of the key until the job ends. */
  keep(key: Uint8Array): Buffer {
    const kept = Buffer.from(key);
    this.#keys.push(kept);
    return kept;
  }

  close(): void {
    for (const fd of this.#open.splice(0)) closeSync(fd);
    for (const key of this.#keys.splice(0)) key.fill(0);
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
