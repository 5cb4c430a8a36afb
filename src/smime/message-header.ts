/** The header block that the page shows: the outer fields, and the protected ones where the message has them (RFC 9788). */

import type { SpoolScope } from '../bytes/spool.ts';
import { parseAddressList, sameAddress } from '../mime/addresses.ts';
import { decodedSource } from '../mime/decode.ts';
import { decodeEncodedWords, parseDate } from '../mime/headers.ts';
import { headerValue, type MimeEntity, parseEntity } from '../mime/parse.ts';
import type { SenderFacts } from './assess-signer.ts';
import type { MailAddress, OpenedMessage } from './verdict.ts';

export type MessageHeader = Pick<
  OpenedMessage,
  | 'from'
  | 'sender'
  | 'to'
  | 'cc'
  | 'replyTo'
  | 'date'
  | 'subject'
  | 'subjectProtected'
  | 'headersProtected'
  | 'messageId'
  | 'inReplyTo'
  | 'references'
  | 'rootHeaders'
>;

/** What signatures are measured against: always the outer From, which is what the list and other programs show. */
export function senderOf(root: MimeEntity): SenderFacts {
  const fields = root.headers.filter((field) => field.name === 'from');
  const from = fields.flatMap((field) => parseAddressList(field.value));
  const date = headerValue(root, 'date');
  return {
    from,
    single: fields.length === 1 && from.length === 1 && from[0]?.address !== '',
    date: date === null ? null : parseDate(date),
  };
}

/** @param covered the content inside the signature or encryption; null when nothing protects it */
export function readMessageHeader(
  root: MimeEntity,
  covered: MimeEntity | null,
  scope: SpoolScope | null,
): MessageHeader {
  const inner = covered === null || covered === root ? null : protectedFields(covered, root, scope);
  const pick = (name: string) => (inner === null ? null : headerValue(inner, name)) ?? headerValue(root, name);
  const innerSubject = inner === null ? null : headerValue(inner, 'subject');
  const date = headerValue(root, 'date');
  const messageId = headerValue(root, 'message-id');
  return {
    from: senderOf(root).from,
    sender: addresses(headerValue(root, 'sender'))[0] ?? null,
    to: addresses(pick('to')),
    cc: addresses(pick('cc')),
    replyTo: addresses(pick('reply-to')),
    date: date === null ? null : parseDate(date),
    subject: decodeEncodedWords(innerSubject ?? headerValue(root, 'subject') ?? ''),
    subjectProtected: innerSubject !== null,
    headersProtected: covered !== null && covered !== root && hasProtection(covered),
    messageId: messageIds(messageId)[0] ?? null,
    inReplyTo: messageIds(headerValue(root, 'in-reply-to'))[0] ?? null,
    references: messageIds(headerValue(root, 'references')),
    rootHeaders: root.headers.map((field) => ({ name: field.rawName, value: field.value })),
  };
}

function addresses(value: string | null): MailAddress[] {
  return value === null ? [] : parseAddressList(value);
}

function messageIds(value: string | null): string[] {
  return (value?.match(/<[^<>\s]{1,500}>/g) ?? []).slice(0, 200);
}

function hasProtection(entity: MimeEntity): boolean {
  return entity.contentType.parameters.has('hp');
}

/** The entity whose fields were protected: the content itself with `hp=`, or a whole message from the same sender inside. */
function protectedFields(covered: MimeEntity, root: MimeEntity, scope: SpoolScope | null): MimeEntity | null {
  if (hasProtection(covered)) return covered;
  return wrappedMessage(covered, root, scope);
}

/**
 * A message/rfc822 as the whole content wraps the message itself (RFC 8551 section 3.1) when it has the same sender; from
 * another sender it is a forwarded one and stays an attachment.
 */
export function wrappedMessage(covered: MimeEntity, root: MimeEntity, scope: SpoolScope | null): MimeEntity | null {
  if (covered === root || covered.contentType.value !== 'message/rfc822') return null;
  const inner = parseEntity(decodedSource(covered, scope), `${covered.partPath}.1`);
  const sender = senderOf(inner);
  const same = sender.single && sameAddress(sender.from[0]?.address ?? '', senderOf(root).from[0]?.address ?? '');
  return same ? inner : null;
}
