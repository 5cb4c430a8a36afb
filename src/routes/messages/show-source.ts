import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { sourceDocument } from '../../services/mailbox/message-body.ts';
import { messageOf } from './params.ts';
import { bodyFrame, sendBody } from './show-body.ts';

/** The source in a window of its own, under the same sandbox as any other part of a message. */
export function showSource(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const frame = bodyFrame(request, t('messages.view.source'));
    const cutNote = t('messages.source.cut');
    return sendBody(reply, await sourceDocument(context, signedIn(request), messageOf(request), frame, cutNote));
  };
}
