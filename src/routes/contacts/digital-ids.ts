import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { digitalIdOf, findContact, makeDefault, removeDigitalId } from '../../services/contacts/contacts.ts';
import { showDigitalId } from './contact-page.ts';
import { digitalIdParams } from './params.ts';

/** The present default and the new one side by side: a new certificate never takes its place by itself. */
export function showReplace(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { contact, digitalId } = await named(context, request);
    const standard = contact.digitalIds.find((id) => id.row.isDefault) ?? null;
    if (!standard || standard.row.id === digitalId.row.id) return reply.redirect(`/contacts/${contact.id}`);
    const show = (id: typeof digitalId) => showDigitalId(request.formats, contact, id, context.now());
    return reply.page('contacts/replace', {
      title: request.formats.t('contacts.replace.title'),
      place: 'contacts',
      contact,
      present: show(standard),
      fresh: show(digitalId),
    });
  };
}

export function chooseDefault(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { session, contact, digitalId } = await named(context, request);
    const done = await makeDefault(context, session, contact, digitalId);
    if (!done) leaveNotice(reply, context.config, 'refused', 'contacts.default.noKey');
    else if (!digitalId.mark.usable)
      leaveNotice(reply, context.config, 'info', 'contacts.default.unusable', { name: contact.name });
    else leaveNotice(reply, context.config, 'done', 'contacts.default.done', { name: contact.name });
    return reply.redirect(`/contacts/${contact.id}`);
  };
}

export function showRemoveDigitalId(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { contact, digitalId } = await named(context, request);
    return reply.page('contacts/remove-id', {
      title: request.formats.t('contacts.removeId.title'),
      place: 'contacts',
      contact,
      id: showDigitalId(request.formats, contact, digitalId, context.now()),
    });
  };
}

export function removeDigitalIdAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { session, contact, digitalId } = await named(context, request);
    await removeDigitalId(context, session, digitalId);
    const key = digitalId.row.isDefault ? 'contacts.removeId.doneDefault' : 'contacts.removeId.done';
    leaveNotice(reply, context.config, digitalId.row.isDefault ? 'info' : 'done', key, { name: contact.name });
    return reply.redirect(`/contacts/${contact.id}`);
  };
}

/** The certificate as a `.cer` file in DER. */
export function exportDigitalId(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { contact, digitalId } = await named(context, request);
    const name = contact.address.replace(/[^A-Za-z0-9.@-]+/g, '_').slice(0, 100);
    return reply
      .header('content-disposition', `attachment; filename="${name}.cer"`)
      .header('content-security-policy', 'sandbox')
      .type('application/pkix-cert')
      .send(digitalId.certificate.der);
  };
}

async function named(context: Context, request: FastifyRequest) {
  const session = signedIn(request);
  const params = digitalIdParams(request);
  const contact = await findContact(context, session, params.contact);
  return { session, contact, digitalId: digitalIdOf(contact, params.digitalId) };
}
