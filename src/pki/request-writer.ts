/** The frame of a request for a certificate: PKCS#10 (RFC 2986), signed by the key that it is about. */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  algorithmIdentifier,
  bitString,
  context,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
  setOf,
} from './der-writer.ts';
import { PkiError } from './errors.ts';

/** RFC 2985 section 5.4.2. */
export const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/**
 * @param key private key: RSA, P-256 or P-384
 * @param subject a Name in DER
 * @param extensions each an Extension in DER; asked for, and not binding for the authority
 * @returns the request in DER
 * @throws PkiError `key-unusable` for another kind of key
 */
export function signedRequest(key: KeyObject, subject: Buffer, extensions: readonly Buffer[]): Buffer {
  const { hash, identifier } = signatureOf(key);
  const wish = sequence(objectIdentifier(EXTENSION_REQUEST), setOf(sequence(...extensions)));
  const info = sequence(
    integer(0),
    subject,
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    // Also where it is empty the field stays (RFC 2986 section 4.1: attributes is not OPTIONAL).
    context(0, ...(extensions.length === 0 ? [] : [wish])),
  );
  return sequence(info, identifier, bitString(sign(hash, info, key)));
}

function signatureOf(key: KeyObject): { hash: string; identifier: Buffer } {
  if (key.asymmetricKeyType === 'rsa')
    return { hash: 'sha256', identifier: algorithmIdentifier('1.2.840.113549.1.1.11', nullValue()) };
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === 'prime256v1') return { hash: 'sha256', identifier: algorithmIdentifier('1.2.840.10045.4.3.2') };
  if (curve === 'secp384r1') return { hash: 'sha384', identifier: algorithmIdentifier('1.2.840.10045.4.3.3') };
  throw new PkiError('key-unusable', 'requests are signed with RSA, P-256 or P-384');
}
