import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { clearSessionCookie, signedIn } from '../../plugins/session.ts';
import { endSession } from '../../services/sessions/session.ts';

export function endSignIn(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    await endSession(context.database, session.sessionId);
    await context.mail.close(session.sessionId);
    await context.audit.record({
      accountId: session.account.id,
      actor: session.account.address,
      network: request.ip,
      action: 'sign-out',
      object: 'session',
      result: 'done',
    });
    clearSessionCookie(reply, context.config);
    // "cookies" is left out: it would take the notice and the new visit cookie with it
    reply.header('clear-site-data', '"cache", "storage"');
    leaveNotice(reply, context.config, 'done', 'sessions.signedOut');
    return reply.redirect('/sign-in');
  };
}
