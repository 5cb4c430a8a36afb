/** EnvelopedData (RFC 5652 section 6) and AuthEnvelopedData (RFC 5083): taken apart, and opened with the reader's keys. */
import { createDecipheriv, type Decipheriv } from 'node:crypto';
import { type ByteSource, free } from '../bytes/byte-source.ts';
import { collect, MEMORY_BYTES, type SpoolScope } from '../bytes/spool.ts';
import { IrregularLinesError } from '../mime/base64-source.ts';
import { readAlgorithm } from '../pki/certificate.ts';
import {
  children,
  contentOf,
  type DerNode,
  Fields,
  octetPieces,
  octetsOf,
  readElement,
  smallIntegerOf,
  TAG,
} from '../pki/der.ts';
import { element } from '../pki/der-writer.ts';
import { PkiError } from '../pki/errors.ts';
import { rc2CbcDecrypt } from '../pki/rc2.ts';
import { type ContentCipher, contentCipher } from './algorithms.ts';
import { type CbcKey, type CipherText, openCipherText, writeCipherText } from './cipher-text-file.ts';
import type { DecryptionKey } from './decryption-key.ts';
import { isFor, readRecipientInfos, transportLabel, unwrapContentKey, type WrappedKey } from './recipient-info.ts';

/** Openings tried before giving up: private key operations are the dearest thing a message can ask for. */
const MAX_ATTEMPTS = 32;

export interface Envelope {
  readonly recipients: readonly WrappedKey[];
  readonly cipher: ContentCipher;
  readonly parameters: Buffer | null;
  readonly encrypted: DerNode;
  /** AuthEnvelopedData: the tag, and the attributes it also covers, as DER. */
  readonly tag: Buffer | null;
  readonly associatedData: Buffer | null;
}

export type OpenedEnvelope =
  | { readonly opened: true; readonly content: ByteSource; readonly key: DecryptionKey; readonly keyTransport: string }
  /** None of the keys opens it: not a recipient, altered, or broken; the reader is not told which. */
  | { readonly opened: false };

/** Reads the structure. `authenticated` for AuthEnvelopedData. Throws PkiError, `unsupported` for an unknown cipher. */
export function readEnvelope(content: DerNode, authenticated: boolean): Envelope {
  const fields = new Fields(content);
  fields.next(TAG.integer);
  fields.optional(0xa0); // originatorInfo
  const recipients = readRecipientInfos(fields.next(TAG.set));
  const info = new Fields(fields.next(TAG.sequence));
  info.next(TAG.oid);
  const algorithm = readAlgorithm(info.next(TAG.sequence));
  const [encrypted] = info.rest();
  const cipher = contentCipher(algorithm.oid);
  if (cipher === null) throw new PkiError('unsupported', `content cipher ${algorithm.oid}`);
  if (cipher.authenticated !== authenticated) throw new PkiError('malformed', 'CMS: cipher in the wrong structure');
  if (encrypted === undefined || (encrypted.tag !== 0x80 && encrypted.tag !== 0xa0)) {
    throw new PkiError('malformed', 'CMS: no encrypted content');
  }
  const attributes = authenticated ? fields.optional(0xa1) : null;
  const tag = authenticated ? octetsOf(fields.next(TAG.octetString)) : null;
  const associatedData = attributes === null ? null : element(TAG.set, contentOf(attributes));
  return { recipients, cipher, parameters: algorithm.parameters, encrypted, tag, associatedData };
}

/**
 * Tries every copy of the content key that names one of the keys. Every failure is the same answer.
 * @param scope where large content waits until it is known to be whole; null for memory
 */
export function openEnvelope(
  envelope: Envelope,
  keys: readonly DecryptionKey[],
  scope: SpoolScope | null,
): OpenedEnvelope {
  let attempts = 0;
  const large = largeCipherText(envelope, scope);
  for (const recipient of envelope.recipients) {
    for (const key of keys) {
      if (!isFor(recipient, key.certificate)) continue;
      attempts += 1;
      if (attempts > MAX_ATTEMPTS) return { opened: false };
      try {
        const contentKey = unwrapContentKey(recipient, key, envelope.cipher.keyBytes);
        const content = decryptContent(envelope, contentKey, { scope, large });
        return { opened: true, content, key, keyTransport: transportLabel(recipient, key.certificate) };
      } catch (error) {
        if (error instanceof IrregularLinesError) throw error;
        // The next copy or key may fit.
      }
    }
  }
  return { opened: false };
}

