import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { findContact } from '../../services/contacts/contacts.ts';
import { contactPage } from './contact-page.ts';
import { contactParam } from './params.ts';

export function showContact(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const contact = await findContact(context, signedIn(request), contactParam(request));
    return contactPage(request, reply, contact, context.now());
  };
}
