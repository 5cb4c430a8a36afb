import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { administeredCountries } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';

export type Loss = {
  id: string;
  name: string;
  address: string;
  lostAt: Date;
  restoredAt: Date | null;
  /** Certificates whose keys went: partners may still write to them */
  digitalIds: number;
  seenBy: string | null;
};

/** Clerks who lost their keys and started over; those nobody took note of come first. */
export async function readLosses(context: Context, session: SignedIn): Promise<Loss[]> {
  const rows = await context.database.prisma.lostVault.findMany({
    where: { account: { country: administeredCountries(session) } },
    include: { account: true, _count: { select: { digitalIds: true } } },
    orderBy: [{ seenAt: { sort: 'asc', nulls: 'first' } }, { lostAt: 'desc' }],
    take: 100,
  });
  return rows.map(({ id, account, lostAt, restoredAt, seenBy, _count }) => ({
    ...{ id, lostAt, restoredAt, seenBy, digitalIds: _count.digitalIds },
    ...{ name: `${account.firstName} ${account.surname}`, address: account.address },
  }));
}

export function countUnseenLosses(context: Context, session: SignedIn): Promise<number> {
  return context.database.prisma.lostVault.count({
    where: { seenAt: null, account: { country: administeredCountries(session) } },
  });
}

/** @throws AppError not-found, also for somebody else's country */
export async function noteLoss(context: Context, session: SignedIn, id: string): Promise<void> {
  const { account, network } = session;
  const where = { id, account: { country: administeredCountries(session) } };
  const loss = await context.database.prisma.lostVault.findFirst({ where });
  if (loss === null) throw new AppError('not-found');
  const noted = await context.database.prisma.lostVault.updateMany({
    where: { id, seenAt: null },
    data: { seenAt: context.now(), seenBy: account.address },
  });
  if (noted.count === 0) return;
  await context.audit.record({
    ...{ accountId: account.id, actor: account.address, network, action: 'administration' as const },
    ...{ object: loss.accountId, result: 'done' as const, reason: 'loss noted' },
  });
}
