import type { EncryptionStatus, SignatureStatus } from '../../smime/verdict.ts';
import type { Database } from '../database/connect.ts';
import type { MessageRef } from './message-ref.ts';
import type { ReadMessage } from './read-message.ts';

/** What was found when a message was last opened; the list of messages says no more than this. */
export type KeptVerdict = { signature: SignatureStatus; encryption: EncryptionStatus };

/**
 * Keeps the verdict for the list. What stayed closed because the keys were locked has none yet. A verdict that is known
 * already is not written again: that would wait for the disk at each look at a message.
 */
export async function keepVerdict(
  database: Database,
  accountId: string,
  message: Pick<ReadMessage, 'ref' | 'opened' | 'closed'>,
  at: Date,
): Promise<void> {
  if (message.closed !== 'none') return;
  const { folder, uidValidity, uid } = message.ref;
  const { signature, encryption } = message.opened;
  await database.pool.query(
    `insert into message_verdict (account_id, folder, uid_validity, uid, signature, encryption, opened_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (account_id, folder, uid_validity, uid) do update
       set signature = excluded.signature, encryption = excluded.encryption, opened_at = excluded.opened_at
       where (message_verdict.signature, message_verdict.encryption) is distinct from (excluded.signature, excluded.encryption)`,
    [accountId, folder, uidValidity, uid, signature.status, encryption.status, at],
  );
}

/** Verdicts of some messages of one folder, by UID. */
export async function keptVerdicts(
  database: Database,
  accountId: string,
  messages: { folder: string; uidValidity: bigint; uids: readonly number[] },
): Promise<Map<number, KeptVerdict>> {
  if (messages.uids.length === 0) return new Map();
  const rows = await database.prisma.messageVerdict.findMany({
    where: {
      accountId,
      folder: messages.folder,
      uidValidity: messages.uidValidity,
      uid: { in: messages.uids.map(BigInt) },
    },
    select: { uid: true, signature: true, encryption: true },
  });
  return new Map(
    rows.map((row) => [
      Number(row.uid),
      { signature: row.signature as SignatureStatus, encryption: row.encryption as EncryptionStatus },
    ]),
  );
}

/** After a decision about trust the old verdicts may be wrong: the lists say "Signed" again until the messages are opened. */
export async function forgetVerdicts(database: Database, accountId: string): Promise<void> {
  await database.prisma.messageVerdict.deleteMany({ where: { accountId, signature: { not: 'none' } } });
}

/** The verdict of one message that left its folder. */
export async function forgetVerdictsOf(
  database: Database,
  accountId: string,
  refs: readonly MessageRef[],
): Promise<void> {
  const first = refs[0];
  if (first === undefined) return;
  await database.prisma.messageVerdict.deleteMany({
    where: {
      accountId,
      folder: first.folder,
      uidValidity: first.uidValidity,
      uid: { in: refs.map((ref) => BigInt(ref.uid)) },
    },
  });
}
