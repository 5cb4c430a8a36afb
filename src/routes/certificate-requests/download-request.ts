import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { requestFile } from '../../services/certificate-requests/certificate-requests.ts';
import { sendFile } from '../identities/export-identity.ts';
import { requestFileOf } from './params.ts';

/** Public halves only; needs no keys. */
export function downloadRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { request: id, use, form } = requestFileOf(request);
    return sendFile(reply, await requestFile(context, signedIn(request), id, use, form), 'csr');
  };
}
