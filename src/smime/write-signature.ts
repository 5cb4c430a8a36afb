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
  /** Asks for signed receipts (RFC 2634 section 2). */
  readonly receipt?: { readonly contentIdentifier: Uint8Array; readonly to: string } | undefined;
  /** Told of each signature that is made, so that receipts about it can be recognised. */
  readonly onSigned?: ((attributes: Buffer, signature: Buffer) => void) | undefined;
}

type SigningDigest = 'sha256' | 'sha384' | 'sha512';

/** The signature over the signed attributes. */
type Signing = (attributes: Buffer) => Buffer;

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
  return joinStretches(signedDataStretches([stretchOfBytes(content)], key, at, opaque).cms);
}

/** What was signed, to be sent before or within `cms`: the signature is made of what was read there. */
export interface SignedStretches {
  readonly content: Stretch;
  /** The ContentInfo: beside the content when it is detached, else around it. */
  readonly cms: readonly Stretch[];
}

/** The same for content of any size, which is gone through once when it is read in order, and by one more pass under ECDSA. */
export function signedDataStretches(
  content: readonly Stretch[],
  key: SigningKey,
  at: Date,
  opaque: boolean,
): SignedStretches {
  const { certificate } = key;
  const form = signatureForm(certificate);
  const digestAlgorithm = algorithmIdentifier(DIGEST_OID[form.digest]);
  const extra = key.encryptionCertificate === undefined ? [] : [key.encryptionCertificate];
  const before = Buffer.concat([integer(1), setOf(digestAlgorithm)]);
  const certificates = certificateSet([certificate, ...extra, ...key.chain]);
  const signed = new HashedOnTheWay(content, form.digest);
  const after = signatureStretch(signed, key, form, (digest, signing) =>
    Buffer.concat([certificates, setOf(signerInfo(digest, key, at, signing))]),
  );
  const type = objectIdentifier(CONTENT_TYPE.data);
  const outerType = objectIdentifier(CONTENT_TYPE.signedData);
  const inner = opaque ? signed.stretch : stretchOfBytes(Buffer.alloc(0));
  // Every header stands before the content, so their lengths are written from the inside out.
  const octets = opaque ? elementHeader(0x04, inner.size) : Buffer.alloc(0);
  const wrapper = opaque ? Buffer.concat([elementHeader(0xa0, octets.length + inner.size), octets]) : octets;
  const encapsulated = Buffer.concat([elementHeader(0x30, type.length + wrapper.length + inner.size), type, wrapper]);
  const bodyBytes = before.length + encapsulated.length + inner.size + after.size;
  const body = Buffer.concat([elementHeader(0x30, bodyBytes), before, encapsulated]);
  const outer = elementHeader(0xa0, body.length + inner.size + after.size);
  const all = outerType.length + outer.length + body.length + inner.size + after.size;
  const head = stretchOfBytes(Buffer.concat([elementHeader(0x30, all), outerType, outer, body]));
  return { content: signed.stretch, cms: [head, inner, after] };
}

/** Content that is hashed while it is read for the first time, so that signing it needs no pass of its own. */
class HashedOnTheWay {
  readonly stretch: Stretch;
  readonly #content: readonly Stretch[];
  readonly #algorithm: SigningDigest;
  #digest: Buffer | null = null;

  constructor(content: readonly Stretch[], algorithm: SigningDigest) {
    this.#content = content;
    this.#algorithm = algorithm;
    this.stretch = { size: totalSize(content), slices: () => this.#slices() };
  }

  /** Reads everything when nobody has done so yet. */
  digest(): Buffer {
    for (const _ of this.#digest === null ? this.#slices() : []);
    if (this.#digest === null) throw new RangeError('content that was read has no digest');
    return this.#digest;
  }

  *#slices(): Generator<Buffer> {
    if (this.#digest !== null) {
      yield* slicesOfAll(this.#content);
      return;
    }
    const hash = createHash(this.#algorithm);
    for (const slice of slicesOfAll(this.#content)) {
      hash.update(slice);
      yield slice;
    }
    this.#digest ??= hash.digest();
  }
}

/**
 * What follows the content. Its size has to be known before, so it is made at once where signatures differ in length (ECDSA in
 * DER), else when it is read; once only, since no two signatures need be the same.
 */
function signatureStretch(
  content: HashedOnTheWay,
  { certificate, privateKey, onSigned }: SigningKey,
  form: SignatureForm,
  write: (digest: Buffer, signing: Signing) => Buffer,
): Stretch {
  let made: Buffer | null = null;
  const make = () => {
    made ??= write(content.digest(), (attributes) => {
      const value = signature(attributes, privateKey, form);
      onSigned?.(attributes, value);
      return value;
    });
    return made;
  };
  const signatureBytes = fixedSignatureBytes(certificate);
  if (signatureBytes === null) return stretchOfBytes(make());
  const digestBytes = Number(form.digest.slice(3)) / 8;
  const { length } = write(Buffer.alloc(digestBytes), () => Buffer.alloc(signatureBytes));
  return { size: length, slices: () => [make()] };
}

function fixedSignatureBytes({ key }: Certificate): number | null {
  if (key.family === 'ed25519') return 64;
  return key.family === 'rsa' || key.family === 'rsa-pss' ? Math.ceil(key.bits / 8) : null;
}

function signerInfo(messageDigest: Buffer, key: SigningKey, at: Date, signing: Signing): Buffer {
  const { certificate } = key;
  const attributes = writeSignedAttributes({
    messageDigest,
    at,
    certificate,
    encryptionCertificate: key.encryptionCertificate ?? certificate,
    marking: key.marking,
    receipt: key.receipt,
  });
  return writeSignerInfo(certificate, attributes, signing);
}

function signature(attributes: Buffer, privateKey: KeyObject, form: SignatureForm): Buffer {
  const pss =
    form.saltLength === undefined ? {} : { padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength: form.saltLength };
  return sign(form.hash, attributes, { key: privateKey, dsaEncoding: 'der', ...pss });
}

/** How a certificate signs: for other signed data than mail. */
export function digestNameOf(certificate: Certificate): SigningDigest {
  return signatureForm(certificate).digest;
}

/**
 * The SignerInfo in DER around signed attributes.
 * @param signing gives the signature over them; with the one of a file that was read, what the file must hold
 */
export function writeSignerInfo(
  certificate: Certificate,
  attributes: Buffer,
  signing: (attributes: Buffer) => Buffer,
): Buffer {
  const form = signatureForm(certificate);
  const implicit = Buffer.from(attributes);
  implicit[0] = 0xa0;
  return sequence(
    integer(1),
    sequence(certificate.issuerRaw, certificate.serialRaw),
    algorithmIdentifier(DIGEST_OID[form.digest]),
    implicit,
    form.algorithm,
    octetString(signing(attributes)),
  );
}

export function signAttributes(attributes: Buffer, privateKey: KeyObject, certificate: Certificate): Buffer {
  return signature(attributes, privateKey, signatureForm(certificate));
}

/** `micalg` of multipart/signed (RFC 8551 section 3.5.3.2). */
export function micalg(certificate: Certificate): string {
  return signatureForm(certificate).digest.replace('sha', 'sha-');
}

export function contentInfo(type: string, content: Buffer): Buffer {
  return sequence(objectIdentifier(type), context(0, content));
}

// Each once, in the order of their encodings, as DER wants a SET OF, under the implicit tag [0].
export function certificateSet(certificates: readonly Certificate[]): Buffer {
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
