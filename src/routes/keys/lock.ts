import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { extendKeys, forgetKeys } from '../../services/sessions/session.ts';
import { localPath } from '../local-path.ts';

export function lockAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    await forgetKeys(context.database, session.sessionId);
    await context.audit.record({
      accountId: session.account.id,
      actor: session.account.address,
      network: request.ip,
      action: 'lock',
      object: 'vault',
      result: 'done',
    });
    leaveNotice(reply, context.config, 'done', 'keys.locked');
    return reply.redirect('/mail');
  };
}

/** The button in the masthead; the script asks for JSON and stays on the page. */
export function extendAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const until = await extendKeys(context.database, signedIn(request), context.now());
    if (request.headers.accept?.includes('application/json')) {
      return until ? reply.send({ until: until.toISOString() }) : reply.code(409).send({ until: null });
    }
    return reply.redirect(backTo(request));
  };
}

function backTo(request: FastifyRequest): string {
  try {
    const referer = new URL(request.headers.referer ?? '');
    return localPath(referer.pathname + referer.search);
  } catch {
    return '/mail';
  }
}
