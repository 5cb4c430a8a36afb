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
  /** Markings that a trusted signature binds (S06), while the keys are unlocked */
  markings: ReadonlyMap<number, string>;
};

/** A longer one is cut off in the list anyway. */
const MAX_SUBJECT = 500;

/**
 * Keeps the verdict for the list and, sealed, a subject that was hidden on the way and a marking that is bound. What stayed closed because the keys were
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
       (account_id, folder, uid_validity, uid, signature, encryption, opened_at, sealed_subject, sealed_marking)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (account_id, folder, uid_validity, uid) do update
       set signature = excluded.signature, encryption = excluded.encryption, opened_at = excluded.opened_at,
           sealed_subject = coalesce(message_verdict.sealed_subject, excluded.sealed_subject),
           sealed_marking = coalesce(message_verdict.sealed_marking, excluded.sealed_marking)
       where (message_verdict.signature, message_verdict.encryption) is distinct from (excluded.signature, excluded.encryption)
         or (message_verdict.sealed_subject is null and excluded.sealed_subject is not null)
         or (message_verdict.sealed_marking is null and excluded.sealed_marking is not null)`,
    [
      ...[accountId, folder, uidValidity, uid, signature.status, encryption.status, at],
      ...(await sealedTexts(database, accountId, message)),
    ],
  );
}

/** Subject and marking: with a subject that is hidden the marking is, too, so neither is kept in clear. */
async function sealedTexts(
  database: Database,
  accountId: string,
  { ref, opened }: Pick<ReadMessage, 'ref' | 'opened'>,
): Promise<[Buffer | null, Buffer | null]> {
  const subject = opened.subjectHidden ? opened.subject.slice(0, MAX_SUBJECT) : null;
  const marking = opened.marking?.bound ? opened.marking.text : null;
  if (subject === null && marking === null) return [null, null];
  const key = await draftPublicKey(database, accountId);
  const sealed = (kind: SealedKind, text: string | null) =>
    key && text !== null ? sealTo(key, Buffer.from(text), boxContext(kind, accountId, ref)) : null;
  return [sealed('subject', subject), sealed('marking', marking)];
}

type SealedKind = 'subject' | 'marking';

/** Bound to the message: nobody with the database gives one the subject of another. */
function boxContext(kind: SealedKind, accountId: string, { folder, uidValidity, uid }: MessageRef): string {
  return `${kind} ${accountId} ${uidValidity} ${uid} ${folder}`;
}

/** What is kept of some messages of one folder. */
export async function keptOf(
  database: Database,
  session: Pick<SignedIn, 'account' | 'masterKey'>,
  messages: { folder: string; uidValidity: bigint; uids: readonly number[] },
): Promise<Kept> {
  const verdicts = new Map<number, KeptVerdict>();
  const sealed: SealedTexts = { subject: new Map(), marking: new Map() };
  const closed = { verdicts, subjects: new Map(), markings: new Map() };
  if (messages.uids.length === 0) return closed;
  const { folder, uidValidity } = messages;
  const rows = await database.prisma.messageVerdict.findMany({
    where: { accountId: session.account.id, folder, uidValidity, uid: { in: messages.uids.map(BigInt) } },
    select: { uid: true, signature: true, encryption: true, sealedSubject: true, sealedMarking: true },
  });
  for (const { uid, signature, encryption, sealedSubject, sealedMarking } of rows) {
    if (signature !== null && encryption !== null) {
      const verdict = { signature: signature as SignatureStatus, encryption: encryption as EncryptionStatus };
      verdicts.set(Number(uid), verdict);
    }
    if (sealedSubject !== null) sealed.subject.set(Number(uid), sealedSubject);
    // What binds it is the trusted signature; a decision about trust may have changed that.
    if (sealedMarking !== null && signature === 'trusted') sealed.marking.set(Number(uid), sealedMarking);
  }
  if (session.masterKey === null || sealed.subject.size + sealed.marking.size === 0) return closed;
  return { verdicts, ...(await openTexts(database, session.account.id, session.masterKey, messages, sealed)) };
}

type SealedTexts = Record<SealedKind, Map<number, Uint8Array>>;

async function openTexts(
  database: Database,
  accountId: string,
  masterKey: Uint8Array,
  { folder, uidValidity }: Pick<MessageRef, 'folder' | 'uidValidity'>,
  sealed: SealedTexts,
): Promise<Pick<Kept, 'subjects' | 'markings'>> {
  const keys = await openDraftKeys(database, accountId, masterKey);
  const opened = (kind: SealedKind) =>
    new Map(
      [...sealed[kind]].flatMap(([uid, box]): [number, string][] => {
        const text = openedText(keys, box, boxContext(kind, accountId, { folder, uidValidity, uid }));
        return text === null ? [] : [[uid, text]];
      }),
    );
  try {
    return { subjects: opened('subject'), markings: opened('marking') };
  } finally {
    keys.privateKey.fill(0);
  }
}

/** One broken row must not keep the whole list closed: its message can still be opened. */
function openedText(keys: { publicKey: Buffer; privateKey: Buffer }, box: Uint8Array, context: string) {
  try {
    return openFrom(keys, box, context).toString('utf8');
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  }
}

/**
 * After a decision about trust the old verdicts may be wrong: the lists say "Signed" again until the messages are opened.
 * Their subjects stay what they are; whether a marking is bound is found anew.
 */
export async function forgetVerdicts(database: Database, accountId: string): Promise<void> {
  const signed = { accountId, signature: { not: 'none' } };
  await database.prisma.messageVerdict.updateMany({
    where: { ...signed, sealedSubject: { not: null } },
    data: { signature: null, encryption: null, sealedMarking: null },
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
