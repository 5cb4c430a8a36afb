import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';

/** What was issued, asked for, released and taken goes into the trail; `object` is the thumbprint, or an id. */
export async function recordIssuing(
  context: Context,
  session: SignedIn,
  object: string,
  result: 'done' | 'refused' | 'failed',
  reason: string,
  action: 'issue' | 'revoke' = 'issue',
): Promise<void> {
  const { account, network } = session;
  await context.audit.record({
    accountId: account.id,
    actor: account.address,
    network,
    action,
    object,
    result,
    reason,
  });
}
