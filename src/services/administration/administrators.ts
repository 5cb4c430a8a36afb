import type { Account } from '../../generated/prisma/client.ts';
import { addressDomain, addressKey, addressProblem } from '../../mail/address.ts';
import { createHostedAccount } from '../accounts/accounts.ts';
import type { Database } from '../database/connect.ts';
import { recordStep } from '../registration/history.ts';

export type AdministratorResult =
  | {
      ok: true;
      account: Account;
      outcome: 'promoted' | 'created';
      isAccountResumed: boolean;
      isCountryResumed: boolean;
    }
  | {
      ok: false;
      problem:
        | 'address'
        | 'removed'
        | 'empty'
        | 'domain'
        | 'no-country'
        | 'not-hosted'
        | 'names'
        | 'password-needed'
        | 'not-created';
    };

const WAIVER_MS = 3 * 86_400_000;

/**
 * Makes the account of this address a central administrator, with an account where there is none yet. A second factor that was lost is
 * forgotten: the next entry sets a new one up. An account that was suspended is active again, and a country that was suspended takes part again: nobody could sign in otherwise. One
 * that was removed is brought back on its page, where it gets a new code too. For whoever operates the installation.
 * @param password of a new hosted mailbox
 */
export async function addAdministrator(
  database: Database,
  address: string,
  password: string | null,
): Promise<AdministratorResult> {
  if (addressProblem(address) !== null) return { ok: false, problem: 'address' };
  const known = await database.prisma.account.findUnique({ where: { addressKey: addressKey(address) } });
  if (known?.state === 'removed') return { ok: false, problem: 'removed' };
  if (known) return { ok: true, outcome: 'promoted', ...(await promote(database, known)) };
  const country = await database.prisma.country.findFirst({
    where: { domain: addressDomain(address) },
    include: { mailServer: true },
  });
  if (country === null)
    return { ok: false, problem: (await database.prisma.programme.count()) === 0 ? 'empty' : 'no-country' };
  // Where a country runs its own server, the mailbox has to be there first.
  if (!country.mailServer.hosted) return { ok: false, problem: 'not-hosted' };
  if (password === null) return { ok: false, problem: 'password-needed' };
  const names = namesOf(address);
  if (names === null) return { ok: false, problem: 'names' };
  const [firstName, surname] = names;
  const made = await createHostedAccount(database, country, { firstName, surname, password });
  if (!made.ok) return { ok: false, problem: 'not-created' };
  return { ok: true, outcome: 'created', ...(await promote(database, made.account)) };
}

/** First name and surname, as the part before the @ has them. */
export function namesOf(address: string): [firstName: string, surname: string] | null {
  const [firstName, surname, ...more] = address.slice(0, address.lastIndexOf('@')).split('.');
  return firstName && surname && more.length === 0 ? [firstName, surname] : null;
}

async function promote(database: Database, account: Account) {
  await database.prisma.totpFactor.deleteMany({ where: { accountId: account.id } });
  await database.prisma.passkey.deleteMany({ where: { accountId: account.id } });
  // Sessions of before were opened by a clerk.
  await database.prisma.session.updateMany({ where: { accountId: account.id }, data: { administrationUntil: null } });
  // Where a certificate is required (T22) and none is at hand, the operator lets in too.
  const certificateWaivedUntil = new Date(Date.now() + WAIVER_MS);
  const { count } = await database.prisma.account.updateMany({
    where: { id: account.id, state: 'suspended' },
    data: { state: 'active', heldByCentre: false },
  });
  const promoted = await database.prisma.account.update({
    where: { id: account.id },
    data: { role: 'central', certificateWaivedUntil },
  });
  return { account: promoted, isAccountResumed: count > 0, isCountryResumed: await resumeCountryOf(database, account) };
}

function resumeCountryOf(database: Database, { countryId }: Account): Promise<boolean> {
  return database.prisma.$transaction(async (tx) => {
    const where = { id: countryId, suspendedAt: { not: null } };
    const { count } = await tx.country.updateMany({ where, data: { suspendedAt: null } });
    const registration = count > 0 && (await tx.registration.findUnique({ where: { countryId } }));
    if (registration)
      await recordStep(tx, registration.id, new Date(), 'resumed', { side: 'central', name: 'operator' });
    return count > 0;
  });
}
