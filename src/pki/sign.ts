/** Signing what an authority publishes: certificates of its own, lists, answers. */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { algorithmIdentifier, nullValue } from './der-writer.ts';
import { PkiError } from './errors.ts';

/** A key of an authority, or of one that signs for it, ready to sign. */
export interface SigningScheme {
  readonly key: KeyObject;
  readonly hash: 'sha256' | 'sha384';
  /** AlgorithmIdentifier in DER. */
  readonly algorithm: Buffer;
}

/** RSA (PKCS#1 v1.5) and P-256 with SHA-256, P-384 with SHA-384. Throws PkiError `key-unusable` for other keys. */
export function signingScheme(pkcs8: Uint8Array): SigningScheme {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  if (key.asymmetricKeyType === 'rsa')
    return { key, hash: 'sha256', algorithm: algorithmIdentifier('1.2.840.113549.1.1.11', nullValue()) };
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === 'prime256v1') return { key, hash: 'sha256', algorithm: algorithmIdentifier('1.2.840.10045.4.3.2') };
  if (curve === 'secp384r1') return { key, hash: 'sha384', algorithm: algorithmIdentifier('1.2.840.10045.4.3.3') };
  throw new PkiError('key-unusable', 'authorities sign with RSA, P-256 or P-384');
}

export function signBytes({ key, hash }: SigningScheme, bytes: Buffer): Buffer {
  return sign(hash, bytes, key);
}
