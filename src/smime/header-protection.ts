/** What a sender says about the header of a message: which fields count, and which stood outside when it left (RFC 9788). */
import { parseAddressList } from '../mime/addresses.ts';
import type { HeaderField, MimeEntity } from '../mime/entity.ts';
import { decodeEncodedWords, parseDate } from '../mime/headers.ts';
import { headerValue } from '../mime/parse.ts';

/** `clear`: the fields are protected against changes alone; `cipher`: some may be hidden, too. */
export type HpValue = 'clear' | 'cipher';

/** What is longer is compared as it is written: no letter has it, and a hostile one is not to be taken apart again and again. */
const MAX_UNDERSTOOD = 64 * 1024;

type Field = Pick<HeaderField, 'name' | 'value'>;

/** Those that a reader acts on; what servers add on the way is none of them. */
const COMPARED = ['From', 'To', 'Cc', 'Reply-To', 'Subject', 'Date', 'Message-ID', 'In-Reply-To', 'References'];
const ADDRESSES = new Set(['from', 'to', 'cc', 'reply-to']);

/** The `hp` of what lies inside signature and encryption (section 2.1.1). Without it no field in there is a protected one. */
export function hpOf(payload: MimeEntity): HpValue | null {
  const value = payload.contentType.parameters.get('hp')?.toLowerCase();
  return value === 'clear' || value === 'cipher' ? value : null;
}

/** Names of fields that are other outside than the sender says they were there. Only ever a hint: the inner ones count. */
export function changedOutside(root: MimeEntity, payload: MimeEntity): string[] {
  const sent = sentOutside(payload);
  if (sent === null) return [];
  // A program may leave the Message-ID to the server that takes the message.
  const compared = COMPARED.filter(
    (name) => name !== 'Message-ID' || sent.some((field) => field.name === 'message-id'),
  );
  return compared.filter((name) => meaningOf(root.headers, name) !== meaningOf(sent, name));
}

/**
 * Whether the subject travelled inside the encryption only. Where the sender does not say what stood outside, what stands
 * there now decides.
 */
export function isSubjectHidden(root: MimeEntity, inner: MimeEntity): boolean {
  const subject = headerValue(inner, 'subject') ?? '';
  const outside = hpOf(inner) === 'cipher' ? (sentOutside(inner) ?? root.headers) : root.headers;
  return subject.trim() !== '' && meaningOf(outside, 'Subject') !== meaningOf(inner.headers, 'Subject');
}

/** With `cipher` what HP-Outer repeats (section 2.2), with `clear` the protected fields themselves; null when it is not said. */
function sentOutside(payload: MimeEntity): readonly Field[] | null {
  if (hpOf(payload) === 'clear') return payload.headers;
  const repeated = payload.headers.filter((field) => field.name === 'hp-outer');
  return repeated.length === 0 ? null : repeated.map(({ value }) => splitField(value));
}

function splitField(text: string): Field {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0)).trim().toLowerCase();
  return { name, value: text.slice(colon + 1).trim() };
}

/** Folding, encoded words and quotes may be written anew on the way without a change of what they say. */
function meaningOf(fields: readonly Field[], name: string): string {
  const key = name.toLowerCase();
  const values = fields.filter((field) => field.name === key).map(({ value }) => value);
  if (values.reduce((sum, value) => sum + value.length, 0) > MAX_UNDERSTOOD) return values.join('\n');
  if (ADDRESSES.has(key)) {
    const people = values.flatMap(parseAddressList);
    return people.map((one) => `${one.name} <${one.address.toLowerCase()}>`).join(', ');
  }
  if (key === 'date') return values.map((value) => parseDate(value)?.getTime() ?? value).join();
  return values.map((value) => decodeEncodedWords(value).replace(/\s+/g, ' ')).join('\n');
}
