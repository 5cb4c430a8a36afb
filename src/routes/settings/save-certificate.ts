import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { chooseCertificateOnly } from '../../services/accounts/certificate-only.ts';

const Form = z.object({ only: z.literal('on').optional() }).catch({});

/** Whether the holder insists on the certificate at each sign-in (T22). */
export function saveCertificateAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const only = Form.parse(request.body).only === 'on';
    const done = await chooseCertificateOnly(context, signedIn(request), only);
    if (done) leaveNotice(reply, context.config, 'done', 'settings.saved');
    else leaveNotice(reply, context.config, 'refused', 'clientCertificates.settings.missing');
    return reply.redirect('/settings');
  };
}
