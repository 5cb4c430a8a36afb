import type { EncryptionStatus, SignatureStatus } from '../../smime/verdict.ts';
import type { Database } from '../database/connect.ts';
import type { MessageRef } from './message-ref.ts';
import type { ReadMessage } from './read-message.ts';

/** What was found when a message was last opened; the list of messages says no more than this. */
export type KeptVerdict = { signature: SignatureStatus; encryption: EncryptionStatus };

/** Keeps the verdict for the list. What stayed closed because the keys were locked has none yet. */
export async function keepVerdict(
  database: Database,
  accountId: string,
  message: Pick<ReadMessage, 'ref' | 'opened' | 'closed'>,
  at: Date,
): Promise<void> {
  if (message.closed !== 'none') return;
  const { folder, uidValidity, uid } = message.ref;
  const found = {
    signature: message.opened.signature.status,
    encryption: message.opened.encryption.status,
    openedAt: at,
  };
  const key = { accountId, folder, uidValidity, uid: BigInt(uid) };
  await database.prisma.messageVerdict.upsert({
    where: { accountId_folder_uidValidity_uid: key },
    create: { ...key, ...found },
    update: found,
  });
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
