/** Message disposition notifications (RFC 8098): "was shown", asked for by `Disposition-Notification-To`. */
import { decodeBody } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { withoutComments } from '../mime/headers.ts';
import { readReportFields, recipientAddress } from './report-fields.ts';

/** RFC 8098 section 3.2.6.2, and those of RFC 3798 that programs still write */
export type Disposition = 'displayed' | 'dispatched' | 'processed' | 'deleted' | 'denied' | 'failed';

export interface ReadReceipt {
  /** With its brackets */
  readonly originalMessageId: string;
  readonly originalRecipient: string | null;
  readonly finalRecipient: string;
  readonly disposition: Disposition;
  /** The person agreed to this one receipt; otherwise a program sent it by itself */
  readonly sentByPerson: boolean;
  readonly reportingProgram: string | null;
}

const MAX_BYTES = 256 * 1024;
const TYPES: ReadonlySet<string> = new Set([
  'message/disposition-notification',
  'message/global-disposition-notification',
]);
const DISPOSITIONS: ReadonlySet<string> = new Set([
  'displayed',
  'dispatched',
  'processed',
  'deleted',
  'denied',
  'failed',
]);

/** Null where the message, as a whole, is no receipt. Who wrote it is for the caller to judge. */
export function readReadReceipt(message: MimeEntity): ReadReceipt | null {
  if (message.contentType.value !== 'multipart/report') return null;
  const part = message.children.find((child) => TYPES.has(child.contentType.value));
  if (part === undefined || part.end - part.bodyStart > MAX_BYTES) return null;
  const fields = readReportFields(decodeBody(part).toString('utf8'))[0];
  const originalMessageId = /<[^<>\s]{1,990}>/.exec(fields?.get('original-message-id') ?? '')?.[0];
  const finalRecipient = recipientAddress(fields?.get('final-recipient'));
  const [mode = '', type = ''] = withoutComments(fields?.get('disposition') ?? '')
    .toLowerCase()
    .split(';');
  const disposition = type.split('/')[0]?.trim() ?? '';
  if (originalMessageId === undefined || finalRecipient === null || !DISPOSITIONS.has(disposition)) return null;
  return {
    originalMessageId,
    originalRecipient: recipientAddress(fields?.get('original-recipient')),
    finalRecipient,
    disposition: disposition as Disposition,
    sentByPerson: mode.split('/')[1]?.trim() === 'mdn-sent-manually',
    reportingProgram: fields?.get('reporting-ua') || null,
  };
}
