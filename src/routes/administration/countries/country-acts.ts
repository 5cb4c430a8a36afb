import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { type AdministeredCountry, administeredCountry } from '../../../services/administration/administered.ts';
import {
  type CountryResult,
  removeCountry,
  resumeCountry,
  suspendCountry,
} from '../../../services/administration/countries.ts';
import type { SignedIn } from '../../../services/sessions/session.ts';
import { idOf } from '../named.ts';

/** What can be done to a whole country, each with what follows from it. */
const ACTS = {
  suspend: { work: suspendCountry, effects: ['signIn', 'mail', 'ids', 'back'] },
  resume: { work: resumeCountry, effects: ['resume'] },
  remove: { work: removeCountry, effects: ['domain', 'server', 'form'] },
} as const satisfies Record<
  string,
  {
    work: (context: Context, session: SignedIn, country: AdministeredCountry) => Promise<CountryResult>;
    effects: readonly string[];
  }
>;
export type CountryAct = keyof typeof ACTS;

/** What will happen, before it does. */
export function confirmCountryAct(context: Context, act: CountryAct) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, country: nameOf } = request.formats;
    const row = await administeredCountry(context, signedIn(request), idOf(request, 'country'));
    const country = `${nameOf(row.isoCode)} (${row.code})`;
    return reply.page('administration/confirm-country', {
      title: t(`countries.${act}.title`, { country }),
      place: 'administration',
      row,
      act,
      effects: ACTS[act].effects.map((effect) => t(`countries.${act}.effect.${effect}`)),
    });
  };
}

export function doCountryAct(context: Context, act: CountryAct) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const row = await administeredCountry(context, session, idOf(request, 'country'));
    const result = await ACTS[act].work(context, session, row);
    if (result.ok) leaveNotice(reply, context.config, 'done', `countries.${act}.done`);
    else leaveNotice(reply, context.config, 'refused', `countries.problem.${result.problem}`);
    const isGone = result.ok && act === 'remove';
    return reply.redirect(`/administration/countries${isGone ? '' : `/${row.id}`}`);
  };
}
