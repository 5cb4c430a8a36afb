/** Delivery status notifications (RFC 3464, RFC 6533 for addresses in UTF-8), and the reports of servers that know no such format. */
import { decodeBody, decodedStart } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { parseDate, withoutComments } from '../mime/headers.ts';
import { headerValue, parseEntity } from '../mime/parse.ts';
import type { DeliveryAction, DeliveryReport, RecipientReport } from './report.ts';
import { decodeXtext, type ReportFields, readReportFields, recipientAddress, typedValue } from './report-fields.ts';
import { readTextReport } from './text-report.ts';

const MAX_STATUS_BYTES = 1024 * 1024;
const MAX_RETURNED_HEADER_BYTES = 256 * 1024;
const ACTIONS: ReadonlySet<string> = new Set(['failed', 'delayed', 'delivered', 'relayed', 'expanded']);
const STATUS_TYPES: ReadonlySet<string> = new Set(['message/delivery-status', 'message/global-delivery-status']);
const RETURNED_TYPES: ReadonlySet<string> = new Set([
  'message/rfc822',
  'text/rfc822-headers',
  'message/global',
  'message/global-headers',
]);

/**
 * Reads a report about the delivery of a message, or null where this is none. Only a report that is the whole message
 * counts: one that somebody attached says nothing.
 */
export function readDeliveryReport(message: MimeEntity): DeliveryReport | null {
  if (!isReport(message)) return readTextReport(message);
  const parts = message.children;
  const status = parts.find((part) => STATUS_TYPES.has(part.contentType.value));
  if (status === undefined || status.end - status.bodyStart > MAX_STATUS_BYTES) return null;
  const groups = readReportFields(decodeBody(status).toString('utf8'));
  const isRecipient = (fields: ReportFields) => fields.has('final-recipient') || fields.has('original-recipient');
  const about = groups.find((fields) => !isRecipient(fields));
  const recipients = groups.filter(isRecipient).map(readRecipient);
  const known = recipients.filter((each) => each !== null);
  if (known.length === 0) return null;
  const returned = parts.find((part) => RETURNED_TYPES.has(part.contentType.value));
  return {
    form: 'standard',
    envelopeId: envelopeIdOf(about?.get('original-envelope-id')),
    reportingMta: typedValue(about?.get('reporting-mta'))?.value || null,
    arrivedAt: dateOf(about?.get('arrival-date')),
    recipients: known,
    messageId: returned === undefined ? null : returnedMessageId(returned),
  };
}

/** OpenSMTPD writes the same parts in a multipart/mixed. */
function isReport({ contentType, children }: MimeEntity): boolean {
  if (contentType.value === 'multipart/report') return true;
  const [words, status] = children.map((child) => child.contentType.value);
  return contentType.value === 'multipart/mixed' && words === 'text/plain' && STATUS_TYPES.has(status ?? '');
}

function readRecipient(fields: ReportFields): RecipientReport | null {
  const action = withoutComments(fields.get('action') ?? '')
    .trim()
    .toLowerCase();
  if (!ACTIONS.has(action)) return null;
  const originalRecipient = recipientAddress(fields.get('original-recipient'));
  const finalRecipient = recipientAddress(fields.get('final-recipient'));
  if (originalRecipient === null && finalRecipient === null) return null;
  return {
    originalRecipient,
    finalRecipient,
    action: action as DeliveryAction,
    status: /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(fields.get('status') ?? '')?.[0] ?? null,
    remoteMta: typedValue(fields.get('remote-mta'))?.value || null,
    diagnostic: typedValue(fields.get('diagnostic-code'))?.value || null,
    lastAttemptAt: dateOf(fields.get('last-attempt-date')),
    willRetryUntil: dateOf(fields.get('will-retry-until')),
  };
}

function envelopeIdOf(written: string | undefined): string | null {
  const bare = written?.trim() ?? '';
  return /^[!-~]{1,100}$/.test(bare) ? decodeXtext(bare) : null;
}

function dateOf(written: string | undefined): Date | null {
  return written === undefined ? null : parseDate(written);
}

/** Of the message as it came back, or of its header alone. */
export function returnedMessageId(returned: MimeEntity): string | null {
  const bytes = decodedStart(returned, MAX_RETURNED_HEADER_BYTES);
  const written = headerValue(parseEntity(bytes), 'message-id');
  return written === null ? null : (/<[^<>\s]{1,990}>/.exec(written)?.[0] ?? null);
}

/** Whether the report speaks of this address: as the sender named it, or as the server did in the end. */
export function isAbout(report: RecipientReport, address: string): boolean {
  const key = address.toLowerCase();
  const named = report.originalRecipient ?? report.finalRecipient ?? '';
  return named.toLowerCase() === key || decodeXtext(named).toLowerCase() === key;
}
