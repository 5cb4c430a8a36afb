import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { endOtherSessions, endOwnSession } from '../../services/accounts/settings.ts';

const Params = z.object({ id: z.string().regex(/^[\w-]{22}$/) });

export function endSessionAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const ended = await endOwnSession(context, signedIn(request), params.data.id);
    if (!ended) throw new AppError('not-found');
    leaveNotice(reply, context.config, 'done', 'settings.sessions.ended', { count: 1 });
    return reply.redirect('/settings');
  };
}

export function endOtherSessionsAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const count = await endOtherSessions(context, signedIn(request));
    leaveNotice(reply, context.config, 'done', 'settings.sessions.ended', { count });
    return reply.redirect('/settings');
  };
}
