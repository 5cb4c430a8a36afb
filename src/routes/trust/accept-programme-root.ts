import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { readOrNull } from '../../services/contacts/contact-marks.ts';
import { acceptProgrammeAnchor, findProgrammeAnchor } from '../../services/trust/trust-anchors.ts';
import { anchorParam, backPath } from './params.ts';

/** The administration confirmed it by thumbprint; the clerk sees what it is and accepts it once (T13). */
export function showProgrammeRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const anchor = await findProgrammeAnchor(context, signedIn(request), anchorParam(request));
    const root = readOrNull(anchor.certificate);
    if (!root) throw new AppError('not-found');
    return reply.page('trust/accept', {
      title: request.formats.t('trust.accept.title'),
      place: 'trust',
      anchor,
      root,
      back: backPath(request.query),
    });
  };
}

export function acceptProgrammeRoot(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const anchor = await findProgrammeAnchor(context, session, anchorParam(request));
    await acceptProgrammeAnchor(context, session, anchor);
    leaveNotice(reply, context.config, 'done', 'trust.accept.done', { name: anchor.subject });
    return reply.redirect(backPath(request.body));
  };
}
