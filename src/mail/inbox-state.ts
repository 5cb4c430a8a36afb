import type { MailboxConnection, MailboxResult } from './imap-connection.ts';

/** UIDNEXT of INBOX (RFC 9051 section 6.3.11): it grows by one with each message that arrives, whatever is deleted. */
export function inboxUidNext(connection: MailboxConnection): Promise<MailboxResult<number>> {
  return connection.run(async (client) => {
    const status = await client.status('INBOX', { uidNext: true });
    return status === false ? { ok: false, reason: 'gone' } : { ok: true, value: Number(status.uidNext ?? 0) };
  });
}
