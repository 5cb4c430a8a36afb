import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { listMessages } from '../../services/mailbox/list-messages.ts';
import { endingNotice } from '../expiry/ending-notice.ts';
import { mailboxView } from './mailbox-view.ts';
import { folderOf } from './params.ts';

const Query = z.object({ page: z.coerce.number().int().min(1).max(10_000_000).catch(1) });

/** Where the bar about new mail leads: events tell of the inbox only. */
export const NEW_MAIL = { href: '/mail' };

export function showMailbox(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const folder = folderOf(request);
    const { page } = Query.parse(request.query);
    const [listed, ending] = await Promise.all([
      listMessages(context, signedIn(request), folder, page, request.formats),
      endingNotice(context, request),
    ]);
    const view = mailboxView(listed, request.formats, context.now());
    return reply.page('messages/mailbox', {
      ...view,
      currentFolder: folder,
      folders: listed.folders,
      newMail: NEW_MAIL,
      ending,
    });
  };
}
