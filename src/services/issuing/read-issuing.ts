import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Account, Issuance, IssuedCertificate, IssuingJob, Programme } from '../../generated/prisma/client.ts';
import {
  type AdministeredCountry,
  administeredCountries,
  administeredProgramme,
} from '../administration/administered.ts';
import { issuingAuthorityOf } from '../identities/authorities.ts';
import type { SignedIn } from '../sessions/session.ts';
import { isGone } from './issue-digital-id.ts';
import type { TaskOutcome } from './issue-task.ts';
import { decideIssuing } from './issuing-rule.ts';

/**
 * - `none`: nothing was issued yet
 * - `waits`, `asked`, `released`: the file waits for its holder; the password was asked for; it was read out
 * - `installed`: the holder has it
 * - `lapsed`: nobody fetched the file in time
 * - `held`: on hold, and may come back
 * - `revoked`, `ended`: it is of no use any more
 */
export type HolderState =
  | 'none'
  | 'waits'
  | 'asked'
  | 'released'
  | 'installed'
  | 'lapsed'
  | 'held'
  | 'revoked'
  | 'ended';

export type Holder = {
  account: Pick<Account, 'id' | 'firstName' | 'surname' | 'address' | 'state'>;
  open: Issuance | null;
  state: HolderState;
  mayIssue: boolean;
  mayReplace: boolean;
};

const HOLDER = {
  select: {
    ...{ id: true, firstName: true, surname: true, address: true, state: true, countryId: true },
    issuances: {
      include: {
        certificates: { select: { revokedAt: true, revocationReason: true } },
        _count: { select: { files: true } },
      },
    },
  },
} as const;

/** Whether the programme has an authority that can issue now. */
export async function canIssue(context: Context, session: SignedIn): Promise<boolean> {
  return (await issuingAuthorityOf(context.database, administeredProgramme(session).id, context.now())) !== null;
}

/** The people of a country with what was issued to them. */
export async function readHolders(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
): Promise<Holder[]> {
  return (await holders(context, session, { countryId: country.id })).map(({ holder }) => holder);
}

/** @throws AppError not-found */
export async function findHolder(context: Context, session: SignedIn, accountId: string): Promise<Holder> {
  const [found] = await holders(context, session, { id: accountId });
  if (found === undefined) throw new AppError('not-found');
  return found.holder;
}

export type CountryIssuing = { id: string; code: string; isoCode: string; holders: Holder[] };

/** All countries of this administrator with their people. */
export async function readCountries(context: Context, session: SignedIn): Promise<CountryIssuing[]> {
  const [countries, people] = await Promise.all([
    context.database.prisma.country.findMany({
      where: administeredCountries(session),
      orderBy: { code: 'asc' },
      select: { id: true, code: true, isoCode: true },
    }),
    holders(context, session, {}),
  ]);
  return countries.map((country) => ({
    ...country,
    holders: people.filter(({ countryId }) => countryId === country.id).map(({ holder }) => holder),
  }));
}

async function holders(context: Context, session: SignedIn, where: { countryId?: string; id?: string }) {
  const rows = await context.database.prisma.account.findMany({
    where: { ...where, state: { not: 'removed' }, country: administeredCountries(session) },
    orderBy: [{ surname: 'asc' }, { firstName: 'asc' }],
    ...HOLDER,
  });
  const programme = administeredProgramme(session);
  const at = context.now();
  return rows.map(({ issuances, countryId, ...account }) => ({
    countryId,
    holder: holderOf(account, issuances, programme, at),
  }));
}

type IssuedRow = Issuance & {
  certificates: Pick<IssuedCertificate, 'revokedAt' | 'revocationReason'>[];
  _count: { files: number };
};

function holderOf(account: Holder['account'], issuances: IssuedRow[], programme: Programme, at: Date): Holder {
  const open = issuances.find((each) => each.closedAt === null) ?? null;
  const revoked = open?.certificates.some(isGone) ?? false;
  const testEnds = issuances.filter((each) => each.phase === 'test').map((each) => each.endsAt.getTime());
  const may = (replaces: boolean) =>
    account.state === 'active' &&
    decideIssuing({
      open: open && { id: open.id, phase: open.phase, endsAt: open.endsAt, revoked },
      firstTestEnd: testEnds.length === 0 ? null : new Date(Math.min(...testEnds)),
      phase: programme.phase,
      days: programme.digitalIdDays,
      notBefore: at,
      // When the authority ends is looked at when it is opened.
      authorityEnd: new Date(8.64e15),
      at,
      replaces,
    }).ok;
  return {
    account,
    open,
    state: open === null ? 'none' : stateOf(open, revoked, at),
    mayIssue: may(false),
    mayReplace: open !== null && !revoked && may(true),
  };
}

function stateOf(open: IssuedRow, revoked: boolean, at: Date): HolderState {
  if (revoked) return 'revoked';
  if (open.endsAt <= at) return 'ended';
  if (open.certificates.some((each) => each.revokedAt !== null)) return 'held';
  if (open.installedAt !== null) return 'installed';
  if (open._count.files === 0) return 'lapsed';
  if (open.releasedAt !== null) return 'released';
  return open.requestedAt === null ? 'waits' : 'asked';
}

export type ReadTask = { account: Pick<Account, 'firstName' | 'surname' | 'address'>; outcome: TaskOutcome | null };
export type ReadJob = { job: IssuingJob; tasks: ReadTask[] };

/** How far a job of the programme is. @throws AppError not-found */
export async function readJob(context: Context, session: SignedIn, id: string): Promise<ReadJob> {
  const found = await context.database.prisma.issuingJob.findFirst({
    where: { id, programmeId: administeredProgramme(session).id },
    include: {
      tasks: {
        orderBy: { position: 'asc' },
        include: { account: { select: { firstName: true, surname: true, address: true } } },
      },
    },
  });
  if (found === null) throw new AppError('not-found');
  const { tasks, ...job } = found;
  return { job, tasks: tasks.map(({ account, outcome }) => ({ account, outcome: outcome as TaskOutcome | null })) };
}

/** The last ones, and those that were not ended. */
export async function readJobs(context: Context, session: SignedIn): Promise<(IssuingJob & { total: number })[]> {
  const rows = await context.database.prisma.issuingJob.findMany({
    where: { programmeId: administeredProgramme(session).id },
    orderBy: { startedAt: 'desc' },
    take: 10,
    include: { _count: { select: { tasks: true } } },
  });
  return rows.map(({ _count, ...job }) => ({ ...job, total: _count.tasks }));
}
