import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { addContactFromMessage } from '../../services/contacts/contact-from-message.ts';
import { messageHref, parseMessageRef } from '../../services/mailbox/message-ref.ts';
import { readMessage } from '../../services/mailbox/read-message.ts';

const Form = z.object({ folder: z.string().max(1400), message: z.string().max(40) });

/** The message is opened and judged anew: what a page said a while ago grants nothing. */
export function addFromMessage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const form = Form.safeParse(request.body);
    const ref = form.success ? parseMessageRef(form.data.folder, form.data.message) : null;
    if (!ref) throw new AppError('message-gone');
    const { opened, closed } = await readMessage(context, session, ref, { recorded: true });
    if (closed === 'locked') throw new AppError('keys-locked');
    const added = await addContactFromMessage(context, session, opened);
    if (!added.ok) {
      leaveNotice(reply, context.config, 'refused', `contacts.fromMessage.${added.reason}`);
      return reply.redirect(messageHref(ref));
    }
    const { name, address, contactId } = added;
    if (added.replacement) return reply.redirect(`/contacts/${contactId}/ids/${added.replacement}/replace`);
    const fresh = added.stored.some((one) => one.outcome !== 'known');
    const key = added.isNew ? 'added' : fresh ? 'updated' : 'known';
    leaveNotice(reply, context.config, fresh ? 'done' : 'info', `contacts.fromMessage.${key}`, { name, address });
    return reply.redirect(`/contacts/${contactId}`);
  };
}
