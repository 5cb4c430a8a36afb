import type { Context } from '../../context.ts';
import type { IssuingJob, RevocationReason } from '../../generated/prisma/client.ts';
import { administeredProgramme } from '../administration/administered.ts';
import { openUnderCount, type WrongPassphrase } from '../authorities/record-authority.ts';
import { renewAlong } from '../evidence/certify-signer.ts';
import { issuingAuthorityOf } from '../identities/authorities.ts';
import { signDirectList } from '../publishing/publish-lists.ts';
import type { SignedIn } from '../sessions/session.ts';
import { closedOnFailure, type Issuer, openIssuer } from './issue-digital-id.ts';
import { issueTask } from './issue-task.ts';
import { recordIssuing } from './record-issuing.ts';

/** A node that gave no sign of life for so long does not work on its job any more; the slowest key takes some seconds. */
const SILENT_MS = 60_000;

export type IssuingStart =
  | { ok: true; jobId: string; finished: Promise<void> }
  | { ok: false; problem: 'no-authority' | 'no-vault' | 'no-targets' | 'not-interrupted' }
  | WrongPassphrase;

export type IssuingOrder = {
  /** Accounts of the administrator's programme; others are left out */
  accounts: readonly string[];
  passphrase: string;
  replaces?: RevocationReason;
};

/**
 * Issues Digital IDs to these accounts, one after the other, each with a password of its own that nobody sees now. Goes on whether anybody
 * looks or not. The passphrase is asked for once; the authority's key is overwritten at the end.
 */
export async function beginIssuing(context: Context, session: SignedIn, order: IssuingOrder): Promise<IssuingStart> {
  // Without a vault of their own nobody here could release the passwords.
  if (!session.hasVault) return { ok: false, problem: 'no-vault' };
  const { prisma } = context.database;
  const programmeId = administeredProgramme(session).id;
  const targets = await prisma.account.findMany({
    where: { id: { in: [...order.accounts] }, country: { programmeId } },
    select: { id: true },
    orderBy: { address: 'asc' },
  });
  if (targets.length === 0) return { ok: false, problem: 'no-targets' };
  const opened = await openCounted(context, session, order.passphrase);
  if (!opened.ok) return opened;
  const at = context.now();
  const job = await closedOnFailure(opened.issuer, () =>
    prisma.issuingJob.create({
      data: {
        programmeId,
        startedBy: session.account.address,
        replaces: order.replaces ?? null,
        startedAt: at,
        beatAt: at,
        tasks: { create: targets.map(({ id: accountId }, position) => ({ accountId, position })) },
      },
    }),
  );
  return { ok: true, jobId: job.id, finished: inBackground(context, session, opened.issuer, job) };
}

/** Goes on with a job whose node ended: those that it had come to have theirs, and the others get one now. */
export async function resumeIssuing(
  context: Context,
  session: SignedIn,
  jobId: string,
  passphrase: string,
): Promise<IssuingStart> {
  if (!session.hasVault) return { ok: false, problem: 'no-vault' };
  const opened = await openCounted(context, session, passphrase);
  if (!opened.ok) return opened;
  const job = await closedOnFailure(opened.issuer, () => takeOver(context, session, jobId));
  if (job === undefined) {
    opened.issuer.close();
    return { ok: false, problem: 'not-interrupted' };
  }
  return { ok: true, jobId: job.id, finished: inBackground(context, session, opened.issuer, job) };
}

async function takeOver(context: Context, session: SignedIn, jobId: string): Promise<IssuingJob | undefined> {
  const at = context.now();
  const [job] = await context.database.prisma.issuingJob.updateManyAndReturn({
    where: {
      id: jobId,
      programmeId: administeredProgramme(session).id,
      endedAt: null,
      beatAt: { lt: new Date(at.getTime() - SILENT_MS) },
    },
    data: { beatAt: at },
  });
  if (job !== undefined) await recordIssuing(context, session, job.id, 'done', 'issuing-resumed');
  return job;
}

export function isInterrupted(job: IssuingJob, at: Date): boolean {
  return job.endedAt === null && at.getTime() - job.beatAt.getTime() > SILENT_MS;
}

type Opened = { ok: true; issuer: Issuer } | Extract<IssuingStart, { ok: false }>;

async function openCounted(context: Context, session: SignedIn, passphrase: string): Promise<Opened> {
  const { database, config } = context;
  const programmeId = administeredProgramme(session).id;
  const at = context.now();
  if ((await issuingAuthorityOf(database, programmeId, at)) === null) return { ok: false, problem: 'no-authority' };
  const open = async () => {
    const issuer = await openIssuer(database, programmeId, passphrase, config.publicUrl, at);
    return issuer.ok ? issuer.issuer : null;
  };
  const opened = await openUnderCount(context, session, programmeId, open, (issuer) => issuer.close());
  if (!opened.ok) return opened;
  const issuer = opened.value;
  await closedOnFailure(issuer, () => renewAlong(context, session, issuer));
  return { ok: true, issuer };
}

function inBackground(context: Context, session: SignedIn, issuer: Issuer, job: IssuingJob): Promise<void> {
  const finished = runJob(context, session, issuer, job).finally(() => issuer.close());
  // A database that is away ends it as the node's death would: the page offers to go on.
  finished.catch(() => {});
  return finished;
}

async function runJob(context: Context, session: SignedIn, issuer: Issuer, job: IssuingJob): Promise<void> {
  const { prisma } = context.database;
  const tasks = await prisma.issuingTask.findMany({
    where: { jobId: job.id, outcome: null },
    orderBy: { position: 'asc' },
  });
  for (const task of tasks) {
    await prisma.issuingJob.update({ where: { id: job.id }, data: { beatAt: context.now() } });
    await issueTask(context, session, issuer, task, job.replaces);
  }
  // Its key is open: a fresh list, which names what was replaced.
  await signDirectList(context, issuer.row, issuer.authority);
  await prisma.issuingJob.update({ where: { id: job.id }, data: { endedAt: context.now() } });
}
