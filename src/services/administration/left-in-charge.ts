import { AppError } from '../../errors.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredProgramme } from './administered.ts';

/** One act at a time in each of these programmes; always locked in this order, so that no two acts wait for each other. */
export async function lockProgrammes(tx: Prisma.TransactionClient, ids: readonly string[]): Promise<void> {
  await tx.$queryRaw`select id from programme where id = any(${ids}::uuid[]) order by id for update`;
}

/**
 * Locks the programme of these accounts and all that are granted to them.
 * @returns those granted; null when one was granted meanwhile, which then is not locked
 */
export async function lockWithGranted(
  tx: Prisma.TransactionClient,
  programmeId: string,
  account: Prisma.AccountWhereInput,
): Promise<string[] | null> {
  const read = async () => {
    const rows = await tx.programmeGrant.findMany({ where: { account }, select: { programmeId: true } });
    return rows.map((row) => row.programmeId);
  };
  const before = await read();
  await lockProgrammes(tx, [programmeId, ...before]);
  const granted = await read();
  return granted.every((id) => before.includes(id)) ? [...new Set(granted)] : null;
}

/**
 * Who acts is read again once the programme is locked: another may have been quicker.
 * @throws AppError `not-found` for whoever administrates it no more
 */
export async function requireStillInCharge(tx: Prisma.TransactionClient, session: SignedIn): Promise<void> {
  const { id, role, country } = session.account;
  const programmeId = administeredProgramme(session).id;
  const grant = programmeId === country.programmeId ? {} : { programmeGrants: { some: { programmeId } } };
  const actor = await tx.account.findFirst({
    where: { id, role, state: 'active', country: { suspendedAt: null }, ...grant },
  });
  if (actor === null) throw new AppError('not-found');
}

/** The central administrators who can sign in. */
export const CENTRAL = {
  role: 'central',
  state: 'active',
  country: { suspendedAt: null },
} as const satisfies Prisma.AccountWhereInput;

/** Who administrates the programme: the central administrators of its own countries, and those to whom it was granted. */
export function administratorsOf(programmeId: string): Prisma.AccountWhereInput {
  return { ...CENTRAL, OR: [{ country: { programmeId } }, { programmeGrants: { some: { programmeId } } }] };
}

/**
 * Of the programme of these accounts and of those that are granted to them: the one that would be left without an
 * administrator if they were none. Their own needs one of its own countries, since what was granted can be withdrawn.
 */
export async function findForsaken(
  tx: Prisma.TransactionClient,
  programmeId: string,
  granted: readonly string[],
  accounts: Prisma.AccountWhereInput,
): Promise<string | null> {
  if ((await tx.account.count({ where: { AND: [CENTRAL, accounts] } })) === 0) return null;
  const own = { ...CENTRAL, AND: { country: { programmeId } } };
  if ((await tx.account.count({ where: { AND: [own, { NOT: accounts }] } })) === 0) return programmeId;
  for (const id of granted)
    if ((await tx.account.count({ where: { AND: [administratorsOf(id), { NOT: accounts }] } })) === 0) return id;
  return null;
}
