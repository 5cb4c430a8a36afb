import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { endCertificateWaiver, waiveCertificate } from '../../../services/administration/client-certificates.ts';

const PAGE = '/administration/client-certificates';
const Params = z.object({ account: z.uuid() });

export function waive(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const until = await waiveCertificate(context, signedIn(request), accountOf(request));
    leaveNotice(reply, context.config, 'done', 'clientCertificates.waived', { time: request.formats.dateTime(until) });
    return reply.redirect(PAGE);
  };
}

export function endWaiver(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    await endCertificateWaiver(context, signedIn(request), accountOf(request));
    leaveNotice(reply, context.config, 'done', 'clientCertificates.waiverEnded');
    return reply.redirect(PAGE);
  };
}

function accountOf(request: FastifyRequest): string {
  const params = Params.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return params.data.account;
}
