import type { Context } from '../../context.ts';
import type { TrustDecision } from '../../generated/prisma/client.ts';
import { forgetVerdicts } from '../mailbox/message-verdicts.ts';
import type { SignedIn } from '../sessions/session.ts';

export type Decision = {
  decision:
    | 'programme-root-accepted'
    | 'root-trusted'
    | 'root-trusted-for-domain'
    | 'root-withdrawn'
    | 'certificate-trusted'
    | 'certificate-withdrawn';
  sha256: string;
  subject: string;
  comparedBy?: 'sha256' | 'sha1';
  /** Who read the thumbprint out, in the clerk's words */
  toldBy?: string;
};

/** Keeps a decision about trust with the clerk's name and the time (S03), for the clerk's list and in the audit trail. */
export async function recordDecision(context: Context, session: SignedIn, decision: Decision): Promise<void> {
  await context.database.prisma.trustDecision.create({
    data: {
      accountId: session.account.id,
      decision: decision.decision,
      sha256: decision.sha256,
      subject: decision.subject,
      comparedBy: decision.comparedBy ?? null,
      toldBy: decision.toldBy ?? '',
      at: context.now(),
    },
  });
  // What the lists of messages say was found under the trust of before.
  await forgetVerdicts(context.database, session.account.id);
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: decision.decision.endsWith('withdrawn') ? 'trust-withdraw' : 'trust',
    object: decision.sha256,
    result: 'done',
    reason: decision.decision,
  });
}

/** The newest decisions of the account. */
export async function listDecisions(context: Context, session: SignedIn, limit: number): Promise<TrustDecision[]> {
  return context.database.prisma.trustDecision.findMany({
    where: { accountId: session.account.id },
    orderBy: [{ at: 'desc' }, { id: 'asc' }],
    take: limit,
  });
}
