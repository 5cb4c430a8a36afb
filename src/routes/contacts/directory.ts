import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { addFromDirectory, readDirectory } from '../../services/contacts/directory.ts';

const Query = z.object({ q: z.string().trim().max(400) }).catch({ q: '' });
const Form = z.object({ account: z.uuid() });

/** People of the programme with what was issued to them: found here is suggested, not trusted. */
export function showDirectory(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { q } = Query.parse(request.query ?? {});
    const { formats } = request;
    const { entries, hasMore } = await readDirectory(context, signedIn(request), q);
    return reply.page('contacts/directory', {
      title: formats.t('directory.title'),
      place: 'contacts',
      q,
      hasMore,
      entries: entries.map(({ account, country, certificate, contactId }) => ({
        id: account.id,
        name: formats.plainName(`${account.firstName} ${account.surname}`),
        address: account.address,
        country: `${formats.country(country.isoCode)} (${country.code})`,
        until: formats.t('common.recipient.usable', { date: formats.date(certificate.notAfter) }),
        contactHref: contactId === null ? null : `/contacts/${contactId}`,
      })),
    });
  };
}

export function takeFromDirectory(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('not-found');
    const { contactId, name } = await addFromDirectory(context, signedIn(request), form.data.account);
    leaveNotice(reply, context.config, 'done', 'directory.added', { name });
    return reply.redirect(`/contacts/${contactId}`);
  };
}