/** Opens what is large and under AES in CBC mode; null for all other content. */
type OpenLarge = ((contentKey: Buffer) => ByteSource) | null;

/** However many copies of the key are tried, the cipher text is written once. */
function largeCipherText(envelope: Envelope, scope: SpoolScope | null): OpenLarge {
  const { cipher, encrypted } = envelope;
  const { name } = cipher;
  if (scope === null || !isAesCbc(name) || encrypted.contentEnd - encrypted.contentStart <= MEMORY_BYTES) return null;
  let written: CipherText | null = null;
  return (key) => {
    written ??= writeCipherText(octetPieces(encrypted), scope);
    return openCipherText(written, { name, key, iv: ivOf(envelope) }, scope);
  };
}

/** Throws unless the content opens whole; with GCM only after its tag was verified. Overwrites the key. */
function decryptContent(
  envelope: Envelope,
  contentKey: Buffer,
  { scope, large }: { scope: SpoolScope | null; large: OpenLarge },
): ByteSource {
  try {
    if (large !== null) return large(contentKey);
    const { cipher, encrypted } = envelope;
    if (cipher.name === 'rc2-cbc') return decryptRc2(envelope, contentKey);
    const decipher = cipher.authenticated
      ? gcmDecipher(envelope, contentKey)
      : createDecipheriv(cipher.name, contentKey, ivOf(envelope));
    return collect(deciphered(octetPieces(encrypted), decipher), scope, encrypted.contentEnd - encrypted.contentStart);
  } finally {
    contentKey.fill(0);
  }
}

function* deciphered(pieces: Iterable<Buffer>, decipher: Decipheriv): Generator<Buffer> {
  for (const piece of pieces) {
    const slice = decipher.update(piece);
    yield slice;
    free(slice);
  }
  yield decipher.final();
}

function isAesCbc(name: string): name is CbcKey['name'] {
  return /^aes-(128|192|256)-cbc$/.test(name);
}

function ivOf({ parameters }: Envelope): Buffer {
  return parameters === null ? Buffer.alloc(0) : octetsOf(readElement(parameters));
}

/** GCMParameters (RFC 5084 section 3.2). Tags shorter than 12 octets are refused: they can be guessed. */
function gcmDecipher(envelope: Envelope, contentKey: Buffer) {
  const [nonce, length] = envelope.parameters === null ? [] : children(readElement(envelope.parameters));
  const tagBytes = length === undefined ? 12 : smallIntegerOf(length);
  if (nonce === undefined || envelope.tag === null || tagBytes < 12 || envelope.tag.length !== tagBytes) {
    throw new PkiError('malformed', 'GCM parameters');
  }
  const name = envelope.cipher.name as 'aes-256-gcm';
  const decipher = createDecipheriv(name, contentKey, octetsOf(nonce), { authTagLength: tagBytes });
  decipher.setAuthTag(envelope.tag);
  if (envelope.associatedData !== null) decipher.setAAD(envelope.associatedData);
  return decipher;
}

const MAX_RC2_BYTES = 8 * 1024 * 1024;

// RC2ParameterVersion of RFC 2268 section 6: small numbers stand for key sizes.
const RC2_BITS: Record<number, number> = { 160: 40, 120: 64, 58: 128 };

function decryptRc2(envelope: Envelope, contentKey: Buffer): Buffer {
  const fields = envelope.parameters === null ? [] : children(readElement(envelope.parameters));
  const [version, iv] = fields;
  if (version === undefined || iv === undefined) throw new PkiError('malformed', 'RC2 parameters');
  // Its own code, and whole in memory: nothing that old is large.
  if (envelope.encrypted.contentEnd - envelope.encrypted.contentStart > MAX_RC2_BYTES) {
    throw new PkiError('too-complex', 'too much in RC2');
  }
  const bits = RC2_BITS[smallIntegerOf(version)] ?? contentKey.length * 8;
  return rc2CbcDecrypt(contentKey, bits, octetsOf(iv), octetsOf(envelope.encrypted));
}
