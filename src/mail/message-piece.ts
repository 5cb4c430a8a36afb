import type { MailboxConnection, MailboxResult } from './imap-connection.ts';
import type { MessageReference } from './message-source.ts';

/**
 * Some bytes of a message, for a download that keeps only a piece in memory (RFC 9051 section 6.4.5, partial fetch).
 * A piece shorter than asked is the last one.
 */
export function fetchPiece(
  connection: MailboxConnection,
  ref: MessageReference,
  start: number,
  length: number,
): Promise<MailboxResult<Buffer>> {
  return connection.inFolder(ref.folder, ref.uidValidity, async ({ client }) => {
    const message = await client.fetchOne(
      String(ref.uid),
      { uid: true, source: { start, maxLength: length } },
      { uid: true },
    );
    if (!message || message.uid !== ref.uid) return { ok: false, reason: 'gone' };
    return { ok: true, value: message.source ?? Buffer.alloc(0) };
  });
}
