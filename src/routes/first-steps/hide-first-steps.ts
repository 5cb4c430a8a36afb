import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { hideFirstSteps } from '../../services/identities/first-steps.ts';

const Form = z.object({ hidden: z.enum(['yes', 'no']).catch('yes') });

/** Whether a sign-in leads here; the page itself stays in the navigation. */
export function hideFirstStepsAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const hidden = Form.parse(request.body ?? {}).hidden === 'yes';
    await hideFirstSteps(context, signedIn(request), hidden);
    return reply.redirect(hidden ? '/mail' : '/first-steps');
  };
}
