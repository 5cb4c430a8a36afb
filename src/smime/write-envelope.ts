/** Makes EnvelopedData (AES-256-CBC) and AuthEnvelopedData (AES-256-GCM, RFC 5083/5084) for several recipients. */
import {
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

/** The ContentInfo in DER. Throws PkiError `unsupported` for a recipient's key that nothing can be encrypted to. */
export function writeEnvelope(content: Buffer, recipients: readonly Certificate[], form: ContentEncryption): Buffer {
  if (recipients.length === 0) throw new PkiError('unsupported', 'an envelope needs a recipient');
  const contentKey = randomBytes(32);
  try {
    const infos = setOf(...recipients.map((certificate) => recipientInfo(certificate, contentKey)));
    const version = form === 'aes-256-gcm' ? 0 : recipients.every(isTransport) ? 0 : 2;
    return form === 'aes-256-gcm'
      ? authEnveloped(content, contentKey, integer(version), infos)
      : enveloped(content, contentKey, integer(version), infos);
  } finally {
    contentKey.fill(0);
  }
}

function enveloped(content: Buffer, key: Buffer, version: Buffer, infos: Buffer): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const algorithm = algorithmIdentifier(CIPHER_OID['aes-256-cbc'], octetString(iv));
  const bytes = (Math.floor(content.length / 16) + 1) * 16;
  const pieces = [cipher.update(content), cipher.final()];
  return assemble(CONTENT_TYPE.envelopedData, [version, infos], algorithm, bytes, pieces, []);
}

function authEnveloped(content: Buffer, key: Buffer, version: Buffer, infos: Buffer): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  const algorithm = algorithmIdentifier(CIPHER_OID['aes-256-gcm'], sequence(octetString(nonce), integer(16)));
  const pieces = [cipher.update(content), cipher.final()];
  const tag = octetString(cipher.getAuthTag());
  return assemble(CONTENT_TYPE.authEnvelopedData, [version, infos], algorithm, content.length, pieces, [tag]);
}

// The large cipher text is joined once, at the end: its length is known, so every header around it can be written before.
function assemble(
  type: string,
  before: Buffer[],
  algorithm: Buffer,
  encryptedBytes: number,
  pieces: Buffer[],
  after: Buffer[],
): Buffer {
  const infoHead = [objectIdentifier(CONTENT_TYPE.data), algorithm, elementHeader(0x80, encryptedBytes)];
  const infoBytes = total(infoHead) + encryptedBytes;
  const bodyHead = [...before, elementHeader(0x30, infoBytes), ...infoHead];
  const bodyBytes = total(bodyHead) + encryptedBytes + total(after);
  const bodyHeader = elementHeader(0x30, bodyBytes);
  const wrapper = elementHeader(0xa0, bodyHeader.length + bodyBytes);
  const oid = objectIdentifier(type);
  const outer = elementHeader(0x30, oid.length + wrapper.length + bodyHeader.length + bodyBytes);
  return Buffer.concat([outer, oid, wrapper, bodyHeader, ...bodyHead, ...pieces, ...after]);
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
