import type { MailboxConnection, MailboxResult } from './imap-connection.ts';

/** UIDNEXT of INBOX (RFC 9051 section 6.3.11): it grows by one with each message that arrives, whatever is deleted. */
export function inboxUidNext(connection: MailboxConnection): Promise<MailboxResult<number>> {
  return connection.run(async (client) => {
    // Of the folder that is open STATUS tells what this connection was told before; NOOP asks for what is new.
    if (client.mailbox !== false && client.mailbox.path === 'INBOX') await client.noop();
    const status = await client.status('INBOX', { uidNext: true });
    return status === false ? { ok: false, reason: 'gone' } : { ok: true, value: Number(status.uidNext ?? 0) };
  });
}

/** Messages of INBOX with this UID or a higher one that are still there. */
export function countSince(connection: MailboxConnection, uid: number): Promise<MailboxResult<number>> {
  return connection.inFolder('INBOX', null, async ({ client }) => {
    const found = await client.search({ uid: `${Math.max(1, uid)}:*` }, { uid: true });
    if (!Array.isArray(found)) return { ok: false, reason: client.usable ? 'refused' : 'connection-lost' };
    // The last message is in such a range whatever its number (RFC 9051 section 9, seq-range).
    return { ok: true, value: found.filter((each) => each >= uid).length };
  });
}
