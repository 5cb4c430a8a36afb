/** Makes SignedData of CMS with one signer (RFC 5652 section 5, RFC 8551 section 2). */
import { createHash, constants as crypto, type KeyObject, sign } from 'node:crypto';
import { joinStretches, type Stretch, slicesOfAll, stretchOfBytes, totalSize } from '../mime/encode.ts';
import type { Certificate } from '../pki/certificate.ts';
import {
  algorithmIdentifier,
  context,
  element,
  elementHeader,
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
  /** The marking of the content, bound by a security label (RFC 2634 section 3). */
  readonly marking?: string | undefined;
}

type SigningDigest = 'sha256' | 'sha384' | 'sha512';

interface SignatureForm {
  digest: SigningDigest;
  /** What node:crypto is told; Ed25519 hashes by itself. */
  hash: SigningDigest | null;
  algorithm: Buffer;
  /** RSA-PSS: octets of salt. */
  saltLength?: number;
}

/**
 * The ContentInfo in DER, for content that is held in memory.
 * @param content the canonical bytes that are signed
 * @param opaque whether the content stands inside; detached otherwise
 */
export function writeSignedData(content: Buffer, key: SigningKey, at: Date, opaque: boolean): Buffer {
  return joinStretches(signedDataStretches([stretchOfBytes(content)], key, at, opaque));
}

/** The same for content of any size, which is gone through once here, and once more by who reads an opaque result. */
export function signedDataStretches(
  content: readonly Stretch[],
  key: SigningKey,
  at: Date,
  opaque: boolean,
): Stretch[] {
  const { certificate } = key;
  const form = signatureForm(certificate);
  const digestAlgorithm = algorithmIdentifier(DIGEST_OID[form.digest]);
  const extra = key.encryptionCertificate === undefined ? [] : [key.encryptionCertificate];
  const before = Buffer.concat([integer(1), setOf(digestAlgorithm)]);
  const after = Buffer.concat([
    certificateSet([certificate, ...extra, ...key.chain]),
    setOf(signerInfo(content, key, at, form, digestAlgorithm)),
  ]);
  const type = objectIdentifier(CONTENT_TYPE.data);
  if (!opaque) {
    return [stretchOfBytes(contentInfo(CONTENT_TYPE.signedData, sequence(before, sequence(type), after)))];
  }
  const bytes = totalSize(content);
  // Every header stands before the content, so their lengths are written from the inside out.
  const octets = elementHeader(0x04, bytes);
  const wrapper = Buffer.concat([elementHeader(0xa0, octets.length + bytes), octets]);
  const encapsulated = Buffer.concat([elementHeader(0x30, type.length + wrapper.length + bytes), type, wrapper]);
  const bodyBytes = before.length + encapsulated.length + bytes + after.length;
  const body = Buffer.concat([elementHeader(0x30, bodyBytes), before, encapsulated]);
  const outer = elementHeader(0xa0, body.length + bytes + after.length);
  const outerType = objectIdentifier(CONTENT_TYPE.signedData);
  const all = outerType.length + outer.length + body.length + bytes + after.length;
  const head = Buffer.concat([elementHeader(0x30, all), outerType, outer, body]);
  return [stretchOfBytes(head), ...content, stretchOfBytes(after)];
}

function signerInfo(
  content: readonly Stretch[],
  key: SigningKey,
  at: Date,
  form: SignatureForm,
  digestAlgorithm: Buffer,
): Buffer {
  const { certificate } = key;
  const hash = createHash(form.digest);
  for (const slice of slicesOfAll(content)) hash.update(slice);
  const attributes = writeSignedAttributes({
    messageDigest: hash.digest(),
    at,
    certificate,
    encryptionCertificate: key.encryptionCertificate ?? certificate,
    marking: key.marking,
  });
  const pss =
    form.saltLength === undefined ? {} : { padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength: form.saltLength };
  const signature = sign(form.hash, attributes, { key: key.privateKey, dsaEncoding: 'der', ...pss });
  const implicit = Buffer.from(attributes);
  implicit[0] = 0xa0;
  return sequence(
    integer(1),
    sequence(certificate.issuerRaw, certificate.serialRaw),
    digestAlgorithm,
    implicit,
    form.algorithm,
    octetString(signature),
  );
}

/** `micalg` of multipart/signed (RFC 8551 section 3.5.3.2). */
export function micalg(certificate: Certificate): string {
  return signatureForm(certificate).digest.replace('sha', 'sha-');
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
    case 'rsa-pss':
      return pssForm(certificate);
    case 'ec': {
      const digest = digestForCurve(certificate.key.bits);
      return { digest, hash: digest, algorithm: algorithmIdentifier(ECDSA_OID[digest]) };
    }
    case 'ed25519': // RFC 8419 section 3.1: with SHA-512 for the message digest
      return { digest: 'sha512', hash: null, algorithm: algorithmIdentifier(KEY_ALGORITHM.ed25519) };
    default:
      throw new PkiError('unsupported', `signing with ${certificate.keyLabel}`);
  }
}

const ECDSA_OID: Record<SigningDigest, string> = {
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
};

/** The digest that is as strong as the curve (RFC 5754 section 3.3, RFC 5480 section 4). */
function digestForCurve(bits: number): SigningDigest {
  if (bits <= 256) return 'sha256';
  return bits <= 384 ? 'sha384' : 'sha512';
}

/**
 * RSASSA-PSS-params (RFC 4055 section 3.1) for a key that is for PSS alone: what the key restricts itself to, else SHA-256 with
 * a salt of 32 octets.
 */
function pssForm(certificate: Certificate): SignatureForm {
  const details = certificate.publicKey.asymmetricKeyDetails ?? {};
  const digest = (details.hashAlgorithm ?? 'sha256') as SigningDigest;
  const mask = details.mgf1HashAlgorithm ?? digest;
  if (!(digest in ECDSA_OID) || mask !== digest)
    throw new PkiError('unsupported', `signing with ${certificate.keyLabel}`);
  const saltLength = Math.max(details.saltLength ?? 0, Number(digest.slice(3)) / 8);
  const hash = algorithmIdentifier(DIGEST_OID[digest]);
  const algorithm = algorithmIdentifier(
    KEY_ALGORITHM.rsaPss,
    sequence(
      context(0, hash),
      context(1, algorithmIdentifier(KEY_ALGORITHM.mgf1, hash)),
      context(2, integer(saltLength)),
    ),
  );
  return { digest, hash: digest, algorithm, saltLength };
}
