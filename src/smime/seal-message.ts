/** Signs and encrypts a MIME entity into a message ready to be submitted (RFC 8551). */
import { randomBytes } from 'node:crypto';
import {
  base64Stretch,
  type EntityPiece,
  joinStretches,
  type Stretch,
  slicesOfAll,
  stretchOf,
  stretchOfBytes,
  totalSize,
} from '../mime/encode.ts';
import { parseEntity } from '../mime/parse.ts';
import type { Certificate } from '../pki/certificate.ts';
import { asBuffer } from '../pki/der.ts';
import { protectHeaders } from './protect-headers.ts';
import { type ContentEncryption, envelopeStretch } from './write-envelope.ts';
import { isTransport, type KeyTransport } from './write-recipient-info.ts';
import { micalg, type SigningKey, signedDataStretches } from './write-signature.ts';

export type { ContentEncryption } from './write-envelope.ts';
export type { KeyTransport } from './write-recipient-info.ts';
export type { SigningKey } from './write-signature.ts';

export interface SealQuestion {
  /** The entity to protect: Content-* fields, a blank line, the body. Of pieces, the first has the whole header. */
  readonly mime: Buffer | readonly EntityPiece[];
  /** Outer header fields as bytes, each ended by a line break, no Content-* and no MIME-Version among them. */
  readonly headers: Buffer;
  readonly sign?: SigningKey | undefined;
  /** Recipients and the sender. One envelope holds them all: see `groupRecipients`. */
  readonly encryptTo?: readonly Certificate[] | undefined;
  /** Signed content inside the CMS rather than beside it; only for a message that is signed alone. */
  readonly opaque?: boolean | undefined;
  readonly content?: ContentEncryption | undefined;
  /** For recipients with RSA keys; PKCS#1 v1.5 unless all of them announced OAEP with SHA-256. */
  readonly keyTransport?: KeyTransport | undefined;
  /** Header fields inside as well (RFC 9788); `hide-subject` leaves `[...]` outside when the message is encrypted. */
  readonly protect?: 'copy' | 'hide-subject' | undefined;
  /** Only the entity, without outer header fields: to go into further messages. */
  readonly entityOnly?: boolean | undefined;
  /** The signing time. */
  readonly at: Date;
}

/**
 * The final bytes, CRLF throughout, all in memory. Signed inside encrypted when both are asked for, as is when neither is.
 * Throws PkiError `unsupported` for keys that cannot do what is asked.
 */
export function sealMessage(question: SealQuestion): Buffer {
  return joinStretches(sealStretches(question));
}

/** The same as stretches, to be written once in order: the entity may be larger than what fits into memory. */
export function sealStretches(question: SealQuestion): Stretch[] {
  const { sign, encryptTo, at } = question;
  const encrypting = encryptTo !== undefined;
  const pieces = Buffer.isBuffer(question.mime) ? [question.mime] : [...question.mime];
  let { headers } = question;
  const [first] = pieces;
  if (question.protect !== undefined && (sign !== undefined || encrypting) && first instanceof Uint8Array) {
    const hide = question.protect === 'hide-subject';
    const marked = protectHeaders(asBuffer(first), question.headers, encrypting, hide);
    pieces[0] = marked.mime;
    headers = marked.headers;
  }
  let entity = pieces.map(stretchOf);
  if (sign !== undefined) entity = (question.opaque ? opaqueSigned : clearSigned)(entity, sign, at);
  if (encrypting) entity = encrypted(entity, encryptTo, question);
  return question.entityOnly ? entity : [stretchOf(headers), lines('MIME-Version: 1.0'), ...entity];
}

function clearSigned(entity: readonly Stretch[], key: SigningKey, at: Date): Stretch[] {
  const boundary = `sealpost-${randomBytes(18).toString('hex')}`;
  const { content, cms } = signedDataStretches(entity, key, at, false);
  return [
    lines(
      'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
      ` micalg=${micalg(key.certificate)}; boundary="${boundary}"`,
      '',
      'This is a signed message in S/MIME format.',
      '',
      `--${boundary}`,
    ),
    content,
    lines('', `--${boundary}`),
    ...cmsPart('application/pkcs7-signature', 'smime.p7s', cms),
    lines(`--${boundary}--`),
  ];
}

function opaqueSigned(entity: readonly Stretch[], key: SigningKey, at: Date): Stretch[] {
  const { cms } = signedDataStretches(entity, key, at, true);
  return cmsPart('application/pkcs7-mime; smime-type=signed-data', 'smime.p7m', cms);
}

function encrypted(
  entity: readonly Stretch[],
  recipients: readonly Certificate[],
  { content = 'aes-256-cbc', keyTransport }: SealQuestion,
): Stretch[] {
  const type = content === 'aes-256-gcm' ? 'authEnveloped-data' : 'enveloped-data';
  const envelope = envelopeStretch(entity, recipients, content, keyTransport);
  return cmsPart(`application/pkcs7-mime; smime-type=${type}`, 'smime.p7m', [envelope]);
}

function cmsPart(type: string, fileName: string, cms: readonly Stretch[]): Stretch[] {
  const head = lines(
    `Content-Type: ${type};`,
    ` name="${fileName}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${fileName}"`,
    '',
  );
  return [head, base64Stretch({ size: totalSize(cms), slices: () => slicesOfAll(cms) })];
}

function lines(...list: string[]): Stretch {
  return stretchOfBytes(linesOf(...list));
}

function linesOf(...list: string[]): Buffer {
  return Buffer.from(list.map((line) => `${line}\r\n`).join(''), 'latin1');
}

/**
 * Key transport (RSA) and key agreement (elliptic curves) recipients apart: old NSS cannot read an envelope with both, so
 * each group gets an envelope of its own (crypto.md).
 */
export function groupRecipients(certificates: readonly Certificate[]): {
  keyTransport: Certificate[];
  keyAgreement: Certificate[];
} {
  return {
    keyTransport: certificates.filter(isTransport),
    keyAgreement: certificates.filter((certificate) => !isTransport(certificate)),
  };
}

const INNER_FIELD = /^content-|^mime-version$/;

/** Parts a complete message into the outer header fields and the entity that signing and encrypting are about. */
export function splitMessage(message: Buffer): { headers: Buffer; mime: Buffer } {
  const root = parseEntity(message);
  const bytesOf = (inner: boolean) =>
    root.headers.flatMap((field) => {
      const belongs = INNER_FIELD.test(field.name) === inner && field.name !== 'mime-version';
      return belongs ? [message.subarray(field.start, field.end)] : [];
    });
  const content = bytesOf(true);
  const typed = root.headers.some((field) => field.name === 'content-type');
  const type = typed ? [] : [linesOf('Content-Type: text/plain')];
  const mime = Buffer.concat([...type, ...content, linesOf(''), message.subarray(root.bodyStart, root.end)]);
  return { headers: Buffer.concat(bytesOf(false)), mime };
}
