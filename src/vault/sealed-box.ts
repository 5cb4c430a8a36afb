import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { openSealed, SealBrokenError, sealUnder } from './seal.ts';

const KEY_BYTES = 32;
/** Fixed heads of SubjectPublicKeyInfo and PKCS#8 for X25519 (RFC 8410): the raw 32 bytes follow. */
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex');
const PKCS8_HEAD = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** A pair of raw X25519 keys, 32 bytes each. */
export function generateBoxKeys(): { publicKey: Buffer; privateKey: Buffer } {
  const pair = generateKeyPairSync('x25519');
  return {
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(SPKI_HEAD.length),
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(PKCS8_HEAD.length),
  };
}

/**
 * Seals to a public key, so that saving needs no unlock: ephemeral X25519, HKDF-SHA-256 over the shared secret with
 * both public keys as salt (as in RFC 9180's DHKEM, reduced to one suite), AES-256-GCM.
 * @returns ephemeral public key (32 bytes), then the sealed bytes
 */
export function sealTo(publicKey: Uint8Array, plaintext: Uint8Array, context: string): Buffer {
  const ephemeral = generateBoxKeys();
  const key = sharedKey(ephemeral.privateKey, publicKey, ephemeral.publicKey, publicKey);
  try {
    return Buffer.concat([ephemeral.publicKey, sealUnder(key, plaintext, context)]);
  } finally {
    key.fill(0);
    ephemeral.privateKey.fill(0);
  }
}

/** Opens what `sealTo` made. Throws SealBrokenError. */
export function openFrom(
  keys: { publicKey: Uint8Array; privateKey: Uint8Array },
  sealed: Uint8Array,
  context: string,
): Buffer {
  if (sealed.length < KEY_BYTES) throw new SealBrokenError('too short');
  const ephemeralPublic = sealed.subarray(0, KEY_BYTES);
  const key = sharedKey(keys.privateKey, ephemeralPublic, ephemeralPublic, keys.publicKey);
  try {
    return openSealed(key, sealed.subarray(KEY_BYTES), context);
  } finally {
    key.fill(0);
  }
}

function sharedKey(
  ownPrivate: Uint8Array,
  otherPublic: Uint8Array,
  ephemeralPublic: Uint8Array,
  recipientPublic: Uint8Array,
): Buffer {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, ownPrivate]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey({ key: Buffer.concat([SPKI_HEAD, otherPublic]), format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey, publicKey });
  const salt = Buffer.concat([ephemeralPublic, recipientPublic]);
  const key = Buffer.from(hkdfSync('sha256', secret, salt, 'sealpost sealed box 1', KEY_BYTES));
  secret.fill(0);
  return key;
}
