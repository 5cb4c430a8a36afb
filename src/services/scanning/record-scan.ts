import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';

/** An entry of the trail about a content, named by its SHA-256: what was found, and what was decided about it. */
export async function recordScan(
  context: Pick<Context, 'audit'>,
  { account, network }: Pick<SignedIn, 'account' | 'network'>,
  entry: { sha256: string; result: 'done' | 'refused'; reason: string },
): Promise<void> {
  await context.audit.record({
    accountId: account.id,
    actor: account.address,
    network,
    action: 'attachment-scan',
    object: entry.sha256,
    result: entry.result,
    reason: entry.reason,
  });
}
