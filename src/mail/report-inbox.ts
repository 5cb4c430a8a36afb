/** Reports and receipts among the messages of an inbox: found by their structure, loaded as far as they are read, put away. */
import type { FetchMessageObject } from 'imapflow';
import type { MailboxConnection, MailboxResult } from './imap-connection.ts';
import { createFolder } from './imap-folders.ts';
import { type MessageSet, moveMessages, setFlag } from './imap-mailbox.ts';
import { toDate } from './message-list.ts';

/** Where an earlier look ended; null before the first one. */
export interface LookedUntil {
  readonly uidValidity: bigint;
  readonly lastUid: number;
}

export interface FoundReports {
  readonly until: LookedUntil;
  readonly uids: readonly number[];
}

export interface ReportSource {
  readonly uid: number;
  readonly arrivedAt: Date;
  readonly bytes: Buffer;
  /** There is more of it: a message that came back whole */
  readonly cut: boolean;
}

/** Folder of what was recognised, under the name that other programs see too. */
export const REPORTS_FOLDER = 'Reports';

const KiB = 1024;
/** The machine-readable part stands before what came back (RFC 3464 section 2). */
const MAX_BYTES = 512 * KiB;
const MAX_AT_ONCE = 200;
const LOOK = { uid: true, envelope: true, bodyStructure: true } as const;
/** What a server names itself where its report is a text for people. */
const DAEMON = /^(?:mailer-daemon|postmaster|double-bounce)(?:@|$)/i;

/**
 * Messages that may be reports, of those that came since the last look.
 * @param since how far the first look goes back
 */
export function findReports(
  connection: MailboxConnection,
  last: LookedUntil | null,
  since: Date,
): Promise<MailboxResult<FoundReports>> {
  return connection.inFolder('INBOX', null, async ({ client, mailbox }) => {
    const { uidValidity } = mailbox;
    const known = last !== null && last.uidValidity === uidValidity ? last.lastUid : null;
    const newest = Math.max(known ?? 0, Number(mailbox.uidNext) - 1);
    if (known !== null && known >= newest)
      return { ok: true, value: { until: { uidValidity, lastUid: known }, uids: [] } };
    const query = known === null ? { since } : { uid: `${known + 1}:*` };
    const found = await client.search(query, { uid: true });
    if (!Array.isArray(found)) return { ok: false, reason: client.usable ? 'refused' : 'connection-lost' };
    const fresh = found.filter((uid) => uid > (known ?? 0)).sort((a, b) => a - b);
    const asked = fresh.slice(0, MAX_AT_ONCE);
    const uids: number[] = [];
    for (const message of asked.length === 0 ? [] : await client.fetchAll(asked.join(','), LOOK, { uid: true })) {
      if (mayBeReport(message)) uids.push(message.uid);
    }
    const lastUid = fresh.length > asked.length ? (asked.at(-1) as number) : Math.max(newest, asked.at(-1) ?? 0);
    return { ok: true, value: { until: { uidValidity, lastUid }, uids } };
  });
}

function mayBeReport({ bodyStructure, envelope }: FetchMessageObject): boolean {
  if (bodyStructure?.type === 'multipart/report') return true;
  const receipt = bodyStructure?.parameters?.['smime-type']?.toLowerCase() === 'signed-receipt';
  if (receipt && /^application\/(?:x-)?pkcs7-mime$/.test(bodyStructure?.type ?? '')) return true;
  return (envelope?.from ?? []).some(({ address }) => DAEMON.test(address ?? ''));
}

/** A message as far as a report is read. `gone` when it is no longer there. */
export function fetchReport(
  connection: MailboxConnection,
  { uidValidity }: LookedUntil,
  uid: number,
): Promise<MailboxResult<ReportSource>> {
  return connection.inFolder('INBOX', uidValidity, async ({ client }) => {
    const query = { uid: true, internalDate: true, size: true, source: { start: 0, maxLength: MAX_BYTES } } as const;
    const message = await client.fetchOne(String(uid), query, { uid: true });
    if (!message || message.uid !== uid) return { ok: false, reason: 'gone' };
    const bytes = message.source ?? Buffer.alloc(0);
    const arrivedAt = toDate(message.internalDate) ?? new Date(0);
    return { ok: true, value: { uid, arrivedAt, bytes, cut: bytes.length >= MAX_BYTES } };
  });
}

/** Moves them out of the inbox, as read: what they say stands with the letter. */
export async function putAway(
  connection: MailboxConnection,
  { uidValidity }: LookedUntil,
  uids: readonly number[],
): Promise<MailboxResult<number[]>> {
  const messages: MessageSet = { folder: 'INBOX', uidValidity, uids };
  const folder = await createFolder(connection, REPORTS_FOLDER);
  if (!folder.ok) return folder;
  const seen = await setFlag(connection, messages, 'seen', true);
  return seen.ok ? moveMessages(connection, messages, folder.value) : seen;
}
