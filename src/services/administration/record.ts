import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';

/** An administrator's step in the trail. @param reason a short code, never what was typed */
export async function recordAdministration(
  context: Context,
  session: SignedIn,
  object: string,
  reason: string,
  result: 'done' | 'refused' = 'done',
): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object,
    result,
    reason,
  });
}
