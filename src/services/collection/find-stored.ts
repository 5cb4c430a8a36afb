import { createHash } from 'node:crypto';
import { slicesOf } from '../../bytes/byte-source.ts';
import { isSpool, SpoolSource } from '../../bytes/spool.ts';
import type { CollectedMessage } from '../../generated/prisma/client.ts';
import type { MailboxConnection, MailboxResult } from '../../mail/imap-connection.ts';
import { fetchSource } from '../../mail/message-source.ts';

const DAY_MS = 24 * 3_600_000;

/**
 * Whether a message that was on its way when a node ended is in the mailbox: one of the same size that came since, with the
 * same bytes. INBOX is looked through first, then the other folders: its holder may have moved it meanwhile.
 */
export async function findStored(
  connection: MailboxConnection,
  message: CollectedMessage,
  spoolFolder: string,
): Promise<MailboxResult<boolean>> {
  const folders = await foldersOf(connection);
  if (!folders.ok) return folders;
  for (const folder of folders.value) {
    const candidates = await ofItsSize(connection, folder, message);
    if (!candidates.ok && candidates.reason === 'gone') continue;
    if (!candidates.ok) return candidates;
    for (const uid of candidates.value.uids) {
      const ref = { folder, uidValidity: candidates.value.uidValidity, uid };
      const source = await fetchSource(connection, ref, Number(message.octets), spoolFolder);
      if (!source.ok && (source.reason === 'gone' || source.reason === 'too-large')) continue;
      if (!source.ok) return source;
      const { bytes } = source.value;
      const hash = createHash('sha256');
      for (const slice of slicesOf(isSpool(bytes) ? new SpoolSource(bytes) : bytes)) hash.update(slice);
      await source.value.release();
      if (hash.digest('hex') === message.sha256) return { ok: true, value: true };
    }
  }
  return { ok: true, value: false };
}

function foldersOf(connection: MailboxConnection): Promise<MailboxResult<string[]>> {
  return connection.run(async (client) => {
    const folders = (await client.list()).filter(({ flags }) => !flags.has('\\Noselect')).map(({ path }) => path);
    return { ok: true, value: ['INBOX', ...folders.filter((folder) => folder !== 'INBOX')] };
  });
}

function ofItsSize(
  connection: MailboxConnection,
  folder: string,
  { octets, uidValidity, uidFrom, seenAt }: CollectedMessage,
): Promise<MailboxResult<{ uidValidity: bigint; uids: number[] }>> {
  return connection.inFolder(folder, null, async ({ client, mailbox }) => {
    const size = { larger: Number(octets) - 1, smaller: Number(octets) + 1 };
    const isPlace = folder === 'INBOX' && uidFrom !== null && mailbox.uidValidity === uidValidity;
    // SINCE knows days only, of the server's time zone.
    const since = isPlace ? { uid: `${uidFrom}:*` } : { since: new Date(seenAt.getTime() - DAY_MS) };
    const found = await client.search({ ...size, ...since }, { uid: true });
    if (!Array.isArray(found)) return { ok: false, reason: client.usable ? 'refused' : 'connection-lost' };
    // `n:*` has the last message always, whatever n is.
    const uids = isPlace ? found.filter((uid) => uid >= Number(uidFrom)) : found;
    return { ok: true, value: { uidValidity: mailbox.uidValidity, uids } };
  });
}
