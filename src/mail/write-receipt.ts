/** Receipts as messages: the machine-readable one of RFC 8098, and the wrapping of a signed one (RFC 2634). */
import { randomBytes } from 'node:crypto';
import { type Composition, composeMime } from './compose-mime.ts';

export interface DispositionFacts {
  /** Of the reader */
  readonly recipient: string;
  /** With its brackets */
  readonly originalMessageId: string;
}

const LINE = 76;

/** A person agreed to this one: the disposition says so. */
export async function writeReadReceipt(composition: Composition, facts: DispositionFacts): Promise<Buffer> {
  const { headers, entity } = await composeMime(composition);
  const [words] = entity;
  if (!(words instanceof Uint8Array) || entity.length !== 1) throw new TypeError('a receipt has one text');
  const boundary = `receipt-${randomBytes(18).toString('hex')}`;
  const lines = (...list: string[]) => Buffer.from(list.map((line) => `${line}\r\n`).join(''));
  return Buffer.concat([
    lines(...headers.map(({ line }) => line), 'MIME-Version: 1.0', 'Auto-Submitted: auto-replied'),
    lines(`Content-Type: multipart/report; report-type=disposition-notification;`, ` boundary="${boundary}"`, ''),
    lines(`--${boundary}`),
    words,
    lines('', `--${boundary}`, 'Content-Type: message/disposition-notification', ''),
    lines('Reporting-UA: Sealpost', `Final-Recipient: rfc822; ${facts.recipient}`),
    lines(`Original-Message-ID: ${facts.originalMessageId}`),
    lines('Disposition: manual-action/MDN-sent-manually; displayed', '', `--${boundary}--`),
  ]);
}

/** @param cms the ContentInfo of the receipt in DER */
export async function wrapSignedReceipt(composition: Composition, cms: Uint8Array): Promise<Buffer> {
  const { headers } = await composeMime(composition);
  const base64 = Buffer.from(cms)
    .toString('base64')
    .replace(new RegExp(`.{${LINE}}`, 'g'), '$&\r\n');
  const lines = [
    ...headers.map(({ line }) => line),
    'MIME-Version: 1.0',
    'Content-Type: application/pkcs7-mime; smime-type=signed-receipt;',
    ' name="smime.p7m"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="smime.p7m"',
    '',
    base64,
    '',
  ];
  return Buffer.from(lines.join('\r\n'));
}
