import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { findContact, removeContact } from '../../services/contacts/contacts.ts';
import { contactParam } from './params.ts';

/** Asks first: with the contact its Digital IDs go. */
export function showRemoveContact(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const contact = await findContact(context, signedIn(request), contactParam(request));
    return reply.page('contacts/remove', {
      title: request.formats.t('contacts.remove.title'),
      place: 'contacts',
      contact,
      digitalIds: contact.digitalIds.length,
    });
  };
}

export function removeContactAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const contact = await findContact(context, session, contactParam(request));
    await removeContact(context, session, contact.id);
    leaveNotice(reply, context.config, 'done', 'contacts.remove.done', { name: contact.name });
    return reply.redirect('/contacts');
  };
}
