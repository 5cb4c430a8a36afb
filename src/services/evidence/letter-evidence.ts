import type { Context } from '../../context.ts';
import { writeEvidence } from '../../smime/evidence-file.ts';
import { SealBrokenError } from '../../vault/seal.ts';
import { openFrom } from '../../vault/sealed-box.ts';
import { type DraftKeys, withDraftKeys } from '../drafts/drafts.ts';
import { type LetterView, readLetter } from '../letters/letters.ts';
import type { SignedIn } from '../sessions/session.ts';
import { openEvidenceSigner } from './evidence-signer.ts';
import { reportContext } from './record-report.ts';

export const EVIDENCE_FORMAT = 'sealpost evidence 1';

export type EvidenceFile = { ok: true; bytes: Buffer } | { ok: false; problem: 'no-signer' };

/**
 * Everything that is known of a sent letter but its subject and text: hashes of what left, attempts, answers, what reports and
 * receipts say and they themselves, signed in the name of the programme.
 * @throws AppError not-found
 */
export async function letterEvidence(
  context: Context,
  session: SignedIn,
  masterKey: Uint8Array,
  id: string,
): Promise<EvidenceFile> {
  const { account, network } = session;
  const at = context.now();
  const letter = await readLetter(context, session, masterKey, id);
  const { programme } = account.country;
  const signer = await openEvidenceSigner(context, programme.id, at);
  if (signer === null) return { ok: false, problem: 'no-signer' };
  const content = {
    format: EVIDENCE_FORMAT,
    madeAt: at.toISOString(),
    madeBy: context.config.publicUrl.origin,
    programme: programme.name,
    letter: aboutLetter(letter, account.address),
    envelopes: await envelopesOf(context, letter),
    reports: await reportsOf(context, account.id, masterKey, id),
  };
  const bytes = writeEvidence(content, signer, at);
  const who = { accountId: account.id, actor: account.address, network };
  await context.audit.record({ ...who, action: 'send-state', object: id, result: 'done', reason: 'evidence' });
  return { ok: true, bytes };
}

function aboutLetter(letter: LetterView, sender: string) {
  const { messageId, createdAt, filedAt, signed, encrypted, marking, progress, receiptAsked } = letter;
  return { messageId, sender, queuedAt: createdAt, filedAt, signed, encrypted, marking, receiptAsked, state: progress };
}

async function envelopesOf({ database }: Context, letter: LetterView) {
  const rows = await database.prisma.envelope.findMany({
    where: { letterId: letter.id },
    include: { log: { orderBy: { startedAt: 'asc' } } },
    orderBy: { id: 'asc' },
  });
  return rows.map((row) => ({
    envelopeId: row.envelopeId,
    mailFrom: row.mailFrom,
    contentSha256: row.contentSha256,
    contentBytes: row.contentBytes,
    reportsAsked: row.reportsAsked,
    attempts: row.log.map(({ startedAt, finishedAt, outcome, answer }) => ({ startedAt, finishedAt, outcome, answer })),
    recipients: letter.recipients
      .filter((recipient) => recipient.envelopeId === row.envelopeId)
      .map(({ address, field, state, code, answer, at, delivery, events, receipts }) => {
        return { address, field, state, code, answer, at, delivery, events, receipts };
      }),
  }));
}

/** As they came: what a server or a program wrote can be judged again, by others too. */
function reportsOf({ database }: Context, accountId: string, masterKey: Uint8Array, letterId: string) {
  return withDraftKeys(database, accountId, masterKey, async (keys: DraftKeys) => {
    const rows = await database.prisma.letterReport.findMany({ where: { letterId }, orderBy: { recordedAt: 'asc' } });
    return rows.map(({ id, kind, sha256, sealed, cut, handedInBy, arrivedAt, recordedAt }) => {
      const bytes = openReport(keys, sealed, reportContext(accountId, sha256));
      return { id, kind, sha256, arrivedAt, recordedAt, handedInBy, cut, bytes };
    });
  });
}

/** Null for one that was sealed to a vault which its holder gave up: its hash and what it said remain. */
function openReport(keys: DraftKeys, sealed: Uint8Array, context: string): string | null {
  try {
    return openFrom(keys, sealed, context).toString('base64');
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  }
}
