import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { Prisma, type Programme } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import { type NewProgramme, patternsMeet } from '../accounts/programmes.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredProgramme } from './administered.ts';
import { administratorsOf, lockProgrammes, requireStillInCharge } from './left-in-charge.ts';
import { recordAdministration } from './record.ts';

export type ProgrammeSummary = Programme & { countries: number; accounts: number; administered: boolean };

/** The programmes that this administrator may administrate: that of the own country first, then those granted. */
export async function readOwnProgrammes(context: Context, session: SignedIn): Promise<ProgrammeSummary[]> {
  const { prisma } = context.database;
  const own = session.account.country.programmeId;
  const programmes = await prisma.programme.findMany({
    where: ownProgrammes(session),
    include: { countries: { select: { _count: { select: { accounts: { where: { state: { not: 'removed' } } } } } } } },
    orderBy: { code: 'asc' },
  });
  return programmes
    .map(({ countries, ...programme }) => ({
      ...programme,
      countries: countries.length,
      accounts: countries.reduce((sum, { _count }) => sum + _count.accounts, 0),
      administered: programme.id === administeredProgramme(session).id,
    }))
    .sort((a, b) => Number(b.id === own) - Number(a.id === own));
}

export type ProgrammeChoice = { id: string; name: string; administered: boolean };

/** What a central administrator of several programmes chooses from, on each page of the administration; else nothing. */
export async function readProgrammeChoices(context: Context, session: SignedIn): Promise<ProgrammeChoice[]> {
  if (session.account.role !== 'central') return [];
  const programmes = await context.database.prisma.programme.findMany({
    where: ownProgrammes(session),
    select: { id: true, name: true },
    orderBy: { code: 'asc' },
  });
  const chosen = administeredProgramme(session).id;
  return programmes.length < 2 ? [] : programmes.map((each) => ({ ...each, administered: each.id === chosen }));
}

function ownProgrammes({ account }: SignedIn): Prisma.ProgrammeWhereInput {
  return { OR: [{ id: account.country.programmeId }, { grants: { some: { accountId: account.id } } }] };
}

export type NewProgrammeResult =
  | { ok: true; programme: Programme }
  | { ok: false; problem: 'code-taken' | 'pattern-taken' };

/**
 * A further programme beside those that there are. Whoever makes it administrates it.
 * @throws AppError `not-found` for whoever was suspended meanwhile
 */
export async function createFurtherProgramme(
  context: Context,
  session: SignedIn,
  wanted: Pick<NewProgramme, 'code' | 'name' | 'domainPattern'> & Pick<Programme, 'phase'>,
): Promise<NewProgrammeResult> {
  const { id: accountId, address } = session.account;
  try {
    const programme = await context.database.prisma.$transaction(async (tx) => {
      const isTaken = await isPatternTaken(tx, wanted.domainPattern, null);
      await lockProgrammes(tx, [administeredProgramme(session).id]);
      await requireStillInCharge(tx, session);
      if (isTaken) return null;
      const grants = { create: { accountId, grantedBy: address, grantedAt: context.now() } };
      return tx.programme.create({ data: { ...wanted, grants } });
    });
    if (programme === null) return { ok: false, problem: 'pattern-taken' };
    await recordAdministration(context, session, programme.id, 'programme-made');
    return { ok: true, programme };
  } catch (error) {
    const isTaken = error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
    if (isTaken) return { ok: false, problem: 'code-taken' };
    throw error;
  }
}

/**
 * Whether a country of this pattern could have a domain of another programme. Nobody else begins a programme, or changes a
 * pattern, before this transaction ends.
 */
export async function isPatternTaken(
  tx: Prisma.TransactionClient,
  pattern: string,
  butId: string | null,
): Promise<boolean> {
  await tx.$executeRaw`lock table programme in share row exclusive mode`;
  const others = await tx.programme.findMany({ select: { id: true, domainPattern: true } });
  return others.some(({ id, domainPattern }) => id !== butId && patternsMeet(domainPattern, pattern));
}

