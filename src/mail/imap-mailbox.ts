import type { ImapFlow } from 'imapflow';
import {
  isSafeFolderName,
  type MailboxConnection,
  type MailboxResult,
  mailboxFailure,
  type OpenFolder,
} from './imap-connection.ts';
import { findOrCreateSpecial } from './imap-folders.ts';

/** Messages of one folder, by UID. */
export interface MessageSet {
  folder: string;
  uidValidity: bigint;
  uids: readonly number[];
}

export type MessageFlag = 'seen' | 'answered' | 'flagged' | 'draft' | 'forwarded' | 'receipt-answered';

/** `$Forwarded` and `$MDNSent` are keywords of RFC 9051 section 2.3.2. */
const FLAG_NAMES: Record<MessageFlag, string> = {
  seen: '\\Seen',
  answered: '\\Answered',
  flagged: '\\Flagged',
  draft: '\\Draft',
  forwarded: '$Forwarded',
  'receipt-answered': '$MDNSent',
};

/** Sets or clears a flag. Gives the UIDs that are still there; `gone` when none is. */
export function setFlag(
  connection: MailboxConnection,
  messages: MessageSet,
  flag: MessageFlag,
  on: boolean,
): Promise<MailboxResult<number[]>> {
  return withMessages(connection, messages, async ({ client }, uids) => {
    const names = [FLAG_NAMES[flag]];
    const range = uids.join(',');
    const done = on
      ? await client.messageFlagsAdd(range, names, { uid: true })
      : await client.messageFlagsRemove(range, names, { uid: true });
    return done ? { ok: true, value: uids } : notDone(client);
  });
}

/** Moves messages to another folder. Gives the UIDs that were there; `gone` when none is, or the destination is missing. */
export function moveMessages(
  connection: MailboxConnection,
  messages: MessageSet,
  destination: string,
): Promise<MailboxResult<number[]>> {
  if (!isSafeFolderName(destination)) return Promise.resolve({ ok: false, reason: 'gone' });
  return withMessages(connection, messages, async ({ client, mailbox }, uids) => {
    if (mailbox.path === destination) return { ok: true, value: uids };
    return moveTo(client, uids, destination);
  });
}

/** Where deleted messages went: `null` when they were in Trash already and are gone for good. */
export interface Deleted {
  uids: number[];
  movedTo: string | null;
}

/** Moves messages to Trash; from Trash they are removed for good. */
export function deleteMessages(connection: MailboxConnection, messages: MessageSet): Promise<MailboxResult<Deleted>> {
  return withMessages(connection, messages, async ({ client, mailbox }, uids) => {
    const trash = await findOrCreateSpecial(client, 'Trash');
    if (mailbox.path === trash) {
      const done = await client.messageDelete(uids.join(','), { uid: true });
      return done ? { ok: true, value: { uids, movedTo: null } } : notDone(client);
    }
    const moved = await moveTo(client, uids, trash);
    return moved.ok ? { ok: true, value: { uids, movedTo: trash } } : moved;
  });
}

export interface Appended {
  /** Null from servers without UIDPLUS (RFC 4315) */
  uid: number | null;
  uidValidity: bigint | null;
}

/**
 * Stores a message in a folder.
 * @param bytes the whole message with CRLF line ends
 * @param options.date becomes the arrival time of the copy
 */
export function appendMessage(
  connection: MailboxConnection,
  folder: string,
  bytes: Buffer,
  options: { flags?: readonly MessageFlag[]; date?: Date } = {},
): Promise<MailboxResult<Appended>> {
  if (!isSafeFolderName(folder)) return Promise.resolve({ ok: false, reason: 'gone' });
  return connection.run(async (client) => {
    const flags = (options.flags ?? []).map((flag) => FLAG_NAMES[flag]);
    const stored = await client.append(folder, bytes, flags, options.date);
    if (!stored) return { ok: false, reason: 'connection-lost' };
    return { ok: true, value: { uid: stored.uid ?? null, uidValidity: stored.uidValidity ?? null } };
  });
}

/** Messages of a folder with exactly this Message-ID: how a copy is found again before it is filed twice. */
export function findByMessageId(
  connection: MailboxConnection,
  folder: string,
  messageId: string,
): Promise<MailboxResult<MessageSet>> {
  const wanted = bareMessageId(messageId);
  return connection.inFolder(folder, null, async ({ client, mailbox }) => {
    // HEADER finds substrings (RFC 9051 section 6.4.4): the exact one is picked from the envelopes
    const found = await client.search({ header: { 'Message-ID': wanted } }, { uid: true });
    if (!Array.isArray(found)) return { ok: false, reason: client.usable ? 'refused' : 'connection-lost' };
    const uids: number[] = [];
    for await (const message of found.length === 0 ? [] : client.fetch(found, { envelope: true }, { uid: true })) {
      if (bareMessageId(message.envelope?.messageId ?? '') === wanted) uids.push(message.uid);
    }
    return { ok: true, value: { folder, uidValidity: mailbox.uidValidity, uids } };
  });
}

/** Messages of a folder that contain a text and arrived on `since` or later: how a report is found by its envelope id. */
export function findInBody(
  connection: MailboxConnection,
  folder: string,
  text: string,
  since: Date,
): Promise<MailboxResult<MessageSet>> {
  return connection.inFolder(folder, null, async ({ client, mailbox }) => {
    const found = await client.search({ since, body: text }, { uid: true });
    if (!Array.isArray(found)) return { ok: false, reason: client.usable ? 'refused' : 'connection-lost' };
    return { ok: true, value: { folder, uidValidity: mailbox.uidValidity, uids: found } };
  });
}

function bareMessageId(messageId: string): string {
  return messageId.trim().replace(/^<|>$/g, '');
}

/** Runs `task` with those of the UIDs that still exist: STORE and MOVE pass over the others in silence. */
function withMessages<T>(
  connection: MailboxConnection,
  messages: MessageSet,
  task: (open: OpenFolder, uids: number[]) => Promise<MailboxResult<T>>,
): Promise<MailboxResult<T>> {
  const asked = messages.uids.filter((uid) => Number.isSafeInteger(uid) && uid > 0);
  if (asked.length === 0) return Promise.resolve({ ok: false, reason: 'gone' });
  return connection.inFolder(messages.folder, messages.uidValidity, async (open) => {
    const uids: number[] = [];
    for await (const message of open.client.fetch(asked.join(','), { uid: true }, { uid: true }))
      uids.push(message.uid);
    if (uids.length === 0) return { ok: false, reason: 'gone' };
    return task(open, uids);
  });
}

async function moveTo(client: ImapFlow, uids: number[], destination: string): Promise<MailboxResult<number[]>> {
  const moved = await client.messageMove(uids.join(','), destination, { uid: true });
  if (moved) return { ok: true, value: uids };
  // imapflow keeps the server's reason to itself
  if (client.usable && !(await client.list({ listOnly: true })).some(({ path }) => path === destination)) {
    return { ok: false, reason: 'gone' };
  }
  return notDone(client);
}

function notDone<T>(client: ImapFlow): MailboxResult<T> {
  return { ok: false, reason: mailboxFailure(null, client) };
}
