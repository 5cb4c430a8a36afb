import type { Context } from '../../context.ts';
import type { Account, AccountRole, AccountState, Prisma } from '../../generated/prisma/client.ts';
import { hashOfNoPassword, isLimitReached } from '../accounts/accounts.ts';
import { endSessionsOf } from '../accounts/end-sessions.ts';
import { makeHandOver, type NewHandOver } from '../accounts/hand-over.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type AdministeredAccount, administeredProgramme } from './administered.ts';
import { findForsaken, lockWithGranted, requireStillInCharge } from './left-in-charge.ts';
import { recordAdministration } from './record.ts';

const DAY_MS = 86_400_000;
/** How long the mail of a removed account is kept: a quarter, in which a mistake is noticed and a matter that was open is handed on. */
export const MAIL_KEPT_DAYS = 90;
/** How long nobody else gets the address: the longest life of a Digital ID, so that none of the former holder fits a new one. */
export const ADDRESS_RESTS_DAYS = 1100;

export type AccountAct = 'suspend' | 'resume' | 'remove' | 'restore' | 'hand-over' | 'role';

/** - `own-account`: nobody does this to himself; - `central-only`: the account, or the role, is a matter of the centre */
export type ActProblem =
  | 'own-account'
  | 'central-only'
  | 'last-central'
  | 'limit-reached'
  | 'too-late'
  | 'state-changed';

export type ActResult = { ok: true; handOver: NewHandOver | null } | { ok: false; problem: ActProblem };

/** In which state an account must be for what is done to it. */
const FROM: Record<AccountAct, readonly AccountState[]> = {
  suspend: ['active'],
  resume: ['suspended'],
  remove: ['active', 'suspended'],
  restore: ['removed'],
  'hand-over': ['active'],
  role: ['active'],
};

/** What gives somebody the account again. */
const BRINGS_BACK: readonly AccountAct[] = ['resume', 'restore', 'hand-over'];

/** What this administrator may do to an account as it is now: the page shows these, and `actOnAccount` allows no other. */
export function actsFor(session: SignedIn, account: AdministeredAccount, at: Date): AccountAct[] {
  return (Object.keys(FROM) as AccountAct[]).filter((act) => {
    if (!FROM[act].includes(account.state) || problemOf(session, account, act) !== null) return false;
    if (act === 'hand-over') return account.country.mailServer.hosted;
    if (act === 'restore') return isKept(account, at);
    return act !== 'role' || rolesFor(session, account).length > 0;
  });
}

/** The roles that this administrator may give: the centre all of them, a country those of the country. */
export function rolesFor(session: SignedIn, account: Pick<Account, 'role'>): AccountRole[] {
  const all: AccountRole[] =
    session.account.role === 'central' ? ['clerk', 'country', 'central'] : ['clerk', 'country'];
  return all.filter((role) => role !== account.role);
}

export function suspendAccount(context: Context, session: SignedIn, account: AdministeredAccount): Promise<ActResult> {
  return actOnAccount(context, session, account, 'suspend', async (tx, _at, held) => {
    await tx.account.update({ where: { id: account.id }, data: { state: 'suspended', ...held } });
    return null;
  });
}

export function resumeAccount(context: Context, session: SignedIn, account: AdministeredAccount): Promise<ActResult> {
  return actOnAccount(context, session, account, 'resume', async (tx) => {
    await tx.account.update({ where: { id: account.id }, data: { state: 'active', heldByCentre: false } });
    return null;
  });
}

/** No sign-in and no mail from now on; what is in a hosted mailbox is kept for a time, and the address rests for a longer one. */
export function removeAccount(context: Context, session: SignedIn, account: AdministeredAccount): Promise<ActResult> {
  return actOnAccount(context, session, account, 'remove', async (tx, at, held) => {
    const isHosted = account.country.mailServer.hosted;
    await tx.handOver.deleteMany({ where: { accountId: account.id } });
    await tx.totpFactor.deleteMany({ where: { accountId: account.id } });
    await tx.passkey.deleteMany({ where: { accountId: account.id } });
    await tx.programmeGrant.deleteMany({ where: { accountId: account.id } });
    await tx.account.update({
      where: { id: account.id },
      data: {
        ...{ state: 'removed', role: 'clerk', removedAt: at, ...held },
        ...(isHosted ? { mailboxPasswordHash: await hashOfNoPassword() } : {}),
        mailKeptUntil: isHosted ? new Date(at.getTime() + MAIL_KEPT_DAYS * DAY_MS) : null,
        addressRestsUntil: new Date(at.getTime() + ADDRESS_RESTS_DAYS * DAY_MS),
      },
    });
    return null;
  });
}

/** The same person again, while everything is kept; a hosted mailbox gets a new code, since the password is forgotten. */
export function restoreAccount(context: Context, session: SignedIn, account: AdministeredAccount): Promise<ActResult> {
  return actOnAccount(context, session, account, 'restore', async (tx, at) => {
    const none = { removedAt: null, mailKeptUntil: null, mailRemovalTriedAt: null, addressRestsUntil: null };
    const data = { state: 'active', heldByCentre: false, ...none } as const;
    await tx.account.update({ where: { id: account.id }, data });
    return account.country.mailServer.hosted ? makeHandOver(tx, context.config, account.id, at) : null;
  });
}

