/**
 * Large content under AES in CBC mode, opened without being written a second time: its cipher text waits in a file as it came,
 * which is as good as any encryption of ours, and each stretch is deciphered when it is read.
 */
import { createDecipheriv, type Decipheriv } from 'node:crypto';
import { readSync } from 'node:fs';
import type { ByteSource } from '../bytes/byte-source.ts';
import { CipheredFile, FileWriter } from '../bytes/ciphered-file.ts';
import type { SpoolScope } from '../bytes/spool.ts';
import { PkiError } from '../pki/errors.ts';

const BLOCK_BYTES = 16;

export interface CbcKey {
  readonly name: 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc';
  readonly key: Buffer;
  readonly iv: Buffer;
}

/** Cipher text as it came, in a file of the scope. */
export interface CipherText {
  readonly fd: number;
  readonly size: number;
}

export function writeCipherText(pieces: Iterable<Buffer>, scope: SpoolScope): CipherText {
  const fd = scope.file();
  const writer = new FileWriter(fd);
  for (const piece of pieces) writer.write(piece);
  return { fd, size: writer.finish() };
}

/**
 * What the cipher text holds. Throws as a decipher does when its padding is not that of RFC 5652 section 6.3; nothing else of
 * it can be checked in this mode.
 * @param key may be overwritten afterwards: the scope has a copy until it is closed
 */
export function openCipherText({ fd, size }: CipherText, key: CbcKey, scope: SpoolScope): ByteSource {
  if (size === 0 || size % BLOCK_BYTES > 0)
    throw new PkiError('malformed', 'the cipher text does not end with a block');
  const last = decipherFrom(fd, key, size - BLOCK_BYTES);
  const block = Buffer.concat([last.update(blockAt(fd, size - BLOCK_BYTES)), last.final()]);
  const length = size - BLOCK_BYTES + block.length;
  return new CipherTextFile(fd, { length, fileBytes: size }, { ...key, key: scope.keep(key.key) });
}

class CipherTextFile extends CipheredFile {
  readonly #key: CbcKey;

  constructor(fd: number, sizes: { length: number; fileBytes: number }, key: CbcKey) {
    super(fd, { ...sizes, blockBytes: BLOCK_BYTES });
    this.#key = key;
  }

  protected override cipherFrom(offset: number): Decipheriv {
    // The padding is cut off by the length.
    return decipherFrom(this.fd, this.#key, offset).setAutoPadding(false);
  }
}

/** Each block is chained to the one before it. */
function decipherFrom(fd: number, { name, key, iv }: CbcKey, offset: number): Decipheriv {
  return createDecipheriv(name, key, offset === 0 ? iv : blockAt(fd, offset - BLOCK_BYTES));
}

function blockAt(fd: number, offset: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  if (readSync(fd, block, 0, BLOCK_BYTES, offset) !== BLOCK_BYTES)
    throw new Error('a spool file is shorter than it was');
  return block;
}
