/** The request for the certificate of an issuing authority (PKCS#10, RFC 2986), for an outside root to sign. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import {
  algorithmIdentifier,
  bitString,
  context,
  integer,
  nullValue,
  objectIdentifier,
  sequence,
  setOf,
  utf8String,
} from './der-writer.ts';
import { PkiError } from './errors.ts';
import { issuingAuthorityProfile } from './issue.ts';

const COMMON_NAME = '2.5.4.3';
/** RFC 2985 section 5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

export interface AuthorityRequestOptions {
  /** PKCS#8 in DER. */
  readonly privateKey: Buffer;
  readonly name: string;
  /** As for `createIssuingAuthority` */
  readonly domains: readonly string[];
  readonly clientAuthentication?: boolean;
}

/** The request in DER. It asks for what our own root would write; whether the outside authority does so is its decision. */
export function writeAuthorityRequest(options: AuthorityRequestOptions): Buffer {
  const { privateKey, name, domains, clientAuthentication } = options;
  const key = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const extensions = issuingAuthorityProfile(domains, undefined, clientAuthentication).map((each) =>
    Buffer.from(each.rawData),
  );
  const info = sequence(
    integer(0),
    sequence(setOf(sequence(objectIdentifier(COMMON_NAME), utf8String(name)))),
    publicKey,
    context(0, sequence(objectIdentifier(EXTENSION_REQUEST), setOf(sequence(...extensions)))),
  );
  const { hash, algorithm } = signatureFor(key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve);
  return sequence(info, algorithm, bitString(sign(hash, info, { key, dsaEncoding: 'der' })));
}

function signatureFor(type: string | undefined, curve: string | undefined): { hash: string; algorithm: Buffer } {
  if (type === 'rsa') return { hash: 'sha256', algorithm: algorithmIdentifier('1.2.840.113549.1.1.11', nullValue()) };
  if (curve === 'prime256v1') return { hash: 'sha256', algorithm: algorithmIdentifier('1.2.840.10045.4.3.2') };
  if (curve === 'secp384r1') return { hash: 'sha384', algorithm: algorithmIdentifier('1.2.840.10045.4.3.3') };
  throw new PkiError('key-unusable', 'authorities sign with RSA, P-256 or P-384');
}
