import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { ANNEX_A } from '../../services/accounts/annex-a.ts';
import { readOverview } from '../../services/administration/overview.ts';

/** What waits for the administrator, and who has an account. A country's administrator sees the own country only. */
export function showOverview(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const overview = await readOverview(context, session);
    const isoOf = new Map(ANNEX_A.map(({ code, iso }) => [code, iso]));
    return reply.page('administration/overview', {
      title: request.formats.t('administration.title'),
      place: 'administration',
      section: 'overview',
      role: session.account.role,
      programmeRow: session.account.country.programme,
      countries: overview.countries.map((country) => ({
        ...country,
        name: request.formats.country(isoOf.get(country.code) ?? country.code),
      })),
      openRequests: overview.openRequests,
      failedPlaces: overview.failedPlaces,
    });
  };
}
