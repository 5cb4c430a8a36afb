/** Key encryption keys by ECDH (RFC 5753) and X25519 (RFC 8418), and key wrap of AES (RFC 3394) and 3DES (RFC 3217, read only). */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { context, octetString, sequence } from '../pki/der-writer.ts';
import { type DigestName, ECDH_KDF, HKDF_KDF } from './algorithms.ts';

const WRAP_IV = Buffer.alloc(8, 0xa6);
const WRAP_CIPHER: Record<number, string> = { 16: 'id-aes128-wrap', 24: 'id-aes192-wrap', 32: 'id-aes256-wrap' };

/** ECC-CMS-SharedInfo (RFC 5753 section 7.2). `keyInfo` is the algorithm identifier of the key wrap, as it stands in the message. */
export function sharedInfo(keyInfo: Uint8Array, keyBytes: number, userKeyingMaterial: Uint8Array | null): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(keyBytes * 8);
  const ukm = userKeyingMaterial === null ? [] : [context(0, octetString(userKeyingMaterial))];
  return sequence(keyInfo, ...ukm, context(2, octetString(bits)));
}

/** The key encryption key for a key agreement algorithm; null when this library does not know the algorithm. */
export function deriveKey(
  algorithm: string,
  secret: Buffer,
  info: Buffer,
  keyBytes: number,
  userKeyingMaterial: Uint8Array | null,
): Buffer | null {
  const hkdf = HKDF_KDF[algorithm];
  if (hkdf !== undefined) {
    return Buffer.from(hkdfSync(hkdf, secret, userKeyingMaterial ?? Buffer.alloc(0), info, keyBytes));
  }
  const digest = ECDH_KDF[algorithm];
  return digest === undefined ? null : x963(digest, secret, info, keyBytes);
}

/** ANSI X9.63 key derivation (SEC 1 section 3.6.1). */
function x963(digest: DigestName, secret: Buffer, info: Buffer, keyBytes: number): Buffer {
  const blocks: Buffer[] = [];
  let length = 0;
  for (let index = 1; length < keyBytes; index += 1) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index);
    const block = createHash(digest).update(secret).update(counter).update(info).digest();
    blocks.push(block);
    length += block.length;
  }
  return Buffer.concat(blocks).subarray(0, keyBytes);
}

export function wrapKey(keyEncryptionKey: Buffer, contentKey: Buffer): Buffer {
  const cipher = createCipheriv(wrapCipher(keyEncryptionKey), keyEncryptionKey, WRAP_IV);
  return Buffer.concat([cipher.update(contentKey), cipher.final()]);
}

/** 3DES key wrap brings its initialisation vector along. Throws like `unwrapKey`. */
export function unwrapTripleDes(keyEncryptionKey: Buffer, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv('des3-wrap', keyEncryptionKey, null);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

/** Throws when the wrapped key was altered or the key encryption key is another one. */
export function unwrapKey(keyEncryptionKey: Buffer, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv(wrapCipher(keyEncryptionKey), keyEncryptionKey, WRAP_IV);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

function wrapCipher(key: Buffer): string {
  return WRAP_CIPHER[key.length] as string;
}
