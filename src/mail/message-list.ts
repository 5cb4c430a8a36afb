import type { FetchMessageObject, ImapFlow, MessageAddressObject } from 'imapflow';
import { describeStructure } from './body-structure.ts';
import type { MailboxConnection, MailboxResult } from './imap-connection.ts';

export interface ListedAddress {
  name: string;
  address: string;
}

/** One line of the mailbox page: all from ENVELOPE and BODYSTRUCTURE, the message is not opened. */
export interface MessageRow {
  uid: number;
  seq: number;
  from: ListedAddress | null;
  to: ListedAddress[];
  subject: string;
  /** The Date field: the sender's word; null when it is missing or unreadable */
  date: Date | null;
  /** When the message arrived */
  internalDate: Date;
  /** Bytes */
  size: number;
  messageId: string | null;
  unread: boolean;
  answered: boolean;
  flagged: boolean;
  draft: boolean;
  hasAttachment: boolean;
  /** The outermost MIME type says so; what is claimed is decided by opening the message */
  looksSigned: boolean;
  looksEncrypted: boolean;
}

export interface MessagePage {
  folder: string;
  uidValidity: bigint;
  /** Messages in the folder */
  total: number;
  /** From 1; the one asked for, or the last one where there are fewer */
  page: number;
  pages: number;
  rows: MessageRow[];
}

/**
 * One page, newest first by arrival. Paged by sequence number (RFC 9051 section 2.3.1.2), so that it costs the same in a
 * folder of any size: nothing is searched or sorted.
 */
export function listPage(
  connection: MailboxConnection,
  folder: string,
  page: number,
  pageSize = 50,
): Promise<MailboxResult<MessagePage>> {
  return connection.inFolder(folder, null, async ({ client, mailbox }) => {
    const total = mailbox.exists;
    const pages = Math.max(1, Math.ceil(total / pageSize));
    const shown = Math.min(Math.max(1, Math.trunc(page) || 1), pages);
    const last = total - (shown - 1) * pageSize;
    const first = Math.max(1, last - pageSize + 1);
    const rows = total === 0 ? [] : (await fetchLines(client, first, last)).map(toRow);
    rows.sort((a, b) => b.seq - a.seq);
    return { ok: true, value: { folder, uidValidity: mailbox.uidValidity, total, page: shown, pages, rows } };
  });
}

const LINE = { uid: true, flags: true, envelope: true, internalDate: true, size: true } as const;

/**
 * imapflow passes over an answer that is nested deeper than it reads: a message of very many levels would not be in the
 * list at all. It is asked for again without its structure; numbers do not change between two FETCHes (RFC 9051 section 7.5.1).
 */
async function fetchLines(client: ImapFlow, first: number, last: number): Promise<FetchMessageObject[]> {
  const fetched = await client.fetchAll(`${first}:${last}`, { ...LINE, bodyStructure: true });
  const there = new Set(fetched.map((message) => message.seq));
  const missing: number[] = [];
  for (let seq = first; seq <= last; seq++) if (!there.has(seq)) missing.push(seq);
  if (missing.length === 0) return fetched;
  return [...fetched, ...(await client.fetchAll(missing.join(','), LINE))];
}

function toRow(message: FetchMessageObject): MessageRow {
  const { envelope } = message;
  const flags = message.flags ?? new Set<string>();
  return {
    uid: message.uid,
    seq: message.seq,
    from: toAddresses(envelope?.from)[0] ?? null,
    to: toAddresses(envelope?.to),
    subject: envelope?.subject ?? '',
    date: toDate(envelope?.date),
    internalDate: toDate(message.internalDate) ?? new Date(0),
    size: message.size ?? 0,
    messageId: envelope?.messageId ?? null,
    unread: !flags.has('\\Seen'),
    answered: flags.has('\\Answered'),
    flagged: flags.has('\\Flagged'),
    draft: flags.has('\\Draft'),
    ...describeStructure(message.bodyStructure),
  };
}

function toAddresses(list: MessageAddressObject[] | undefined): ListedAddress[] {
  return (list ?? []).map(({ name, address }) => ({ name: name ?? '', address: address ?? '' }));
}

/** imapflow leaves a date that it can not read as text. */
export function toDate(value: Date | string | undefined): Date | null {
  if (value === undefined) return null;
  const date = value instanceof Date ? value : new Date(value);
  return Number.isNaN(date.getTime()) ? null : date;
}
