import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { askForRoot, NOTE_MAX } from '../../services/administration/programme-trust.ts';
import { readOrNull } from '../../services/contacts/contact-marks.ts';
import { findAnchor } from '../../services/trust/trust-anchors.ts';
import { anchorParam, backPath } from './params.ts';

const Form = z.object({ note: z.string().trim().max(NOTE_MAX) }).catch({ note: '' });

/** For a clerk who cannot reach the authority: the administration compares once for everybody. Grants nothing. */
export function askForAnchor(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const root = readOrNull((await findAnchor(context, session, anchorParam(request))).certificate);
    if (!root) throw new AppError('not-found');
    await askForRoot(context, session, root, Form.parse(request.body).note.replace(/\p{Cc}+/gu, ' '));
    leaveNotice(reply, context.config, 'done', 'trust.request.done');
    return reply.redirect(backPath(request.body));
  };
}
