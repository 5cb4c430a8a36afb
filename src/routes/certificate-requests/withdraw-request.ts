import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { findRequest, withdrawRequest } from '../../services/certificate-requests/certificate-requests.ts';
import { requestIdOf } from './params.ts';
import { presentRequest } from './present-request.ts';

/** Asks first: with the key a certificate that may be on its way becomes worthless. */
export function showWithdraw(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const asked = presentRequest(request.formats, await findRequest(context, signedIn(request), requestIdOf(request)));
    if (!asked.isOpen) return reply.redirect(asked.href);
    return reply.page('certificate-requests/withdraw', {
      title: request.formats.t('requests.withdraw.title'),
      place: 'digital-ids',
      asked,
    });
  };
}

export function withdrawAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const id = requestIdOf(request);
    const closed = await withdrawRequest(context, signedIn(request), id);
    const [kind, key] = closed ? (['done', 'withdraw.done'] as const) : (['info', 'install.closed'] as const);
    leaveNotice(reply, context.config, kind, `requests.${key}`);
    return reply.redirect(closed ? '/digital-ids/requests' : `/digital-ids/requests/${id}`);
  };
}
