import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Account, Issuance } from '../../generated/prisma/client.ts';
import { SealBrokenError } from '../../vault/seal.ts';
import { openFrom } from '../../vault/sealed-box.ts';
import { administeredCountries } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';
import { openDraftKeys } from '../sessions/vault.ts';
import { passwordShareContext } from './kept-secrets.ts';
import { recordIssuing } from './record-issuing.ts';

export type WaitingIssuance = Issuance & {
  account: Pick<Account, 'id' | 'firstName' | 'surname' | 'address' | 'countryId'>;
  /** Whether the password is sealed to this administrator */
  mine: boolean;
  /** Names of those who can release it */
  releasers: string[];
};

/** Digital IDs of the programme whose files still wait for their holders: those asked for first. */
export async function readWaiting(context: Context, session: SignedIn): Promise<WaitingIssuance[]> {
  const rows = await context.database.prisma.issuance.findMany({
    where: { closedAt: null, files: { some: {} }, account: { country: administeredCountries(session) } },
    include: {
      account: {
        select: { id: true, firstName: true, surname: true, address: true, countryId: true },
      },
      shares: { include: { administrator: { select: { id: true, firstName: true, surname: true } } } },
    },
    orderBy: [{ releasedAt: { sort: 'asc', nulls: 'first' } }, { requestedAt: { sort: 'asc', nulls: 'last' } }],
    take: 500,
  });
  return rows.map(({ shares, ...row }) => ({
    ...row,
    mine: shares.some((share) => share.administratorId === session.account.id),
    releasers: shares.map(({ administrator: { firstName, surname } }) => `${firstName} ${surname}`),
  }));
}

/** How many passwords are asked for and not released. */
export function countAskedPasswords(context: Context, session: SignedIn): Promise<number> {
  return context.database.prisma.issuance.count({
    where: {
      closedAt: null,
      releasedAt: null,
      requestedAt: { not: null },
      files: { some: {} },
      account: { country: administeredCountries(session) },
    },
  });
}

export type Released =
  /** To be shown once */
  | { ok: true; password: string; account: Pick<Account, 'firstName' | 'surname' | 'address'> }
  | { ok: false; problem: 'not-requested' | 'released-already' | 'not-mine' };

/**
 * Gives the password once, to be read out to its holder: after that nobody can open it any more. The holder has to ask first (T12).
 * @throws AppError not-found
 */
export async function releasePassword(
  context: Context,
  session: SignedIn,
  masterKey: Uint8Array,
  id: string,
): Promise<Released> {
  const { prisma } = context.database;
  const row = await prisma.issuance.findFirst({
    where: { id, closedAt: null, files: { some: {} }, account: { country: administeredCountries(session) } },
    include: { account: true, shares: { where: { administratorId: session.account.id } } },
  });
  if (row === null) throw new AppError('not-found');
  const share = row.shares[0];
  if (row.releasedAt !== null) return refuse(context, session, id, 'released-already');
  if (row.requestedAt === null) return refuse(context, session, id, 'not-requested');
  const password = share ? await openShare(context, session, masterKey, id, share.sealed) : null;
  if (password === null) return refuse(context, session, id, 'not-mine');
  try {
    const taken = await prisma.$transaction(async (tx) => {
      const released = await tx.issuance.updateMany({
        where: { id, closedAt: null, releasedAt: null, requestedAt: { not: null } },
        data: { releasedAt: context.now(), releasedById: session.account.id },
      });
      if (released.count === 1) await tx.pfxPasswordShare.deleteMany({ where: { issuanceId: id } });
      return released.count === 1;
    });
    if (!taken) return refuse(context, session, id, 'released-already');
    await recordIssuing(context, session, id, 'done', 'password-released');
    return { ok: true, password: password.toString('utf8'), account: row.account };
  } finally {
    password.fill(0);
  }
}

/** Null when it was sealed to another vault: this administrator's was made anew since. */
async function openShare(
  context: Context,
  session: SignedIn,
  masterKey: Uint8Array,
  id: string,
  sealed: Uint8Array,
): Promise<Buffer | null> {
  const keys = await openDraftKeys(context.database, session.account.id, masterKey);
  try {
    return openFrom(keys, sealed, passwordShareContext(id, session.account.id));
  } catch (error) {
    if (error instanceof SealBrokenError) return null;
    throw error;
  } finally {
    keys.privateKey.fill(0);
  }
}

type Refusal = Extract<Released, { ok: false }>;

async function refuse(context: Context, session: SignedIn, id: string, problem: Refusal['problem']): Promise<Refusal> {
  await recordIssuing(context, session, id, 'refused', `password-${problem}`);
  return { ok: false, problem };
}
