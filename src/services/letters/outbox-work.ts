import type { Config } from '../../config.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { Credential, MailServer } from '../../mail/mail-server.ts';
import { type SubmissionResult, submit } from '../../mail/submission.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import type { AuditTrail } from '../audit.ts';
import type { Database } from '../database/connect.ts';
import { wasReported } from '../evidence/match-report.ts';
import { expectReports } from '../evidence/report-looks.ts';
import { readContent } from './content-chunks.ts';
import { releaseAttachments } from './kept-attachments.ts';
import type { Claim } from './outbox-claims.ts';
import { fileInSent, reportArrived } from './outbox-filing.ts';
import { recordResult, recordTaken } from './outbox-results.ts';

/** How to log in for the mailbox of this address. */
export type LoginFor = (address: string) => Credential;

/** Moments at which a test can end a node: just before connecting, and after the answer but before it is recorded. */
export type SubmissionHooks = {
  beforeSubmission?: (letterId: string) => Promise<void>;
  afterSubmission?: (letterId: string, result: SubmissionResult) => Promise<void>;
};

export type WorkContext = {
  config: Config;
  database: Database;
  audit: AuditTrail;
  now: () => Date;
  stopping: () => boolean;
} & SubmissionHooks;

const WITH_ALL = {
  account: { include: { country: { include: { mailServer: true } } } },
  envelopes: { include: { recipients: true, log: true }, orderBy: { id: 'asc' } },
} as const satisfies Prisma.LetterInclude;
type ClaimedLetter = Prisma.LetterGetPayload<{ include: typeof WITH_ALL }>;
type ClaimedEnvelope = ClaimedLetter['envelopes'][number];

/** Where a letter's mail goes and as whom. */
type Way = { server: MailServer; credential: Credential };

/** How often the inbox is asked for a report after an answer that was not heard. */
const REPORT_LOOK_MS = 5_000;
/** Until then a report has come back, of success or of failure. */
const REPORT_PATIENCE_MS = 10_000;
/** Filing is not urgent: nobody but the sender waits for it. */
const FILING_RETRIES = 5;

/**
 * Submits what of this letter is due, then files the copy in Sent. Everything that happened is in rows before the next
 * step begins, so that another node can go on from there.
 * @param signal aborted when the claim was lost
 */
export async function workOn(context: WorkContext, claim: Claim, login: LoginFor, signal: AbortSignal): Promise<void> {
  const { database } = context;
  const where = { id: claim.letterId };
  const letter = await database.prisma.letter.findUniqueOrThrow({ where, include: WITH_ALL });
  const way: Way = {
    server: mailServerOf(letter.account.country.mailServer),
    credential: login(letter.account.address),
  };
  for (const envelope of letter.envelopes) {
    if (context.stopping() || signal.aborted) return;
    const due = envelope.state === 'queued' && envelope.nextAttemptAt <= context.now();
    if (due) await attempt(context, letter, envelope, way, signal);
  }
  await releaseAttachments(database, letter.id);
  const open = await database.prisma.envelope.findFirst({
    where: { letterId: letter.id, state: 'queued' },
    orderBy: { nextAttemptAt: 'asc' },
  });
  if (open) {
    // Also what is due by now: this round had its turn, the others' letters come first.
    await setLetter(database, letter.id, { dueAt: open.nextAttemptAt });
    return;
  }
  const accepted = await database.prisma.envelopeRecipient.count({
    where: { envelope: { letterId: letter.id }, state: 'accepted' },
  });
  if (letter.state === 'queued') {
    await setLetter(database, letter.id, { state: accepted > 0 ? 'submitted' : 'failed', dueAt: context.now() });
    await recordState(context, letter, accepted > 0 ? 'submitted' : 'failed');
  }
  if (context.stopping() || signal.aborted) return;
  await file(context, letter, accepted > 0, way, signal);
}

