import type { Context } from '../../context.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { listPasskeys, type PasskeySummary } from './passkeys.ts';
import { recordFactor } from './second-factor.ts';

export type Factors = { totpSince: Date | null; passkeys: PasskeySummary[] };

/** All second factors of one account. */
export async function listFactors(database: Database, accountId: string): Promise<Factors> {
  const [totp, passkeys] = await Promise.all([
    database.prisma.totpFactor.findFirst({ where: { accountId, confirmedAt: { not: null } } }),
    listPasskeys(database, accountId),
  ]);
  return { totpSince: totp?.confirmedAt ?? null, passkeys };
}

export type FactorRemoval = 'removed' | 'last' | 'none';

/** The last factor stays: without one there is no way into the administration but through the operator. */
export function removePasskey(context: Context, session: SignedIn, id: string): Promise<FactorRemoval> {
  const accountId = session.account.id;
  return removeUnlessLast(context, session, 'passkey-removed', (tx) =>
    tx.passkey.deleteMany({ where: { id, accountId } }),
  );
}

export function removeTotp(context: Context, session: SignedIn): Promise<FactorRemoval> {
  const accountId = session.account.id;
  return removeUnlessLast(context, session, 'codes-removed', (tx) =>
    tx.totpFactor.deleteMany({ where: { accountId, confirmedAt: { not: null } } }),
  );
}

/** Decided under a lock on the account: of two removals at the same moment the second one sees the first. */
async function removeUnlessLast(
  context: Context,
  session: SignedIn,
  reason: string,
  remove: (tx: Prisma.TransactionClient) => Promise<{ count: number }>,
): Promise<FactorRemoval> {
  const accountId = session.account.id;
  const outcome = await context.database.prisma.$transaction(async (tx) => {
    await tx.$queryRaw`select id from account where id = ${accountId}::uuid for update`;
    const before = await countFactors(tx, accountId);
    if (before <= 1) return 'last' as const;
    return (await remove(tx)).count > 0 ? ('removed' as const) : ('none' as const);
  });
  if (outcome === 'removed') await recordFactor(context, session, 'done', reason);
  return outcome;
}

async function countFactors(tx: Prisma.TransactionClient, accountId: string): Promise<number> {
  const [codes, passkeys] = await Promise.all([
    tx.totpFactor.count({ where: { accountId, confirmedAt: { not: null } } }),
    tx.passkey.count({ where: { accountId } }),
  ]);
  return codes + passkeys;
}
