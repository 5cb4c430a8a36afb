import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What is sealed does not open with this key and context: wrong key, or not the bytes that were sealed. */
export class SealBrokenError extends Error {
  readonly code = 'seal-broken';
}

/**
 * AES-256-GCM with a random nonce (NIST SP 800-38D; keys here seal far fewer than 2^32 things).
 * @param key 32 bytes
 * @param context what the bytes are and whose, bound as associated data: a sealed value moved to another row does not open
 * @returns format byte, nonce, cipher text, tag
 */
export function sealUnder(key: Uint8Array, plaintext: Uint8Array, context: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(context, 'utf8'));
  return Buffer.concat([Buffer.from([FORMAT]), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Opens what `sealUnder` made. Throws SealBrokenError. The caller overwrites the result when it is a secret. */
export function openSealed(key: Uint8Array, sealed: Uint8Array, context: string): Buffer {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORMAT) throw new SealBrokenError('unknown format');
  const tagAt = sealed.length - TAG_BYTES;
  try {
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context, 'utf8'));
    decipher.setAuthTag(sealed.subarray(tagAt));
    return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES, tagAt)), decipher.final()]);
  } catch (cause) {
    throw new SealBrokenError('does not open', { cause });
  }
}
