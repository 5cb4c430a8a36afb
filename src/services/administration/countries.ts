import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { endSessionsOf } from '../accounts/end-sessions.ts';
import { recordStep, type StepName } from '../registration/history.ts';
import { emptyFields } from '../registration/registration-form.ts';
import type { Transaction } from '../registration/registrations.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { AdministeredCountry } from './administered.ts';
import { CENTRAL, findForsaken, lockWithGranted, requireStillInCharge } from './left-in-charge.ts';
import { recordAdministration } from './record.ts';

/**
 * - `own`: whoever suspends the own country could not take it back
 * - `accounts`: a country with accounts, or with mail of removed ones, is suspended instead
 * - `last`: nobody would be left who administrates its programme, or one granted to an administrator of it
 * - `changed`: somebody was quicker
 */
export type CountryProblem = 'own' | 'last' | 'accounts' | 'changed';
export type CountryResult = { ok: true } | { ok: false; problem: CountryProblem };

/** Also removed ones: their mail is kept for a while. */
export function countAccounts(context: Context, countryId: string): Promise<number> {
  return context.database.prisma.account.count({ where: { countryId } });
}

/** Nobody of the country signs in any more, and their sessions end. Mail goes on coming in, and nothing is lost. */
export async function suspendCountry(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
): Promise<CountryResult> {
  if (country.id === session.account.countryId) return refuse(context, session, country, 'suspended', 'own');
  const at = context.now();
  let ended: string[] = [];
  const result = await change(context, session, country, 'suspended', async (tx, granted) => {
    const { id: countryId, programmeId } = country;
    if ((await findForsaken(tx, programmeId, granted, { countryId })) !== null) return 'last';
    const { count } = await tx.country.updateMany({
      where: { id: countryId, suspendedAt: null },
      data: { suspendedAt: at },
    });
    if (count === 0) return 'changed';
    const accounts = await tx.account.findMany({ where: { countryId }, select: { id: true } });
    ended = (await Promise.all(accounts.map(({ id }) => endSessionsOf(tx, id, at)))).flat();
    return null;
  });
  if (result.ok) await Promise.all(ended.map((id) => context.mail.close(id)));
  return result;
}

export function resumeCountry(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
): Promise<CountryResult> {
  return change(context, session, country, 'resumed', async (tx) => {
    const where = { id: country.id, suspendedAt: { not: null } };
    const { count } = await tx.country.updateMany({ where, data: { suspendedAt: null } });
    return count === 0 ? 'changed' : null;
  });
}

/**
 * Takes the country out of the programme, with a mail server that nobody else uses. Its form stays with the history, as a
 * draft: the country can be invited again.
 */
export function removeCountry(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
): Promise<CountryResult> {
  return change(context, session, country, 'removed', async (tx) => {
    // Accounts are made under this lock too.
    const locked = await tx.$queryRaw<unknown[]>`select id from country where id = ${country.id}::uuid for update`;
    if (locked.length === 0) throw new AppError('not-found');
    if ((await tx.account.count({ where: { countryId: country.id } })) > 0) return 'accounts';
    await tx.registration.updateMany({
      where: { countryId: country.id },
      data: {
        ...{ state: 'draft', countryId: null, fields: emptyFields(country.domain) },
        version: { increment: 1 },
        changedAt: context.now(),
      },
    });
    await tx.country.delete({ where: { id: country.id } });
    const { mailServerId: id, programmeId } = country;
    await tx.mailServer.deleteMany({ where: { id, programmeId, hosted: false, countries: { none: {} } } });
    return null;
  });
}

/** One act at a time in the programme, and in those that are granted to administrators of the country. */
async function change(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
  step: StepName & ('suspended' | 'resumed' | 'removed'),
  work: (tx: Transaction, granted: readonly string[]) => Promise<CountryProblem | null>,
): Promise<CountryResult> {
  const problem = await context.database.prisma.$transaction(async (tx) => {
    const { id: countryId, programmeId } = country;
    const granted = await lockWithGranted(tx, programmeId, { ...CENTRAL, countryId });
    await requireStillInCharge(tx, session);
    if (granted === null) return 'changed';
    const registration = await tx.registration.findUnique({ where: { countryId } });
    const found = await work(tx, granted);
    const by = { side: 'central', name: session.account.address } as const;
    if (found === null && registration) await recordStep(tx, registration.id, context.now(), step, by);
    return found;
  });
  if (problem !== null) return refuse(context, session, country, step, problem);
  await recordAdministration(context, session, country.id, `country-${step}`);
  return { ok: true };
}

async function refuse(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
  step: string,
  problem: CountryProblem,
): Promise<CountryResult> {
  await recordAdministration(context, session, country.id, `country-${step} ${problem}`, 'refused');
  return { ok: false, problem };
}
