import type { ImapFlow, ListResponse } from 'imapflow';
import { isSafeFolderName, type MailboxConnection, type MailboxResult } from './imap-connection.ts';

/** RFC 6154; `Inbox` is INBOX itself. */
export type SpecialUse = 'Inbox' | 'Drafts' | 'Sent' | 'Trash' | 'Junk' | 'Archive' | 'All' | 'Flagged';

export interface Folder {
  /** Full name, as the other functions of this library take it */
  path: string;
  /** Last part of the path */
  name: string;
  /** Separator of path parts; empty on a server without hierarchy */
  delimiter: string;
  specialUse: SpecialUse | null;
  /** False for a name that only has folders below it */
  selectable: boolean;
  messages: number;
  unseen: number;
}

const SPECIAL_USES: readonly SpecialUse[] = ['Inbox', 'Drafts', 'Sent', 'Trash', 'Junk', 'Archive', 'All', 'Flagged'];

/** All folders with their counts, in one round trip where the server can (LIST-STATUS, RFC 5819). */
export function listFolders(connection: MailboxConnection): Promise<MailboxResult<Folder[]>> {
  return connection.run(async (client) => {
    const listed = await client.list({ statusQuery: { messages: true, unseen: true } });
    return { ok: true, value: listed.map(toFolder) };
  });
}

/** Creates a folder; one that is already there is fine. Gives its path. */
export function createFolder(connection: MailboxConnection, path: string): Promise<MailboxResult<string>> {
  if (!isSafeFolderName(path)) return Promise.resolve({ ok: false, reason: 'refused' });
  return connection.run(async (client) => ({ ok: true, value: (await client.mailboxCreate(path)).path }));
}

/**
 * Path of the folder for `use`, by its RFC 6154 attribute or its usual name; made where there is none, since a copy of a
 * sent message must have somewhere to go.
 */
export function specialFolder(
  connection: MailboxConnection,
  use: 'Drafts' | 'Sent' | 'Trash' | 'Junk' | 'Archive',
): Promise<MailboxResult<string>> {
  return connection.run(async (client) => ({ ok: true, value: await findOrCreateSpecial(client, use) }));
}

/** As `specialFolder`, for a task that already holds the connection. */
export async function findOrCreateSpecial(client: ImapFlow, use: SpecialUse): Promise<string> {
  const listed = await client.list();
  const found = listed.find((entry) => entry.specialUse === `\\${use}` && isSelectable(entry));
  return found?.path ?? (await client.mailboxCreate(use)).path;
}

function toFolder(entry: ListResponse): Folder {
  const use = SPECIAL_USES.find((candidate) => `\\${candidate}` === entry.specialUse) ?? null;
  return {
    path: entry.path,
    name: entry.name,
    delimiter: entry.delimiter ?? '',
    specialUse: use,
    selectable: isSelectable(entry),
    messages: entry.status?.messages ?? 0,
    unseen: entry.status?.unseen ?? 0,
  };
}

function isSelectable(entry: ListResponse): boolean {
  return !entry.flags.has('\\Noselect') && !entry.flags.has('\\NonExistent');
}
