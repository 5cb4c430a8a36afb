import type { Context } from '../../context.ts';
import type { CertificateRequestState } from '../../generated/prisma/enums.ts';
import { administeredCountries } from '../administration/administered.ts';
import { isUsable } from '../identities/own-keys.ts';
import type { SignedIn } from '../sessions/session.ts';

export type AccountStanding = {
  id: string;
  name: string;
  address: string;
  /** The newest request; null when there was none */
  request: { state: CertificateRequestState; since: Date; keys: string[] } | null;
  /** Until when the account can sign and be written to encrypted; null when it cannot now */
  usableUntil: Date | null;
};

export type CountryStanding = { code: string; isoCode: string; accounts: AccountStanding[] };

/** Where each account that this administrator answers for stands with its certificate. Nothing of the keys is in it. */
export async function readStandings(context: Context, session: SignedIn): Promise<CountryStanding[]> {
  const at = context.now();
  const countries = await context.database.prisma.country.findMany({
    where: administeredCountries(session),
    orderBy: { code: 'asc' },
    select: {
      code: true,
      isoCode: true,
      accounts: {
        where: { state: { not: 'removed' } },
        orderBy: [{ surname: 'asc' }, { firstName: 'asc' }],
        include: {
          certificateRequests: {
            orderBy: { madeAt: 'desc' },
            take: 1,
            include: { keys: { select: { keyLabel: true } } },
          },
          identities: { where: { state: 'active' } },
        },
      },
    },
  });
  return countries.map(({ code, isoCode, accounts }) => ({
    code,
    isoCode,
    accounts: accounts.map(({ id, firstName, surname, address, certificateRequests: [newest], identities }) => {
      const ends = (['sign', 'encrypt'] as const).map((purpose) =>
        Math.max(0, ...identities.filter((row) => isUsable(row, address, purpose, at)).map((row) => +row.notAfter)),
      );
      const end = Math.min(...ends);
      return {
        id,
        name: `${firstName} ${surname}`,
        address,
        request:
          newest === undefined
            ? null
            : {
                state: newest.state,
                since: newest.closedAt ?? newest.madeAt,
                keys: newest.keys.map((key) => key.keyLabel),
              },
        usableUntil: end === 0 ? null : new Date(end),
      };
    }),
  }));
}
