import type { RecipientAnswer, SubmissionResult } from '../../mail/submission.ts';
import type { Database } from '../database/connect.ts';

export type Attempted = {
  envelope: { id: string; givesUpAt: Date };
  attemptId: string;
  result: SubmissionResult;
  at: Date;
  /** When those that may still be taken are tried again */
  nextAt: Date;
};

/** What becomes of a recipient by the server's answer. `given-up`: it was still not taken when the time was over. */
export type RecipientState = 'queued' | 'accepted' | 'refused' | 'given-up';

const HEARD: ReadonlySet<SubmissionResult['outcome']> = new Set([
  'accepted',
  'partly',
  'refused-permanently',
  'refused-temporarily',
]);

/** 5yz is for ever (RFC 5321 section 4.2.1); everything else may be otherwise later. */
export function recipientState(
  answer: RecipientAnswer,
  outcome: SubmissionResult['outcome'],
  expired: boolean,
): RecipientState {
  if (answer.accepted) return 'accepted';
  // A login that is refused today, or a connection that broke, says nothing about the recipient.
  if (HEARD.has(outcome)) {
    const permanent = answer.code !== null && answer.code >= 500;
    if (permanent || (outcome === 'refused-permanently' && answer.code === null)) return 'refused';
  }
  return expired ? 'given-up' : 'queued';
}

/** Puts the answers into the rows, all or none. */
export async function recordResult(database: Database, attempted: Attempted): Promise<void> {
  const { envelope, attemptId, result, at, nextAt } = attempted;
  const expired = nextAt > envelope.givesUpAt;
  await database.prisma.$transaction(async (rows) => {
    for (const answer of result.recipients) {
      await rows.envelopeRecipient.updateMany({
        where: { envelopeId: envelope.id, address: answer.address, state: 'queued' },
        data: {
          state: recipientState(answer, result.outcome, expired),
          smtpCode: answer.code,
          answer: answer.answer.slice(0, 1000),
          at,
        },
      });
    }
    await rows.submissionAttempt.update({
      where: { id: attemptId },
      data: { finishedAt: at, outcome: result.outcome, answer: wordsOf(result).slice(0, 1000) },
    });
    const states = await rows.envelopeRecipient.findMany({
      where: { envelopeId: envelope.id },
      select: { state: true },
    });
    const state = envelopeState(states.map((row) => row.state));
    const reportsAsked = result.recipients.some((answer) => answer.accepted)
      ? { reportsAsked: result.dsnRequested }
      : {};
    const data = { state, nextAttemptAt: nextAt, ...reportsAsked };
    await rows.envelope.update({ where: { id: envelope.id }, data });
  });
}

/** Of an attempt that was taken for some: what was said about the others. The words for those stand with them. */
function wordsOf({ outcome, recipients, answer }: SubmissionResult): string {
  if (outcome !== 'partly') return answer;
  return recipients.flatMap((one) => (one.accepted ? [] : [one.answer])).join('; ');
}

function envelopeState(recipients: readonly string[]): 'queued' | 'submitted' | 'failed' {
  if (recipients.includes('queued')) return 'queued';
  return recipients.includes('accepted') ? 'submitted' : 'failed';
}

/** A report proved that an attempt without an answer had arrived: nothing of it is sent again. */
export async function recordTaken(database: Database, envelopeId: string, at: Date): Promise<void> {
  await database.prisma.$transaction([
    database.prisma.envelopeRecipient.updateMany({
      where: { envelopeId, state: 'queued' },
      data: { state: 'accepted', at, answer: null, smtpCode: null },
    }),
    database.prisma.envelope.update({ where: { id: envelopeId }, data: { state: 'submitted' } }),
  ]);
}
