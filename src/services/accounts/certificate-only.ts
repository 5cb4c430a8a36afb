import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';

/**
 * The holder's own choice to sign in with the certificate only, or no longer. Only in a session that has it: nobody shuts themselves
 * out, and a stolen password does not take it away.
 * @returns false in a session without
 */
export async function chooseCertificateOnly(context: Context, session: SignedIn, only: boolean): Promise<boolean> {
  const { account } = session;
  if (session.certificateSha256 === null) return false;
  if (account.certificateOnly === only) return true;
  await context.database.prisma.account.update({ where: { id: account.id }, data: { certificateOnly: only } });
  await context.audit.record({
    accountId: account.id,
    actor: account.address,
    network: session.network,
    action: 'settings-change',
    object: account.id,
    result: 'done',
    reason: only ? 'certificate-only' : 'certificate-not-only',
  });
  return true;
}