/** One attempt for one envelope, recorded before the connection is made. */
async function attempt(
  context: WorkContext,
  letter: ClaimedLetter,
  envelope: ClaimedEnvelope,
  way: Way,
  signal: AbortSignal,
): Promise<void> {
  const { database, now } = context;
  const unknown = await unknownAttempts(context, envelope);
  if (unknown) {
    // The server may have it. Its reports carry our envelope id, which nobody else can know.
    const found = await reportArrived(way, envelope.envelopeId, unknown.first, signal);
    // A report that was collected meanwhile is recorded before it is moved.
    if (found === 'arrived' || (await wasReported(database, envelope.id)))
      return recordTaken(database, envelope.id, now());
    const hopeful = now().getTime() - unknown.last.getTime() < REPORT_PATIENCE_MS;
    // While the inbox cannot be asked, waiting is better than sending twice; it ends with the time for trying.
    const cannotAsk = found === 'unreachable' && now() < envelope.givesUpAt;
    if (hopeful || cannotAsk) {
      const nextAttemptAt = new Date(now().getTime() + REPORT_LOOK_MS);
      await database.prisma.envelope.update({ where: { id: envelope.id }, data: { nextAttemptAt } });
      return;
    }
  }
  const { id: attemptId } = await database.prisma.submissionAttempt.create({
    data: { envelopeId: envelope.id, startedAt: now() },
  });
  await database.prisma.envelope.update({ where: { id: envelope.id }, data: { attempts: { increment: 1 } } });
  await context.beforeSubmission?.(letter.id);
  const recipients = envelope.recipients.filter((each) => each.state === 'queued').map((each) => each.address);
  const result = await submit(
    way.server,
    way.credential,
    {
      ...{ from: envelope.mailFrom, to: recipients, envelopeId: envelope.envelopeId, size: envelope.contentBytes },
      // Nobody is told what becomes of a receipt (RFC 8098 section 3).
      ...(envelope.mailFrom === '' ? { reports: [] } : {}),
    },
    bytesOf(database, envelope, attemptId),
    { signal },
  );
  await context.afterSubmission?.(letter.id, result);
  const wait = result.outcome === 'unknown' ? REPORT_LOOK_MS : context.config.retryMs;
  await recordResult(database, { envelope, attemptId, result, at: now(), nextAt: new Date(now().getTime() + wait) });
  if (result.outcome !== 'unreachable') await expectReports(database, letter.accountId, now());
}

/** Reads the final bytes; the row says so before the last piece goes out, since from then on the server may have it all. */
async function* bytesOf(database: Database, envelope: ClaimedEnvelope, attemptId: string): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const chunk of readContent(database.pool, envelope.contentId, envelope.contentBytes)) {
    read += chunk.length;
    if (read >= envelope.contentBytes) {
      await database.prisma.submissionAttempt.update({ where: { id: attemptId }, data: { outcome: 'handing-over' } });
    }
    yield chunk;
  }
}

/**
 * Closes attempts of a node that was killed: `interrupted` where nothing was sent, `unknown` where the last piece was
 * going out.
 * @returns when the first attempt of unknown outcome began and when the last ended or was found; null without any
 */
async function unknownAttempts(
  { database, now }: WorkContext,
  envelope: ClaimedEnvelope,
): Promise<{ first: Date; last: Date } | null> {
  const moments: { from: Date; to: Date }[] = [];
  for (const entry of envelope.log) {
    const at = now();
    let outcome = entry.outcome;
    if (entry.finishedAt === null) {
      outcome = entry.outcome === 'handing-over' ? 'unknown' : 'interrupted';
      await database.prisma.submissionAttempt.update({ where: { id: entry.id }, data: { outcome, finishedAt: at } });
    }
    if (outcome === 'unknown') moments.push({ from: entry.startedAt, to: entry.finishedAt ?? at });
  }
  if (moments.length === 0) return null;
  return {
    first: new Date(Math.min(...moments.map(({ from }) => from.getTime()))),
    last: new Date(Math.max(...moments.map(({ to }) => to.getTime()))),
  };
}

/** Files the copy, then lets go of all bytes: what remains is what the sender's page shows. */
async function file(
  context: WorkContext,
  letter: ClaimedLetter,
  accepted: boolean,
  way: Way,
  signal: AbortSignal,
): Promise<void> {
  const { database, now, config } = context;
  if (letter.filedAt === null) {
    const copy = { messageId: letter.messageId, date: letter.createdAt, bytes: letter.sentCopyBytes };
    const source = readContent(database.pool, letter.sentCopyId, letter.sentCopyBytes);
    const filed = await fileInSent(way, copy, source, signal);
    if (!filed) {
      await setLetter(database, letter.id, { dueAt: new Date(now().getTime() + FILING_RETRIES * config.retryMs) });
      return;
    }
  }
  const contents = [letter.sentCopyId, ...letter.envelopes.map((envelope) => envelope.contentId)];
  // Together: a node that is killed between the two would leave the bytes for ever.
  await database.prisma.$transaction([
    database.prisma.letter.update({
      where: { id: letter.id },
      data: {
        ...(accepted ? { state: 'done' as const } : {}),
        filedAt: letter.filedAt ?? now(),
        waitingForSignIn: false,
        dueAt: null,
      },
    }),
    database.prisma.contentChunk.deleteMany({ where: { contentId: { in: contents } } }),
  ]);
  await recordState(context, letter, accepted ? 'done' : 'failed');
}

async function setLetter(database: Database, id: string, data: Prisma.LetterUpdateInput): Promise<void> {
  await database.prisma.letter.update({ where: { id }, data });
}

async function recordState(context: WorkContext, letter: ClaimedLetter, state: 'submitted' | 'done' | 'failed') {
  await context.audit.record({
    accountId: letter.accountId,
    actor: letter.account.address,
    network: 'outbox',
    action: 'send-state',
    object: letter.id,
    result: state === 'failed' ? 'failed' : 'done',
    reason: state,
  });
}
