/** Makes EnvelopedData (AES-256-CBC) and AuthEnvelopedData (AES-256-GCM, RFC 5083/5084) for several recipients. */
import { type Cipheriv, createCipheriv, randomBytes } from 'node:crypto';
import { free } from '../bytes/byte-source.ts';
import { joinStretches, type Stretch, slicesOfAll, stretchOfBytes, totalSize } from '../mime/encode.ts';
import type { Certificate } from '../pki/certificate.ts';
import {
  algorithmIdentifier,
  elementHeader,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { CONTENT_TYPE } from './algorithms.ts';
import { isTransport, type KeyTransport, writeRecipientInfo } from './write-recipient-info.ts';

export type ContentEncryption = 'aes-256-cbc' | 'aes-256-gcm';

const CIPHER_OID: Record<ContentEncryption, string> = {
  'aes-256-cbc': '2.16.840.1.101.3.4.1.42',
  'aes-256-gcm': '2.16.840.1.101.3.4.1.46',
};

const TAG_BYTES = 16;

/** The ContentInfo in DER. Throws PkiError `unsupported` for a recipient's key that nothing can be encrypted to. */
export function writeEnvelope(content: Buffer, recipients: readonly Certificate[], form: ContentEncryption): Buffer {
  return joinStretches([envelopeStretch([stretchOfBytes(content)], recipients, form)]);
}

/** The same slice by slice, the content in one or more stretches. To be read once: a key and nonce serve one content. */
export function envelopeStretch(
  content: readonly Stretch[],
  recipients: readonly Certificate[],
  form: ContentEncryption,
  transport: KeyTransport = 'rsa-pkcs1',
): Stretch {
  if (recipients.length === 0) throw new PkiError('unsupported', 'an envelope needs a recipient');
  const contentKey = randomBytes(32);
  try {
    const infos = setOf(...recipients.map((certificate) => writeRecipientInfo(certificate, contentKey, transport)));
    const version = form === 'aes-256-gcm' ? 0 : recipients.every(isTransport) ? 0 : 2;
    return form === 'aes-256-gcm'
      ? authEnveloped(content, contentKey, integer(version), infos)
      : enveloped(content, contentKey, integer(version), infos);
  } finally {
    // The ciphers have their own copy.
    contentKey.fill(0);
  }
}

function enveloped(content: readonly Stretch[], key: Buffer, version: Buffer, infos: Buffer): Stretch {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const algorithm = algorithmIdentifier(CIPHER_OID['aes-256-cbc'], octetString(iv));
  const bytes = (Math.floor(totalSize(content) / 16) + 1) * 16;
  const head = headOf(CONTENT_TYPE.envelopedData, [version, infos], algorithm, bytes, 0);
  return { size: total(head) + bytes, slices: () => encryptedSlices(head, content, cipher, () => []) };
}

function authEnveloped(content: readonly Stretch[], key: Buffer, version: Buffer, infos: Buffer): Stretch {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  const algorithm = algorithmIdentifier(CIPHER_OID['aes-256-gcm'], sequence(octetString(nonce), integer(TAG_BYTES)));
  const bytes = totalSize(content);
  const tagBytes = octetString(Buffer.alloc(TAG_BYTES)).length;
  const head = headOf(CONTENT_TYPE.authEnvelopedData, [version, infos], algorithm, bytes, tagBytes);
  const tag = () => [octetString(cipher.getAuthTag())];
  return { size: total(head) + bytes + tagBytes, slices: () => encryptedSlices(head, content, cipher, tag) };
}

function* encryptedSlices(
  head: readonly Buffer[],
  content: readonly Stretch[],
  cipher: Cipheriv,
  after: () => Buffer[],
): Generator<Buffer> {
  yield* head;
  for (const slice of slicesOfAll(content)) {
    const encrypted = cipher.update(slice);
    yield encrypted;
    free(encrypted);
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
