import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { findRequest } from '../../services/certificate-requests/certificate-requests.ts';
import { requestIdOf } from './params.ts';
import { presentRequest } from './present-request.ts';

export function showRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    requestPage(context, request, reply, { faults: [], pasted: '' });
}

/** @param again what was wrong with an answer, and what was pasted of it */
export async function requestPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  again: { faults: string[]; pasted: string },
) {
  const found = await findRequest(context, signedIn(request), requestIdOf(request));
  return reply.page('certificate-requests/show', {
    title: request.formats.t('requests.show.title'),
    place: 'digital-ids',
    asked: presentRequest(request.formats, found),
    address: signedIn(request).account.address,
    ...again,
  });
}
