import type { ImapFlow } from 'imapflow';
import type { MailboxConnection, MailboxResult } from './imap-connection.ts';

/**
 * Deletes every message of every folder for good, and the folders themselves, whose names may tell as much; the inbox stays, empty.
 * Gives how many messages there were. Stops at the first thing that the server refuses; the next attempt goes on from there.
 */
export function emptyMailbox(connection: MailboxConnection): Promise<MailboxResult<number>> {
  return connection.run(async (client) => {
    const folders = await client.list();
    let removed = 0;
    for (const { path, flags } of folders) {
      if (isOnlyName(flags)) continue;
      const count = await deleteMessages(client, path);
      if (count === null) return { ok: false, reason: 'refused' };
      removed += count;
    }
    // Those within others first.
    for (const { path, flags } of folders.toSorted((one, other) => other.path.length - one.path.length)) {
      if (path.toUpperCase() === 'INBOX') continue;
      // A mere level may have gone with the last folder in it.
      if (isOnlyName(flags)) await client.mailboxDelete(path).catch(() => undefined);
      else await client.mailboxDelete(path);
    }
    return { ok: true, value: removed };
  });
}

/** RFC 9051 section 7.3.1: a level above other folders, without messages of its own */
function isOnlyName(flags: ReadonlySet<string>): boolean {
  return flags.has('\\NonExistent') || flags.has('\\Noselect');
}

async function deleteMessages(client: ImapFlow, folder: string): Promise<number | null> {
  const lock = await client.getMailboxLock(folder);
  try {
    const there = client.mailbox === false ? 0 : client.mailbox.exists;
    if (there > 0 && !(await client.messageDelete('1:*'))) return null;
    return there;
  } finally {
    lock.release();
  }
}
