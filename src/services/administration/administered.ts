import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Account, Country, MailServer, Programme } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';

export type AdministeredCountry = Country & { mailServer: MailServer };
export type AdministeredAccount = Account & { country: AdministeredCountry };

/**
 * The programme that this session administrates: the one that a central administrator chose among those granted, else that of the own country.
 */
export function administeredProgramme(session: SignedIn): Programme {
  return session.administeredProgramme ?? session.account.country.programme;
}

/** Which countries this session answers for, as a condition: all of the programme, or the own one. */
export function administeredCountries(session: SignedIn): { programmeId: string } | { id: string } {
  const { role, countryId } = session.account;
  return role === 'central' ? { programmeId: administeredProgramme(session).id } : { id: countryId };
}

/** @throws AppError `not-found` for a country that is somebody else's, as for one that is not there */
export async function administeredCountry(
  context: Context,
  session: SignedIn,
  id: string,
): Promise<AdministeredCountry> {
  const country = await context.database.prisma.country.findFirst({
    where: { AND: [{ id }, administeredCountries(session)] },
    include: { mailServer: true },
  });
  if (country === null) throw new AppError('not-found');
  return country;
}

/** @throws AppError `not-found` for an account that is somebody else's, as for one that is not there */
export async function administeredAccount(
  context: Context,
  session: SignedIn,
  id: string,
): Promise<AdministeredAccount> {
  const account = await context.database.prisma.account.findFirst({
    where: { id, country: administeredCountries(session) },
    include: { country: { include: { mailServer: true } } },
  });
  if (account === null) throw new AppError('not-found');
  return account;
}
