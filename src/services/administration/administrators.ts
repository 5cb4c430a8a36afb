import type { Account } from '../../generated/prisma/client.ts';
import { addressDomain, addressKey, addressProblem } from '../../mail/address.ts';
import { createHostedAccount } from '../accounts/accounts.ts';
import type { Database } from '../database/connect.ts';

export type AdministratorResult =
  | { ok: true; account: Account; outcome: 'promoted' | 'created' }
  | {
      ok: false;
      problem:
        | 'address'
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
 * forgotten: the next entry sets a new one up. For whoever operates the installation.
 * @param password of a new hosted mailbox
 */
export async function addAdministrator(
  database: Database,
  address: string,
  password: string | null,
): Promise<AdministratorResult> {
  if (addressProblem(address) !== null) return { ok: false, problem: 'address' };
  const known = await database.prisma.account.findUnique({ where: { addressKey: addressKey(address) } });
  if (known) return { ok: true, account: await promote(database, known), outcome: 'promoted' };
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
  return { ok: true, account: await promote(database, made.account), outcome: 'created' };
}

/** First name and surname, as the part before the @ has them. */
export function namesOf(address: string): [firstName: string, surname: string] | null {
  const [firstName, surname, ...more] = address.slice(0, address.lastIndexOf('@')).split('.');
  return firstName && surname && more.length === 0 ? [firstName, surname] : null;
}

async function promote(database: Database, account: Account): Promise<Account> {
  await database.prisma.totpFactor.deleteMany({ where: { accountId: account.id } });
  await database.prisma.passkey.deleteMany({ where: { accountId: account.id } });
  // Sessions of before were opened by a clerk.
  await database.prisma.session.updateMany({ where: { accountId: account.id }, data: { administrationUntil: null } });
  // Where a certificate is required (T22) and none is at hand, the operator lets in too.
  const certificateWaivedUntil = new Date(Date.now() + WAIVER_MS);
  return database.prisma.account.update({
    where: { id: account.id },
    data: { role: 'central', certificateWaivedUntil },
  });
}
