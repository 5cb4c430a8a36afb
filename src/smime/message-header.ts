/** The header that the page shows: the protected fields where the message has them (RFC 9788), else those outside. */

import type { SpoolScope } from '../bytes/spool.ts';
import { parseAddressList, sameAddress } from '../mime/addresses.ts';
import { decodedSource } from '../mime/decode.ts';
import type { MimeEntity } from '../mime/entity.ts';
import { decodeEncodedWords, parseDate } from '../mime/headers.ts';
import { headerValue, parseEntity } from '../mime/parse.ts';
import type { SenderFacts } from './assess-signer.ts';
import { changedOutside, hpOf, isSubjectHidden } from './header-protection.ts';
import type { MailAddress, OpenedMessage } from './verdict.ts';

export type MessageHeader = Pick<
  OpenedMessage,
  | 'from'
  | 'protectedFrom'
  | 'sender'
  | 'to'
  | 'cc'
  | 'replyTo'
  | 'date'
  | 'subject'
  | 'subjectProtected'
  | 'subjectHidden'
  | 'headersProtected'
  | 'headersChanged'
  | 'messageId'
  | 'inReplyTo'
  | 'references'
  | 'rootHeaders'
>;

/**
 * What signatures are measured against. What is protected counts, but where From or Date were changed outside, the outer one
 * is what the list and other programs show: then that is measured, and a second From is told.
 * @param payload what lies inside all layers; null where nothing does
 */
export function senderOf(root: MimeEntity, payload: MimeEntity | null): SenderFacts {
  const outer = fromAndDate(root);
  if (payload === null || payload === root || hpOf(payload) === null) return { ...outer, protectedFrom: null };
  const inner = fromAndDate(payload);
  const date = changedOutside(root, payload).includes('Date') ? (outer.date ?? inner.date) : inner.date;
  if (inner.from.length === 0) return { ...outer, date, protectedFrom: null };
  const single = outer.single && inner.single;
  if (samePeople(outer.from, inner.from)) return { from: inner.from, single, date, protectedFrom: null };
  return { from: outer.from, single, date, protectedFrom: inner.from };
}

function fromAndDate(entity: MimeEntity): Omit<SenderFacts, 'protectedFrom'> {
  const fields = entity.headers.filter((field) => field.name === 'from');
  const from = fields.flatMap((field) => parseAddressList(field.value));
  const date = headerValue(entity, 'date');
  return {
    from,
    single: fields.length === 1 && from.length === 1 && from[0]?.address !== '',
    date: date === null ? null : parseDate(date),
  };
}

function samePeople(a: readonly MailAddress[], b: readonly MailAddress[]): boolean {
  return a.length === b.length && a.every((one, index) => sameAddress(one.address, b[index]?.address ?? ''));
}

/**
 * @param covered the content inside the signature or encryption; null when nothing protects it
 * @param encrypted whether one of the layers around it is an encryption
 */
export function readMessageHeader(
  root: MimeEntity,
  covered: MimeEntity | null,
  encrypted: boolean,
  scope: SpoolScope | null,
): MessageHeader {
  const payload = covered !== null && covered !== root && hpOf(covered) !== null ? covered : null;
  const inner = payload ?? (covered === null ? null : wrappedMessage(covered, root, scope));
  // With `hp` nothing from outside counts (RFC 9788 section 4.2): a field that is missing inside was put on by somebody else.
  const pick = (name: string) =>
    payload !== null ? headerValue(payload, name) : (headerValue(inner ?? root, name) ?? headerValue(root, name));
  const { from, date, protectedFrom } = senderOf(root, payload);
  return {
    from,
    protectedFrom,
    sender: addresses(headerValue(root, 'sender'))[0] ?? null,
    to: addresses(pick('to')),
    cc: addresses(pick('cc')),
    replyTo: addresses(pick('reply-to')),
    date,
    subject: decodeEncodedWords(pick('subject') ?? ''),
    subjectProtected: inner !== null && headerValue(inner, 'subject') !== null,
    subjectHidden: encrypted && inner !== null && isSubjectHidden(root, inner),
    headersProtected: payload !== null,
    headersChanged: payload === null ? [] : changedOutside(root, payload),
    ...thread(root, payload),
    rootHeaders: root.headers.map((field) => ({ name: field.rawName, value: field.value })),
  };
}

function thread(root: MimeEntity, payload: MimeEntity | null) {
  const fields = payload ?? root;
  // Some programs leave it to the server.
  const own = headerValue(fields, 'message-id') ?? headerValue(root, 'message-id');
  return {
    messageId: messageIds(own)[0] ?? null,
    inReplyTo: messageIds(headerValue(fields, 'in-reply-to'))[0] ?? null,
    references: messageIds(headerValue(fields, 'references')),
  };
}

function addresses(value: string | null): MailAddress[] {
  return value === null ? [] : parseAddressList(value);
}

function messageIds(value: string | null): string[] {
  return (value?.match(/<[^<>\s]{1,500}>/g) ?? []).slice(0, 200);
}

/**
 * A message/rfc822 as the whole content wraps the message itself (RFC 8551 section 3.1) when it has the same sender; from
 * another sender, or where the fields are protected by `hp`, it is a forwarded one and stays an attachment.
 */
export function wrappedMessage(covered: MimeEntity, root: MimeEntity, scope: SpoolScope | null): MimeEntity | null {
  if (covered === root || covered.contentType.value !== 'message/rfc822' || hpOf(covered) !== null) return null;
  const inner = parseEntity(decodedSource(covered, scope), `${covered.partPath}.1`);
  const sender = fromAndDate(inner);
  const same = sender.single && sameAddress(sender.from[0]?.address ?? '', fromAndDate(root).from[0]?.address ?? '');
  return same ? inner : null;
}
