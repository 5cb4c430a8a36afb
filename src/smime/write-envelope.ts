/** Makes EnvelopedData (AES-256-CBC) and AuthEnvelopedData (AES-256-GCM, RFC 5083/5084) for several recipients. */
import {
  type Cipheriv,
  createCipheriv,
  constants as crypto,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';
import { children, type DerNode, rawOf, readElement } from '../pki/der.ts';
import {
  algorithmIdentifier,
  context,
  elementHeader,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { AES256_WRAP, CONTENT_TYPE, ECDH_SHA256, HKDF_SHA256, KEY_ALGORITHM } from './algorithms.ts';
import { deriveKey, sharedInfo, wrapKey } from './key-agreement.ts';

export type ContentEncryption = 'aes-256-cbc' | 'aes-256-gcm';

const CIPHER_OID: Record<ContentEncryption, string> = {
  'aes-256-cbc': '2.16.840.1.101.3.4.1.42',
  'aes-256-gcm': '2.16.840.1.101.3.4.1.46',
};
const WRAP_ALGORITHM = algorithmIdentifier(AES256_WRAP);

/** Content is encrypted in slices of this size: each is still in the processor's cache when it is encoded. */
const SLICE_BYTES = 256 * 1024;
const TAG_BYTES = 16;

/** An encoding that is made while it is read: its size is known before. */
export interface EnvelopeStream {
  readonly size: number;
  /** To be read once. */
  readonly pieces: Iterable<Buffer>;
}

/** The ContentInfo in DER. Throws PkiError `unsupported` for a recipient's key that nothing can be encrypted to. */
export function writeEnvelope(content: Buffer, recipients: readonly Certificate[], form: ContentEncryption): Buffer {
  return Buffer.concat([...streamEnvelope([content], recipients, form).pieces]);
}

/** The same bit by bit, the content in one or more pieces, so that a large one is not held in three forms at once. */
export function streamEnvelope(
  content: readonly Buffer[],
  recipients: readonly Certificate[],
  form: ContentEncryption,
): EnvelopeStream {
  if (recipients.length === 0) throw new PkiError('unsupported', 'an envelope needs a recipient');
  const contentKey = randomBytes(32);
  try {
    const infos = setOf(...recipients.map((certificate) => recipientInfo(certificate, contentKey)));
    const version = form === 'aes-256-gcm' ? 0 : recipients.every(isTransport) ? 0 : 2;
    return form === 'aes-256-gcm'
      ? authEnveloped(content, contentKey, integer(version), infos)
      : enveloped(content, contentKey, integer(version), infos);
  } finally {
    // The ciphers have their own copy.
    contentKey.fill(0);
  }
}

function enveloped(content: readonly Buffer[], key: Buffer, version: Buffer, infos: Buffer): EnvelopeStream {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const algorithm = algorithmIdentifier(CIPHER_OID['aes-256-cbc'], octetString(iv));
  const bytes = (Math.floor(total(content) / 16) + 1) * 16;
  const head = headOf(CONTENT_TYPE.envelopedData, [version, infos], algorithm, bytes, 0);
  return { size: total(head) + bytes, pieces: encryptedPieces(head, content, cipher, () => []) };
}

function authEnveloped(content: readonly Buffer[], key: Buffer, version: Buffer, infos: Buffer): EnvelopeStream {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  const algorithm = algorithmIdentifier(CIPHER_OID['aes-256-gcm'], sequence(octetString(nonce), integer(TAG_BYTES)));
  const bytes = total(content);
  const tagBytes = octetString(Buffer.alloc(TAG_BYTES)).length;
  const head = headOf(CONTENT_TYPE.authEnvelopedData, [version, infos], algorithm, bytes, tagBytes);
  const tag = () => [octetString(cipher.getAuthTag())];
  return { size: total(head) + bytes + tagBytes, pieces: encryptedPieces(head, content, cipher, tag) };
}

function* encryptedPieces(
  head: readonly Buffer[],
  content: readonly Buffer[],
  cipher: Cipheriv,
  after: () => Buffer[],
): Generator<Buffer> {
  yield* head;
  for (const piece of content) {
    for (let at = 0; at < piece.length; at += SLICE_BYTES) yield cipher.update(piece.subarray(at, at + SLICE_BYTES));
  }
  yield cipher.final();
  yield* after();
}

// The length of the cipher text is known, so every header around it can be written before.
function headOf(
  type: string,
  before: Buffer[],
  algorithm: Buffer,
  encryptedBytes: number,
  afterBytes: number,
): Buffer[] {
  const infoHead = [objectIdentifier(CONTENT_TYPE.data), algorithm, elementHeader(0x80, encryptedBytes)];
  const infoBytes = total(infoHead) + encryptedBytes;
  const bodyHead = [...before, elementHeader(0x30, infoBytes), ...infoHead];
  const bodyBytes = total(bodyHead) + encryptedBytes + afterBytes;
  const bodyHeader = elementHeader(0x30, bodyBytes);
  const wrapper = elementHeader(0xa0, bodyHeader.length + bodyBytes);
  const oid = objectIdentifier(type);
  const outer = elementHeader(0x30, oid.length + wrapper.length + bodyHeader.length + bodyBytes);
  return [outer, oid, wrapper, bodyHeader, ...bodyHead];
}

function total(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function isTransport(certificate: Certificate): boolean {
  return certificate.key.family === 'rsa';
}

function recipientInfo(certificate: Certificate, contentKey: Buffer): Buffer {
  switch (certificate.key.family) {
    case 'rsa':
      return transportInfo(certificate, contentKey);
    case 'ec':
      return agreementInfo(certificate, contentKey, ephemeralFor(certificate), ECDH_SHA256);
    case 'x25519':
      return agreementInfo(certificate, contentKey, generateKeyPairSync('x25519'), HKDF_SHA256);
    default:
      throw new PkiError('unsupported', `encrypting to ${certificate.keyLabel}`);
  }
}

// RSA PKCS#1 v1.5: the one form of key transport that every S/MIME program reads (crypto.md).
function transportInfo(certificate: Certificate, contentKey: Buffer): Buffer {
  const wrapped = publicEncrypt({ key: certificate.publicKey, padding: crypto.RSA_PKCS1_PADDING }, contentKey);
  const algorithm = algorithmIdentifier(KEY_ALGORITHM.rsa, nullValue());
  return sequence(integer(0), issuerAndSerial(certificate), algorithm, octetString(wrapped));
}

interface EphemeralPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

function ephemeralFor(certificate: Certificate): EphemeralPair {
  const namedCurve = certificate.publicKey.asymmetricKeyDetails?.namedCurve;
  if (namedCurve === undefined) throw new PkiError('unsupported', `encrypting to ${certificate.keyLabel}`);
  return generateKeyPairSync('ec', { namedCurve });
}

function agreementInfo(certificate: Certificate, contentKey: Buffer, ephemeral: EphemeralPair, kdf: string): Buffer {
  const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: certificate.publicKey });
  const kek = deriveKey(kdf, secret, sharedInfo(WRAP_ALGORITHM, 32, null), 32, null) as Buffer;
  const wrapped = wrapKey(kek, contentKey);
  secret.fill(0);
  kek.fill(0);
  const spki = ephemeral.publicKey.export({ type: 'spki', format: 'der' });
  const [algorithm, point] = children(readElement(spki)) as [DerNode, DerNode];
  return context(
    1,
    integer(3),
    context(0, context(1, rawOf(algorithm), rawOf(point))),
    algorithmIdentifier(kdf, WRAP_ALGORITHM),
    sequence(sequence(issuerAndSerial(certificate), octetString(wrapped))),
  );
}

function issuerAndSerial(certificate: Certificate): Buffer {
  return sequence(certificate.issuerRaw, certificate.serialRaw);
}
