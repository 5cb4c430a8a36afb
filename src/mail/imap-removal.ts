import type { MailboxConnection, MailboxResult } from './imap-connection.ts';

/** Deletes every message of every folder for good. Gives how many there were; the empty folders stay. */
export function emptyMailbox(connection: MailboxConnection): Promise<MailboxResult<number>> {
  return connection.run(async (client) => {
    let removed = 0;
    for (const { path, flags } of await client.list()) {
      if (flags.has('\\NonExistent') || flags.has('\\Noselect')) continue;
      const lock = await client.getMailboxLock(path);
      try {
        const there = client.mailbox === false ? 0 : client.mailbox.exists;
        if (there > 0 && !(await client.messageDelete('1:*'))) return { ok: false, reason: 'refused' };
        removed += there;
      } finally {
        lock.release();
      }
    }
    return { ok: true, value: removed };
  });
}
