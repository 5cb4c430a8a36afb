import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { actOnMessages, type MessageAction } from '../../services/mailbox/message-actions.ts';
import { folderHref, parseFolder, parseMessageRef } from '../../services/mailbox/message-ref.ts';
import { folderId } from '../../services/mailbox/read-folders.ts';
import { folderOf } from './params.ts';

const MAX_SELECTED = 500;

const Form = z.object({
  do: z.enum(['read', 'unread', 'archive', 'delete', 'move']),
  message: z
    .union([z.string().transform((one) => [one]), z.array(z.string()).max(MAX_SELECTED)])
    .optional()
    .transform((messages) => messages ?? []),
  to: z.string().max(1400).optional(),
  page: z.coerce.number().int().min(1).max(10_000_000).catch(1),
});

export function actOnSelected(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const folder = folderOf(request);
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const refs = form.data.message.map((message) => parseMessageRef(folderId(folder), message));
    if (refs.includes(null)) throw new AppError('bad-request');
    const back = form.data.page > 1 ? `${folderHref(folder)}?page=${form.data.page}` : folderHref(folder);
    const action = actionOf(form.data);
    const known = refs.filter((ref) => ref !== null);
    const result = action
      ? await actOnMessages(context, session, known, action)
      : ({ ok: false, reason: known.length === 0 ? 'none' : 'no-folder' } as const);
    if (!result.ok) {
      leaveNotice(reply, context.config, 'refused', `messages.action.${result.reason}`);
      return reply.redirect(back);
    }
    const done = result.forGood ? 'forGood' : form.data.do;
    leaveNotice(reply, context.config, 'done', `messages.action.done.${done}`, { count: result.count });
    return reply.redirect(back);
  };
}

function actionOf(form: z.infer<typeof Form>): MessageAction | null {
  if (form.do !== 'move') return { do: form.do };
  const to = parseFolder(form.to ?? '');
  return to === null ? null : { do: 'move', to };
}
