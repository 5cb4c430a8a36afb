import type { Context } from '../../context.ts';
import type { RevocationPoint, RevocationPointKind } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';

export const URL_MAX = 500;

/** All places where revocation may be looked up, those of the settings too. */
export function readRevocationPlaces(context: Context): Promise<RevocationPoint[]> {
  return context.database.prisma.revocationPoint.findMany({ orderBy: [{ kind: 'asc' }, { url: 'asc' }] });
}

/** From now on this address may be asked, and nothing that it redirects to. */
export async function allowRevocationPlace(
  context: Context,
  session: SignedIn,
  kind: RevocationPointKind,
  url: string,
): Promise<void> {
  const at = context.now();
  await context.database.prisma.revocationPoint.createMany({
    skipDuplicates: true,
    data: { kind, url, addedAt: at, dueAt: at, bySettings: false },
  });
  await record(context, session, url, 'revocation-place-allowed');
}

/** Gives whether it was there. Those of the settings are changed in the settings. */
export async function forbidRevocationPlace(context: Context, session: SignedIn, id: string): Promise<boolean> {
  const found = await context.database.prisma.revocationPoint.findFirst({ where: { id, bySettings: false } });
  if (found === null) return false;
  await context.database.prisma.revocationPoint.deleteMany({ where: { id } });
  await record(context, session, found.url, 'revocation-place-forbidden');
  return true;
}

async function record(context: Context, session: SignedIn, object: string, reason: string): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object,
    result: 'done',
    reason,
  });
}
