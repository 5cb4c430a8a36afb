import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { countNewMail } from '../../services/mailbox/new-mail.ts';

const Query = z.object({ since: z.coerce.number().int().min(1).max(0xffff_ffff).nullable().catch(null) });

/** For pages that cannot be told: how many messages came since the mark, and the mark for the next question. */
export function countMail(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { since } = Query.parse(request.query ?? {});
    return reply.send(await countNewMail(context, signedIn(request), since));
  };
}
