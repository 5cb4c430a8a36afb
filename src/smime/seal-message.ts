/** Signs and encrypts a MIME entity into a message ready to be submitted (RFC 8551). */
import { randomBytes } from 'node:crypto';
import { toCanonicalLines } from '../mime/decode.ts';
import { type EntityPiece, joinEntity } from '../mime/encode.ts';
import { parseEntity } from '../mime/parse.ts';
import type { Certificate } from '../pki/certificate.ts';
import { asBuffer } from '../pki/der.ts';
import { protectHeaders } from './protect-headers.ts';
import { type ContentEncryption, streamEnvelope } from './write-envelope.ts';
import { micalg, type SigningKey, writeSignedData } from './write-signature.ts';

export type { ContentEncryption } from './write-envelope.ts';
export type { SigningKey } from './write-signature.ts';

export interface SealQuestion {
  /** The entity to protect: Content-* fields, a blank line, the body. */
  readonly mime: Buffer;
  /** Outer header fields as bytes, each ended by a line break, no Content-* and no MIME-Version among them. */
  readonly headers: Buffer;
  readonly sign?: SigningKey | undefined;
  /** Recipients and the sender. One envelope holds them all: see `groupRecipients`. */
  readonly encryptTo?: readonly Certificate[] | undefined;
  /** Signed content inside the CMS rather than beside it; only for a message that is signed alone. */
  readonly opaque?: boolean | undefined;
  readonly content?: ContentEncryption | undefined;
  /** Header fields inside as well (RFC 9788); `hide-subject` leaves `[...]` outside when the message is encrypted. */
  readonly protect?: 'copy' | 'hide-subject' | undefined;
  /** The signing time. */
  readonly at: Date;
}

/**
 * The final bytes, CRLF throughout. Signed inside encrypted when both are asked for, as is when neither is.
 * Throws PkiError `unsupported` for keys that cannot do what is asked.
 */
export function sealMessage(question: SealQuestion): Buffer {
  const { sign, encryptTo, at } = question;
  const encrypting = encryptTo !== undefined;
  const { mime, headers } =
    question.protect !== undefined && (sign !== undefined || encrypting)
      ? protectHeaders(question.mime, question.headers, encrypting, question.protect === 'hide-subject')
      : question;
  const canonical = toCanonicalLines(mime);
  let entity: EntityPiece[] = [canonical];
  if (sign !== undefined) entity = (question.opaque ? opaqueSigned : clearSigned)(canonical, sign, at);
  if (encrypting) entity = encrypted(entity, encryptTo, question.content ?? 'aes-256-cbc');
  return joinEntity([toCanonicalLines(headers), Buffer.from('MIME-Version: 1.0\r\n'), ...entity]);
}

function clearSigned(entity: Buffer, key: SigningKey, at: Date): EntityPiece[] {
  const boundary = `sealpost-${randomBytes(18).toString('hex')}`;
  const signature = writeSignedData(entity, key, at, false);
  return [
    lines(
      'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
      ` micalg=${micalg(key.certificate)}; boundary="${boundary}"`,
      '',
      'This is a signed message in S/MIME format.',
      '',
      `--${boundary}`,
    ),
    entity,
    lines('', `--${boundary}`),
    ...cmsPart('application/pkcs7-signature', 'smime.p7s', [signature], signature.length),
    lines(`--${boundary}--`),
  ];
}

function opaqueSigned(entity: Buffer, key: SigningKey, at: Date): EntityPiece[] {
  const cms = writeSignedData(entity, key, at, true);
  return cmsPart('application/pkcs7-mime; smime-type=signed-data', 'smime.p7m', [cms], cms.length);
}

function encrypted(
  entity: readonly EntityPiece[],
  recipients: readonly Certificate[],
  form: ContentEncryption,
): EntityPiece[] {
  const type = form === 'aes-256-gcm' ? 'authEnveloped-data' : 'enveloped-data';
  // What is encoded inside is small, a signature at most; the content itself is encrypted as it stands.
  const content = entity.map((piece) => (piece instanceof Uint8Array ? asBuffer(piece) : joinEntity([piece])));
  const { pieces, size } = streamEnvelope(content, recipients, form);
  return cmsPart(`application/pkcs7-mime; smime-type=${type}`, 'smime.p7m', pieces, size);
}

function cmsPart(type: string, fileName: string, base64: Iterable<Uint8Array>, size: number): EntityPiece[] {
  const head = lines(
    `Content-Type: ${type};`,
    ` name="${fileName}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${fileName}"`,
    '',
  );
  return [head, { base64, size }];
}

function lines(...list: string[]): Buffer {
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
  const isTransport = (certificate: Certificate) => certificate.key.family.startsWith('rsa');
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
  const type = typed ? [] : [lines('Content-Type: text/plain')];
  const mime = Buffer.concat([...type, ...content, lines(''), message.subarray(root.bodyStart, root.end)]);
  return { headers: Buffer.concat(bytesOf(false)), mime };
}
