import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { addressProblem } from '../../mail/address.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { addContact, CONTACTS_A_PAGE, listContacts } from '../../services/contacts/contacts.ts';
import { endingNotice } from '../expiry/ending-notice.ts';
import { showMark } from './contact-page.ts';

const Query = z.object({ page: z.coerce.number().int().min(1).max(100_000).catch(1) });
// A name ends up in the header of a letter.
const oneLine = z.string().transform((text) => text.replace(/\p{Cc}+/gu, ' ').trim());
const Form = z.object({ name: oneLine.pipe(z.string().max(200)), address: z.string().trim().max(400) });

type Typed = { name: string; address: string };

export function showContacts(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => listPage(context, request, reply, {}, null);
}

/** A contact by name and address; the Digital ID comes with a signed message or a file. */
export function createContact(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const form = Form.safeParse(request.body);
    const typed = form.data ?? { name: '', address: '' };
    const problem = form.success ? addressProblem(typed.address) : 'too-long';
    if (problem) {
      reply.code(400);
      return listPage(context, request, reply, { address: t(`contacts.add.${problem}`) }, typed);
    }
    const contact = await addContact(context, session, typed);
    if (contact.outcome === 'known')
      leaveNotice(reply, context.config, 'info', 'contacts.add.known', { address: typed.address });
    else leaveNotice(reply, context.config, 'done', 'contacts.add.done', { name: typed.name || typed.address });
    return reply.redirect(`/contacts/${contact.id}`);
  };
}

async function listPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  faults: { address?: string },
  typed: Typed | null,
) {
  const { formats } = request;
  const { page } = Query.parse(request.query ?? {});
  const [{ contacts, total }, ending] = await Promise.all([
    listContacts(context, signedIn(request), page),
    endingNotice(context, request, ['contact']),
  ]);
  const first = (page - 1) * CONTACTS_A_PAGE;
  return reply.page('contacts/list', {
    title: formats.t('contacts.title'),
    place: 'contacts',
    contacts: contacts.map((contact) => ({
      ...contact,
      href: `/contacts/${contact.id}`,
      vx: showMark(formats, contact.mark, contact.digitalIds),
      linkText: contact.linkState === 'none' ? '' : formats.t(`contacts.link.state.${contact.linkState}`),
    })),
    total,
    pager:
      total > CONTACTS_A_PAGE
        ? {
            from: Math.min(first + 1, total),
            to: Math.min(first + contacts.length, total),
            total,
            newer: page > 1 ? `/contacts?page=${page - 1}` : null,
            older: first + contacts.length < total ? `/contacts?page=${page + 1}` : null,
          }
        : null,
    ending,
    typed: typed ?? { name: '', address: '' },
    faults,
  });
}
