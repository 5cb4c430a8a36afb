import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredCountry } from '../../../services/administration/administered.ts';
import { countAccounts } from '../../../services/administration/countries.ts';
import { readMailServers, useMailServer } from '../../../services/administration/mail-servers.ts';
import { readHistory } from '../../../services/registration/history.ts';
import { findCountryRegistration } from '../../../services/registration/registrations.ts';
import { historyOf } from '../../registration/words.ts';
import { idOf } from '../named.ts';

const Form = z.object({ mailServer: z.uuid() });

/** One country that takes part: domain, mail server, and how it came. */
export function showCountry(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const row = await administeredCountry(context, session, idOf(request, 'country'));
    const registration = await findCountryRegistration(context, row.id);
    const history = registration ? await readHistory(context, registration.id) : [];
    const name = request.formats.country(row.isoCode);
    return reply.page('administration/country', {
      title: request.formats.t('countries.one', { name, code: row.code }),
      place: 'administration',
      section: 'countries',
      role: 'central',
      row,
      isOwn: row.id === session.account.countryId,
      accounts: await countAccounts(context, row.id),
      name,
      registration,
      history: historyOf(request.formats, history),
      servers: await readMailServers(context, session),
    });
  };
}

export function chooseMailServer(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const id = idOf(request, 'country');
    const { mailServer: chosen } = Form.safeParse(request.body).data ?? {};
    if (chosen === undefined) throw new AppError('not-found');
    const isDone = await useMailServer(context, session, id, chosen);
    leaveNotice(
      reply,
      context.config,
      isDone ? 'done' : 'refused',
      `countries.mailServer.${isDone ? 'chosen' : 'kept'}`,
    );
    return reply.redirect(`/administration/countries/${id}`);
  };
}
