/** Makes SignedData of CMS with one signer (RFC 5652 section 5, RFC 8551 section 2). */
import { createHash, type KeyObject, sign } from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';
import {
  algorithmIdentifier,
  context,
  element,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { CONTENT_TYPE, DIGEST_OID, KEY_ALGORITHM } from './algorithms.ts';
import { writeSignedAttributes } from './signed-attributes.ts';

export interface SigningKey {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  /** Sent along so that the reader can build the path; the root only when its sending was asked for. */
  readonly chain: readonly Certificate[];
  /** Where answers should be encrypted to, when that is another certificate (two key pairs, row S09). */
  readonly encryptionCertificate?: Certificate | undefined;
}

interface SignatureForm {
  digest: 'sha256' | 'sha512';
  /** What node:crypto is told; Ed25519 hashes by itself. */
  hash: 'sha256' | null;
  algorithm: Buffer;
}

/**
 * The ContentInfo in DER.
 * @param content the canonical bytes that are signed
 * @param opaque whether the content stands inside; detached otherwise
 */
export function writeSignedData(content: Buffer, key: SigningKey, at: Date, opaque: boolean): Buffer {
  const { certificate } = key;
  const form = signatureForm(certificate);
  const attributes = writeSignedAttributes({
    messageDigest: createHash(form.digest).update(content).digest(),
    at,
    certificate,
    encryptionCertificate: key.encryptionCertificate ?? certificate,
  });
  const signature = sign(form.hash, attributes, { key: key.privateKey, dsaEncoding: 'der' });
  const implicit = Buffer.from(attributes);
  implicit[0] = 0xa0;
  const digestAlgorithm = algorithmIdentifier(DIGEST_OID[form.digest]);
  const signerInfo = sequence(
    integer(1),
    sequence(certificate.issuerRaw, certificate.serialRaw),
    digestAlgorithm,
    implicit,
    form.algorithm,
    octetString(signature),
  );
  const extra = key.encryptionCertificate === undefined ? [] : [key.encryptionCertificate];
  const encapsulated = opaque ? [context(0, octetString(content))] : [];
  return contentInfo(
    CONTENT_TYPE.signedData,
    sequence(
      integer(1),
      setOf(digestAlgorithm),
      sequence(objectIdentifier(CONTENT_TYPE.data), ...encapsulated),
      certificateSet([certificate, ...extra, ...key.chain]),
      setOf(signerInfo),
    ),
  );
}

/** `micalg` of multipart/signed (RFC 8551 section 3.5.3.2). */
export function micalg(certificate: Certificate): string {
  return signatureForm(certificate).digest === 'sha512' ? 'sha-512' : 'sha-256';
}

export function contentInfo(type: string, content: Buffer): Buffer {
  return sequence(objectIdentifier(type), context(0, content));
}

// Each once, in the order of their encodings, as DER wants a SET OF, under the implicit tag [0].
function certificateSet(certificates: readonly Certificate[]): Buffer {
  const once = new Map(certificates.map((certificate) => [certificate.sha256, certificate.der]));
  const sorted = [...once.values()].sort((a, b) => Buffer.compare(a, b));
  return element(0xa0, ...sorted);
}

function signatureForm(certificate: Certificate): SignatureForm {
  switch (certificate.key.family) {
    case 'rsa':
      return { digest: 'sha256', hash: 'sha256', algorithm: algorithmIdentifier(KEY_ALGORITHM.rsa, nullValue()) };
    case 'ec':
      return { digest: 'sha256', hash: 'sha256', algorithm: algorithmIdentifier('1.2.840.10045.4.3.2') };
    case 'ed25519': // RFC 8419 section 3.1: with SHA-512 for the message digest
      return { digest: 'sha512', hash: null, algorithm: algorithmIdentifier(KEY_ALGORITHM.ed25519) };
    default:
      throw new PkiError('unsupported', `signing with ${certificate.keyLabel}`);
  }
}
