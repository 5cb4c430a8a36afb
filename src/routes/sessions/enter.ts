import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { readFirstSteps } from '../../services/identities/first-steps.ts';

/** Where a person starts: at the first steps until they are done, then in the inbox. */
export function enter(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const steps = await readFirstSteps(context, signedIn(request));
    return reply.redirect(steps.shown ? '/first-steps' : '/mail');
  };
}
