import type { Context } from '../../context.ts';
import type { Account } from '../../generated/prisma/client.ts';
import { countAskedPasswords } from '../issuing/releases.ts';
import { type PublishingAlarm, publishingAlarms } from '../publishing/list-states.ts';
import { countUnseenLosses } from '../recovery/administered-losses.ts';
import { countOpenReleases } from '../scanning/releases.ts';
import type { SignedIn } from '../sessions/session.ts';
import { administeredCountries, administeredProgramme } from './administered.ts';

export type CountryOverview = {
  id: string;
  code: string;
  isoCode: string;
  domain: string;
  hosted: boolean;
  accounts: Pick<Account, 'id' | 'firstName' | 'surname' | 'address' | 'state' | 'role'>[];
};

export type Overview = {
  countries: CountryOverview[];
  openRequests: number;
  failedPlaces: number;
  submitted: number;
  alarms: PublishingAlarm[];
  askedPasswords: number;
  losses: number;
  releases: number;
};

/** Countries and accounts that this administrator answers for; what waits is of the programme and for the central one alone. */
export async function readOverview(context: Context, session: SignedIn): Promise<Overview> {
  const { prisma } = context.database;
  const { account } = session;
  const programmeId = administeredProgramme(session).id;
  const isCentral = account.role === 'central';
  const [countries, openRequests, failedPlaces, submitted, alarms, askedPasswords, losses, releases] =
    await Promise.all([
      prisma.country.findMany({
        where: administeredCountries(session),
        include: {
          mailServer: { select: { hosted: true } },
          accounts: {
            where: { state: { not: 'removed' } },
            orderBy: [{ surname: 'asc' }, { firstName: 'asc' }],
            select: { id: true, firstName: true, surname: true, address: true, state: true, role: true },
          },
        },
        orderBy: { code: 'asc' },
      }),
      isCentral ? prisma.trustRequest.count({ where: { programmeId, state: 'open' } }) : 0,
      isCentral ? prisma.revocationPoint.count({ where: { failedAt: { not: null } } }) : 0,
      isCentral ? prisma.registration.count({ where: { programmeId, state: 'submitted' } }) : 0,
      isCentral ? publishingAlarms(context, session) : [],
      isCentral ? countAskedPasswords(context, session) : 0,
      countUnseenLosses(context, session),
      countOpenReleases(context, session),
    ]);
  return {
    countries: countries.map(({ id, code, isoCode, domain, mailServer, accounts }) => {
      return { id, code, isoCode, domain, hosted: mailServer.hosted, accounts };
    }),
    openRequests,
    failedPlaces,
    submitted,
    alarms,
    askedPasswords,
    losses,
    releases,
  };
}
