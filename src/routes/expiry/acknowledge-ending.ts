import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { acknowledgeEnding } from '../../services/expiry/acknowledge-ending.ts';
import { EXPIRY_STAGES } from '../../services/expiry/expiry-stage.ts';
import { ENDING_KINDS } from '../../services/expiry/expiry-watch.ts';
import { localPath } from '../local-path.ts';

const Form = z.object({
  kind: z.enum(ENDING_KINDS),
  id: z.uuid(),
  stage: z.string().regex(/^\d+$/).transform(Number).pipe(z.literal(EXPIRY_STAGES)),
  next: z.string().max(2000).optional(),
});

/** "I know": back to the page it was said on, where the warning stays away until its next stage. */
export function acknowledgeEndingAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const { next, ...ending } = form.data;
    await acknowledgeEnding(context, signedIn(request), request.formats.day, ending);
    leaveNotice(reply, context.config, 'done', `expiry.acknowledged.${ending.stage}`);
    return reply.redirect(localPath(next));
  };
}
