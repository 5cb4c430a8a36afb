import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { type AccountStanding, readStandings } from '../../../services/certificate-requests/administered-requests.ts';
import { REQUEST_LOOK } from '../../certificate-requests/present-request.ts';

/** Who waits for a certificate from outside, and who has one. */
export function showStandings(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, country } = request.formats;
    const countries = await readStandings(context, session);
    return reply.page('administration/requests', {
      title: t('requests.standing.title'),
      place: 'administration',
      section: 'requests',
      role: session.account.role,
      phase: administeredProgramme(session).phase,
      countries: countries.map(({ code, isoCode, accounts }) => ({
        code,
        name: country(isoCode),
        accounts: accounts.map((account) => present(request.formats, account)),
      })),
    });
  };
}

function present({ t, date, plainName }: Formats, { id, name, address, request, usableUntil }: AccountStanding) {
  const none = { look: '', icon: 'dash', text: t('requests.standing.none') };
  return {
    id,
    name: plainName(name),
    address,
    request: request === null ? none : markOf(t, request.state),
    since: request && t('requests.standing.since', { date: date(request.since), keys: request.keys.join(', ') }),
    digitalId:
      usableUntil === null
        ? { look: 'seal', icon: 'cross', text: t('requests.standing.unusable') }
        : { look: 'ok', icon: 'tick', text: t('requests.standing.usable', { date: date(usableUntil) }) },
  };
}

function markOf(t: Formats['t'], state: keyof typeof REQUEST_LOOK) {
  const [look, icon] = REQUEST_LOOK[state];
  return { look, icon, text: t(`requests.state.${state}`) };
}
