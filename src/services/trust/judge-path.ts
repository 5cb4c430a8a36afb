import type { Context } from '../../context.ts';
import type { JudgedSubject, PathJudgement } from '../../smime/worker-jobs.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { TrustMaterial } from './trust-of.ts';

/** The path of one certificate under this trust, now; in a worker, so that nobody else waits. Null when it is too complex. */
export async function judgeOne(
  context: Pick<Context, 'workers' | 'now'>,
  session: Pick<SignedIn, 'account'>,
  subject: JudgedSubject,
  trust: TrustMaterial,
): Promise<PathJudgement | null> {
  const at = context.now();
  const revocation = { lists: [], responses: [], now: at };
  const job = { kind: 'judge' as const, subjects: [subject], trust: { ...trust, revocation }, at, masterKey: null };
  const result = await context.workers.run<'judge'>(job, session.account.id);
  return result.ok ? (result.value[0] ?? null) : null;
}
