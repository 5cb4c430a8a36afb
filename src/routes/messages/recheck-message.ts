import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { messageHref } from '../../services/mailbox/message-ref.ts';
import { recheckSignature } from '../../services/mailbox/recheck-signature.ts';
import { messageOf } from './params.ts';

/** Judges the signature by what is published now instead of what was when the message was first opened. */
export function recheckMessage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const ref = messageOf(request);
    const retryAt = await recheckSignature(context, signedIn(request), ref);
    if (retryAt === null) leaveNotice(reply, context.config, 'info', 'messages.security.recheck.done');
    else {
      const time = request.formats.time(retryAt);
      leaveNotice(reply, context.config, 'refused', 'messages.security.recheck.too-often', { time });
    }
    return reply.redirect(messageHref(ref));
  };
}