/** The old password stops at once, and a new code is shown, once. */
export function renewHandOver(context: Context, session: SignedIn, account: AdministeredAccount): Promise<ActResult> {
  return actOnAccount(context, session, account, 'hand-over', async (tx, at) => {
    await tx.account.update({ where: { id: account.id }, data: { mailboxPasswordHash: await hashOfNoPassword() } });
    return makeHandOver(tx, context.config, account.id, at);
  });
}

export async function changeRole(
  context: Context,
  session: SignedIn,
  account: AdministeredAccount,
  role: AccountRole,
): Promise<ActResult> {
  if (!rolesFor(session, account).includes(role)) return { ok: false, problem: 'central-only' };
  return actOnAccount(
    context,
    session,
    account,
    'role',
    async (tx) => {
      await tx.account.update({ where: { id: account.id }, data: { role } });
      if (role !== 'central') await tx.programmeGrant.deleteMany({ where: { accountId: account.id } });
      return null;
    },
    `, ${role}`,
  );
}

/** @param held what keeps an account from coming back by its own country, where the centre has a part in it */
type Change = (tx: Prisma.TransactionClient, at: Date, held: { heldByCentre?: true }) => Promise<NewHandOver | null>;

/**
 * One act at a time in a programme: what two administrators do to each other at the same moment comes one after the other, and the
 * second finds that he is none any more. All but resuming and restoring end the account's sessions.
 */
async function actOnAccount(
  context: Context,
  session: SignedIn,
  account: AdministeredAccount,
  act: AccountAct,
  change: Change,
  detail = '',
): Promise<ActResult> {
  const at = context.now();
  let ended: string[] = [];
  let result: ActResult;
  try {
    result = await context.database.prisma.$transaction(async (tx): Promise<ActResult> => {
      const granted = await lockWithGranted(tx, administeredProgramme(session).id, { id: account.id });
      await requireStillInCharge(tx, session);
      if (granted === null) return { ok: false, problem: 'state-changed' };
      await tx.$queryRaw`select id from account where id = ${account.id}::uuid for update`;
      const fresh = { ...account, ...(await tx.account.findUniqueOrThrow({ where: { id: account.id } })) };
      const problem = problemOf(session, fresh, act) ?? (await lastCentral(tx, fresh, granted, act));
      if (problem !== null) return { ok: false, problem };
      if (act === 'role' && fresh.role !== account.role) return { ok: false, problem: 'state-changed' };
      if (!FROM[act].includes(fresh.state)) return { ok: false, problem: 'state-changed' };
      if (act === 'restore' && !isKept(fresh, at)) return { ok: false, problem: 'too-late' };
      if (act === 'hand-over' && !account.country.mailServer.hosted) return { ok: false, problem: 'state-changed' };
      const isOfCentre = session.account.role === 'central' || fresh.role === 'central';
      const handOver = await change(tx, at, isOfCentre ? { heldByCentre: true } : {});
      if (act !== 'resume' && act !== 'restore') ended = await endSessionsOf(tx, account.id, at);
      return { ok: true, handOver };
    });
  } catch (error) {
    if (!isLimitReached(error)) throw error;
    result = { ok: false, problem: 'limit-reached' };
  }
  if (result.ok) await Promise.all(ended.map((id) => context.mail.close(id)));
  const refusal = result.ok ? '' : `, ${result.problem}`;
  const outcome = result.ok ? 'done' : 'refused';
  await recordAdministration(context, session, account.id, `account: ${act}${detail}${refusal}`, outcome);
  return result;
}

/**
 * Why this administrator does nothing to the account; null: he may.
 * @param act bringing back is the centre's where the centre took it away
 */
export function problemOf(
  session: SignedIn,
  account: Pick<Account, 'id' | 'role' | 'heldByCentre'>,
  act: AccountAct | null = null,
): 'own-account' | 'central-only' | null {
  if (account.id === session.account.id) return 'own-account';
  const isOfCentre = account.role === 'central' || (account.heldByCentre && act !== null && BRINGS_BACK.includes(act));
  return isOfCentre && session.account.role !== 'central' ? 'central-only' : null;
}

/** There is always one who can let the others in again, in each programme that the account administrates. */
async function lastCentral(
  tx: Prisma.TransactionClient,
  { id, country }: AdministeredAccount,
  granted: readonly string[],
  act: AccountAct,
): Promise<'last-central' | null> {
  if (!['suspend', 'remove', 'role'].includes(act)) return null;
  return (await findForsaken(tx, country.programmeId, granted, { id })) === null ? null : 'last-central';
}

function isKept(account: AdministeredAccount, at: Date): boolean {
  // A node whose clock is ahead may be at it already.
  if (account.mailRemovedAt !== null || account.mailRemovalTriedAt !== null) return false;
  const until = account.country.mailServer.hosted ? account.mailKeptUntil : account.addressRestsUntil;
  return until !== null && until > at;
}
