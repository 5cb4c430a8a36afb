import type { FetchMessageObject, MessageAddressObject } from 'imapflow';
import { describeStructure, type StructureMarks } from './body-structure.ts';
import type { MailboxConnection, MailboxResult } from './imap-connection.ts';
import { readUnknownMarks } from './structure-marks.ts';

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
    const lines = total === 0 ? [] : await client.fetchAll(`${first}:${last}`, LINE);
    const { uidValidity } = mailbox;
    await readUnknownMarks(client, connection.knownMarks, folder, uidValidity, lines);
    const rows = lines.map((line) => toRow(line, connection.knownMarks.get(folder, uidValidity, line.uid)));
    rows.sort((a, b) => b.seq - a.seq);
    return { ok: true, value: { folder, uidValidity, total, page: shown, pages, rows } };
  });
}

const LINE = { uid: true, flags: true, envelope: true, internalDate: true, size: true } as const;

function toRow(message: FetchMessageObject, marks: StructureMarks | undefined): MessageRow {
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
    ...(marks ?? describeStructure(undefined)),
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
