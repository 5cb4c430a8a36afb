import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { isRunning, newestCheck, startCheck } from '../../../services/audit/check-trail.ts';
import type { ChainHead } from '../../../services/audit/verify-trail.ts';

const PAGE = '/administration/audit/check';
const LOOK_AGAIN_SECONDS = 2;

/** Whether the trail is whole: the newest check with its result, or how far it is. */
export function showCheck(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const check = await newestCheck(context);
    const running = check !== null && isRunning(check, context.now());
    if (running) reply.header('refresh', String(LOOK_AGAIN_SECONDS));
    return reply.page('administration/audit/check', {
      title: request.formats.t('audit.check.title'),
      place: 'administration',
      section: 'audit',
      role: signedIn(request).account.role,
      check,
      state: stateOf(check, running),
      percent: check === null ? 0 : Math.min(99, Math.floor((100 * check.entries) / Math.max(1, check.expected))),
      heads: (check?.heads ?? []) as ChainHead[],
    });
  };
}

export function startCheckAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const started = await startCheck(context, signedIn(request));
    leaveNotice(reply, context.config, 'info', started ? 'audit.check.started' : 'audit.check.runs');
    return reply.redirect(PAGE);
  };
}

function stateOf(check: { whole: boolean | null } | null, running: boolean) {
  if (check === null) return 'none';
  if (running) return 'running';
  if (check.whole === null) return 'ended';
  return check.whole ? 'whole' : 'broken';
}
