/** Spools on the side of the main thread, which never waits for a disk: written from a stream, read as one. */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import path from 'node:path';
import { SLICE_BYTES } from './byte-source.ts';
import { decrypted, type SpoolHandle, spoolCipher } from './spool.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;
/** Read at once when a spool is passed on. */
const READ_BYTES = 4 * SLICE_BYTES;

/**
 * One nameless file of the main thread. A worker may read it and write into it by its descriptor until it is closed here:
 * a descriptor that a worker opened would be closed with that worker, whoever has it by then.
 */
export class SpoolFile {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param folder only this user may enter it */
  static async open(folder: string): Promise<SpoolFile> {
    const name = path.join(folder, randomBytes(16).toString('hex'));
    const file = await open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    await unlink(name);
    return new SpoolFile(file);
  }

  /** For a job that writes its answer here. */
  get fd(): number {
    return this.#file.fd;
  }

  /** Writes all of a stream. */
  async write(source: AsyncIterable<Uint8Array>): Promise<SpoolHandle> {
    const key = randomBytes(32);
    const cipher = spoolCipher(key, 0);
    let size = 0;
    for await (const piece of source) {
      const bytes = cipher.update(piece);
      for (let from = 0; from < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, from, bytes.length - from, size);
        from += bytesWritten;
        size += bytesWritten;
      }
    }
    return { fd: this.#file.fd, size, key };
  }

  /** The bytes in clear, from the beginning. `handle` is that of this file. */
  async *read(handle: SpoolHandle): AsyncGenerator<Buffer> {
    for (let at = 0; at < handle.size; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, handle.size - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Error('a spool file is shorter than what was written');
      yield decrypted(handle.key, at, buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  /** Its content is gone with it. May be called again. */
  async close(): Promise<void> {
    await this.#file.close();
  }
}
