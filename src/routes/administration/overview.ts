import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { signedIn } from '../../plugins/session.ts';
import { administeredProgramme } from '../../services/administration/administered.ts';
import { readOverview } from '../../services/administration/overview.ts';
import type { PublishingAlarm } from '../../services/publishing/list-states.ts';

/** What waits for the administrator, and who has an account. A country's administrator sees the own country only. */
export function showOverview(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const overview = await readOverview(context, session);
    return reply.page('administration/overview', {
      title: request.formats.t('administration.title'),
      place: 'administration',
      section: 'overview',
      role: session.account.role,
      programmeRow: administeredProgramme(session),
      countries: overview.countries.map((country) => ({
        ...country,
        name: request.formats.country(country.isoCode),
      })),
      openRequests: overview.openRequests,
      failedPlaces: overview.failedPlaces,
      submitted: overview.submitted,
      alarms: overview.alarms.map((alarm) => alarmText(request.formats, alarm)),
      askedPasswords: overview.askedPasswords,
      losses: overview.losses,
      releases: overview.releases,
    });
  };
}

function alarmText({ t, date, plainName }: Formats, { what, state, authority, end }: PublishingAlarm): string {
  const name = plainName(authority.commonName ?? authority.subject);
  return t(`publishing.alarm.${what}.${state}`, { name, date: end === null ? '' : date(end) });
}
