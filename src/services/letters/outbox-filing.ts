import { appendInThread } from '../../mail/append-thread.ts';
import { connectMailbox, type MailboxConnection } from '../../mail/imap-connection.ts';
import { specialFolder } from '../../mail/imap-folders.ts';
import { appendMessage, findByMessageId, findInBody } from '../../mail/imap-mailbox.ts';
import type { Credential, MailServer } from '../../mail/mail-server.ts';

type Way = { server: MailServer; credential: Credential };

/** Larger copies are filed in a thread of their own. */
const THREAD_BYTES = 4 * 1024 * 1024;
const DAY_MS = 24 * 3_600_000;

/**
 * Files the copy in Sent unless it is there: a node that was killed between filing and recording leaves one behind.
 * @returns false when the mail server could not do it now
 */
export async function fileInSent(
  way: Way,
  copy: { messageId: string; date: Date; bytes: number },
  source: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<boolean> {
  const filed = await withMailbox(way, signal, async (connection) => {
    const folder = await specialFolder(connection, 'Sent');
    if (!folder.ok) return false;
    const present = await findByMessageId(connection, folder.value, copy.messageId);
    if (!present.ok) return false;
    if (present.value.uids.length > 0) return true;
    const pieces: Buffer[] = [];
    for await (const piece of source) pieces.push(piece);
    if (signal.aborted) return false;
    const options = { flags: ['seen'] as const, date: copy.date };
    const appended =
      copy.bytes > THREAD_BYTES
        ? await appendInThread({ ...way, folder: folder.value, pieces, options }, signal)
        : await appendMessage(connection, folder.value, Buffer.concat(pieces, copy.bytes), options);
    return appended.ok;
  });
  return filed ?? false;
}

/** Whether a report about this envelope lies in the inbox: then the server had taken it, whatever was heard of that. */
export async function reportArrived(
  way: Way,
  envelopeId: string,
  since: Date,
  signal: AbortSignal,
): Promise<'arrived' | 'none' | 'unreachable'> {
  const found = await withMailbox(way, signal, async (connection) => {
    const report = await findInBody(connection, 'INBOX', envelopeId, new Date(since.getTime() - DAY_MS));
    return report.ok ? report.value.uids.length > 0 : null;
  });
  if (found === null) return 'unreachable';
  return found ? 'arrived' : 'none';
}

async function withMailbox<T>(
  { server, credential }: Way,
  signal: AbortSignal,
  task: (connection: MailboxConnection) => Promise<T>,
): Promise<T | null> {
  const connected = await connectMailbox(server, credential);
  if (!connected.ok) return null;
  const { connection } = connected;
  const leave = () => void connection.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return signal.aborted ? null : await task(connection);
  } finally {
    signal.removeEventListener('abort', leave);
    await connection.close();
  }
}
