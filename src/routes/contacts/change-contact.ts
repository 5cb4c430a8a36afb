import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { findContact, updateContact } from '../../services/contacts/contacts.ts';
import { contactPage } from './contact-page.ts';
import { contactParam } from './params.ts';

const Typed = z
  .object({
    name: z.string(),
    note: z.string(),
    showsProtectedSubject: z
      .string()
      .optional()
      .transform((box) => box === 'on'),
  })
  .catch({ name: '', note: '', showsProtectedSubject: false });
// A name ends up in the header of a letter.
const oneLine = z.string().transform((text) => text.replace(/\p{Cc}+/gu, ' ').trim());
const Form = z.object({
  name: oneLine.pipe(z.string().min(1).max(200)),
  note: z.string().trim().max(1000),
  showsProtectedSubject: z
    .literal('on')
    .optional()
    .transform((box) => box === 'on'),
});

export function changeContact(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const contact = await findContact(context, session, contactParam(request));
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const wrong = new Set(form.error.issues.map((issue) => issue.path[0]));
      reply.code(400);
      return contactPage(request, reply, contact, context.now(), {
        faults: {
          ...(wrong.has('name') ? { name: t('contacts.edit.name.fault') } : {}),
          ...(wrong.has('note') ? { note: t('contacts.edit.note.fault') } : {}),
        },
        typed: Typed.parse(request.body),
      });
    }
    await updateContact(context, session, contact, form.data);
    leaveNotice(reply, context.config, 'done', 'contacts.edit.done');
    return reply.redirect(`/contacts/${contact.id}`);
  };
}