/** From now on this session administrates this programme. @throws AppError `not-found` for one that was not granted */
export async function administrateProgramme(context: Context, session: SignedIn, id: string): Promise<Programme> {
  const { prisma } = context.database;
  const { id: accountId, country } = session.account;
  const isOwn = id === country.programmeId;
  const grant = isOwn
    ? null
    : await prisma.programmeGrant.findUnique({
        where: { accountId_programmeId: { accountId, programmeId: id } },
        include: { programme: true },
      });
  const programme = isOwn ? country.programme : grant?.programme;
  if (!programme) throw new AppError('not-found');
  await prisma.session.updateMany({
    where: { id: session.sessionId },
    data: { administeredProgrammeId: isOwn ? null : id },
  });
  await recordAdministration(context, session, id, 'programme-chosen');
  return programme;
}

export type ProgrammeAdministrator = {
  accountId: string;
  name: string;
  address: string;
  /** Null where it follows from the own country */
  grantedBy: string | null;
  grantedAt: Date | null;
  own: boolean;
};

/** Who administrates the programme: the central administrators of its own countries, and those to whom it was granted. */
export async function readProgrammeAdministrators(
  context: Context,
  session: SignedIn,
): Promise<ProgrammeAdministrator[]> {
  const programmeId = administeredProgramme(session).id;
  const accounts = await context.database.prisma.account.findMany({
    where: administratorsOf(programmeId),
    include: { country: true, programmeGrants: { where: { programmeId } } },
    orderBy: { addressKey: 'asc' },
  });
  return accounts.map((account) => {
    const grant = account.country.programmeId === programmeId ? undefined : account.programmeGrants[0];
    return {
      accountId: account.id,
      name: `${account.firstName} ${account.surname}`,
      address: account.address,
      grantedBy: grant?.grantedBy ?? null,
      grantedAt: grant?.grantedAt ?? null,
      own: account.id === session.account.id,
    };
  });
}

/** @returns false when no central administrator outside of the programme has this address */
export async function grantProgramme(context: Context, session: SignedIn, address: string): Promise<boolean> {
  const { prisma } = context.database;
  const programme = administeredProgramme(session);
  const programmeId = programme.id;
  const where = {
    addressKey: addressKey(address),
    role: 'central',
    state: 'active',
    country: { programmeId: { not: programmeId } },
  } as const;
  const found = await prisma.account.findFirst({ where, include: { country: true } });
  if (found === null) return false;
  const isGranted = await prisma.$transaction(async (tx) => {
    // Who counts administrators, here or where the account is, waits, or is waited for.
    await lockProgrammes(tx, [programmeId, found.country.programmeId]);
    await requireStillInCharge(tx, session);
    if ((await tx.account.count({ where: { ...where, id: found.id } })) === 0) return false;
    const data = { accountId: found.id, programmeId, grantedBy: session.account.address, grantedAt: context.now() };
    await tx.programmeGrant.createMany({ skipDuplicates: true, data });
    return true;
  });
  if (!isGranted) return false;
  await recordAdministration(context, session, found.id, `programme-granted: ${programme.code}`);
  return true;
}

/** @returns false for the last one: a programme without an administrator could be reached by nobody */
export async function withdrawProgramme(context: Context, session: SignedIn, accountId: string): Promise<boolean> {
  const { id: programmeId, code } = administeredProgramme(session);
  const withdrawn = await context.database.prisma.$transaction(async (tx) => {
    // Two who withdraw each other at the same moment wait for one another here.
    await lockProgrammes(tx, [programmeId]);
    await requireStillInCharge(tx, session);
    const others = await tx.account.count({
      where: { AND: [administratorsOf(programmeId), { id: { not: accountId } }] },
    });
    if (others === 0) return 'last';
    const { count } = await tx.programmeGrant.deleteMany({ where: { accountId, programmeId } });
    if (count === 0) return 'none';
    await tx.session.updateMany({
      where: { accountId, administeredProgrammeId: programmeId },
      data: { administeredProgrammeId: null },
    });
    return 'withdrawn';
  });
  if (withdrawn === 'none') throw new AppError('not-found');
  const isDone = withdrawn === 'withdrawn';
  await recordAdministration(context, session, accountId, `programme-withdrawn: ${code}`, isDone ? 'done' : 'refused');
  return isDone;
}
