import { randomUUID } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { AuditCheck } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type ChainHead, verifyAuditTrail } from './verify-trail.ts';

/** A check of which nothing was heard for so long ended with its node; another one may begin. */
const SILENT_MS = 60_000;
const TELL_EVERY_MS = 500;
const PROBLEMS_TOLD = 100;

/** The newest check, running or finished; null when there was none. */
export function newestCheck(context: Pick<Context, 'database'>): Promise<AuditCheck | null> {
  return context.database.prisma.auditCheck.findFirst({ orderBy: { startedAt: 'desc' } });
}

/** Whether it still goes on, as far as its node was heard of. */
export function isRunning(check: Pick<AuditCheck, 'finishedAt' | 'aliveAt'>, at: Date): boolean {
  return check.finishedAt === null && at.getTime() - check.aliveAt.getTime() <= SILENT_MS;
}

/**
 * Begins to walk the trail unless some node does already; the pages read from the database how far it is.
 * @returns the work, for whoever wants to wait for it; null when one was running
 */
export async function startCheck(context: Context, session: SignedIn): Promise<{ done: Promise<void> } | null> {
  const { prisma, pool } = context.database;
  const at = context.now();
  await prisma.auditCheck.updateMany({
    where: { finishedAt: null, aliveAt: { lt: new Date(at.getTime() - SILENT_MS) } },
    data: { finishedAt: at },
  });
  const id = randomUUID();
  const expected = await pool.query<{ count: string }>('select count(*) from audit_entry');
  const begun = await pool.query(
    `insert into audit_check (id, account_id, started_at, alive_at, expected) values ($1, $2, $3, $3, $4)
     on conflict do nothing`,
    [id, session.account.id, at, Number(expected.rows[0]?.count ?? 0)],
  );
  if (begun.rowCount === 0) return null;
  await record(context, session, 'done', 'audit-check');
  return { done: work(context, session, id) };
}

async function work(context: Context, session: SignedIn, id: string): Promise<void> {
  const { prisma } = context.database;
  try {
    const known = await knownHeads(context);
    let toldMs = 0;
    const onProgress = async (entries: number) => {
      if (performance.now() - toldMs < TELL_EVERY_MS) return;
      toldMs = performance.now();
      await prisma.auditCheck.update({ where: { id }, data: { entries, aliveAt: context.now() } });
    };
    const { whole, entries, problems, problemCount, heads } = await verifyAuditTrail(context.database, {
      known,
      told: PROBLEMS_TOLD,
      onProgress,
    });
    await prisma.auditCheck.update({
      where: { id },
      data: { finishedAt: context.now(), whole, entries, problems, problemCount, heads },
    });
    if (!whole) await record(context, session, 'failed', 'audit-broken');
  } catch {
    // A database that went away: the page says that the check came to no end.
    await prisma.auditCheck.update({ where: { id }, data: { finishedAt: context.now() } }).catch(() => {});
  }
}

/** Of all checks that found the trail whole, the newest end of each chain. */
async function knownHeads(context: Context): Promise<ChainHead[]> {
  const last = await context.database.prisma.auditCheck.findFirst({
    where: { whole: true },
    orderBy: { startedAt: 'desc' },
  });
  return (last?.heads ?? []) as ChainHead[];
}

function record(context: Context, session: SignedIn, result: 'done' | 'failed', reason: string): Promise<void> {
  return context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object: 'audit-trail',
    result,
    reason,
  });
}
