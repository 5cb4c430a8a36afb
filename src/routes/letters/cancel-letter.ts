import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { cancelLetter } from '../../services/letters/cancel-letter.ts';
import { letterOf } from './params.ts';

export function cancelLetterAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const id = letterOf(request);
    const draftId = await cancelLetter(context, signedIn(request), unlockedKey(request), id);
    if (draftId === null) {
      leaveNotice(reply, context.config, 'refused', 'letters.tooLate');
      return reply.redirect(`/letters/${id}`);
    }
    leaveNotice(reply, context.config, 'done', 'letters.cancelled');
    return reply.redirect(`/drafts/${draftId}`);
  };
}
