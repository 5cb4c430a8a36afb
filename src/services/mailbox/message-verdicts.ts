import type { EncryptionStatus, SignatureStatus } from '../../smime/verdict.ts';
import { SealBrokenError } from '../../vault/seal.ts';
import { openFrom, sealTo } from '../../vault/sealed-box.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { draftPublicKey, openDraftKeys } from '../sessions/vault.ts';
import type { MessageRef } from './message-ref.ts';
import type { ReadMessage } from './read-message.ts';

/** What was found when a message was last opened; the list of messages says no more than this. */
export type KeptVerdict = { signature: SignatureStatus; encryption: EncryptionStatus };

/** What the list knows of the messages that were opened before, by UID. */
export type Kept = {
  verdicts: ReadonlyMap<number, KeptVerdict>;
  /** Subjects that were hidden on the way, while the keys are unlocked */
  subjects: ReadonlyMap<number, string>;
};

/** A longer one is cut off in the list anyway. */
const MAX_SUBJECT = 500;

/**
 * Keeps the verdict for the list, and a subject that was hidden on the way, sealed. What stayed closed because the keys were
 * locked has none yet. What is known already is not written again: that would wait for the disk at each look at a message.
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
    `insert into message_verdict
       (account_id, folder, uid_validity, uid, signature, encryption, opened_at, sealed_subject)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (account_id, folder, uid_validity, uid) do update
       set signature = excluded.signature, encryption = excluded.encryption, opened_at = excluded.opened_at,
           sealed_subject = coalesce(message_verdict.sealed_subject, excluded.sealed_subject)
       where (message_verdict.signature, message_verdict.encryption) is distinct from (excluded.signature, excluded.encryption)
         or (message_verdict.sealed_subject is null and excluded.sealed_subject is not null)`,
    [
      ...[accountId, folder, uidValidity, uid, signature.status, encryption.status, at],
      await sealedSubject(database, accountId, message),
    ],
  );
}

async function sealedSubject(
  database: Database,
  accountId: string,
  { ref, opened }: Pick<ReadMessage, 'ref' | 'opened'>,
): Promise<Buffer | null> {
  if (!opened.subjectHidden) return null;
  const key = await draftPublicKey(database, accountId);
  const subject = Buffer.from(opened.subject.slice(0, MAX_SUBJECT));
  return key && sealTo(key, subject, subjectContext(accountId, ref));
}

/** Bound to the message: nobody with the database gives one the subject of another. */
function subjectContext(accountId: string, { folder, uidValidity, uid }: MessageRef): string {
  return `subject ${accountId} ${uidValidity} ${uid} ${folder}`;
}

/** What is kept of some messages of one folder. */
export async function keptOf(
  database: Database,
  session: Pick<SignedIn, 'account' | 'masterKey'>,
  messages: { folder: string; uidValidity: bigint; uids: readonly number[] },
): Promise<Kept> {
  const verdicts = new Map<number, KeptVerdict>();
  const sealed = new Map<number, Uint8Array>();
  if (messages.uids.length === 0) return { verdicts, subjects: new Map() };
  const { folder, uidValidity } = messages;
  const rows = await database.prisma.messageVerdict.findMany({
    where: { accountId: session.account.id, folder, uidValidity, uid: { in: messages.uids.map(BigInt) } },
    select: { uid: true, signature: true, encryption: true, sealedSubject: true },
  });
  for (const { uid, signature, encryption, sealedSubject: box } of rows) {
    if (signature !== null && encryption !== null) {
      const verdict = { signature: signature as SignatureStatus, encryption: encryption as EncryptionStatus };
      verdicts.set(Number(uid), verdict);
    }
    if (box !== null) sealed.set(Number(uid), box);
  }
  if (session.masterKey === null || sealed.size === 0) return { verdicts, subjects: new Map() };
  return { verdicts, subjects: await openSubjects(database, session.account.id, session.masterKey, messages, sealed) };
}

async function openSubjects(
  database: Database,
  accountId: string,
  masterKey: Uint8Array,
  { folder, uidValidity }: Pick<MessageRef, 'folder' | 'uidValidity'>,
  sealed: ReadonlyMap<number, Uint8Array>,
): Promise<Map<number, string>> {
  const subjects = new Map<number, string>();
  const keys = await openDraftKeys(database, accountId, masterKey);
  try {
    for (const [uid, box] of sealed) {
      const subject = openedSubject(keys, box, subjectContext(accountId, { folder, uidValidity, uid }));
      if (subject !== null) subjects.set(uid, subject);
    }
  } finally {
    keys.privateKey.fill(0);
  }
  return subjects;
}

/** One broken row must not keep the whole list closed: its message can still be opened. */
function openedSubject(keys: { publicKey: Buffer; privateKey: Buffer }, box: Uint8Array, context: string) {
  try {
    return openFrom(keys, box, context).toString('utf8');
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  }
}

/**
 * After a decision about trust the old verdicts may be wrong: the lists say "Signed" again until the messages are opened.
 * Their subjects stay what they are.
 */
export async function forgetVerdicts(database: Database, accountId: string): Promise<void> {
  const signed = { accountId, signature: { not: 'none' } };
  await database.prisma.messageVerdict.updateMany({
    where: { ...signed, sealedSubject: { not: null } },
    data: { signature: null, encryption: null },
  });
  await database.prisma.messageVerdict.deleteMany({ where: { ...signed, sealedSubject: null } });
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
