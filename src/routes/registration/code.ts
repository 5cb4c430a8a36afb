import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { openInvitation } from '../../services/registration/invitations.ts';
import { keepVisitCookie, visitOf } from './visit.ts';

const Form = z.object({ code: z.string().max(100) }).catch({ code: '' });

export function showCode(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (await visitOf(context, request)) return reply.redirect('/registration/form');
    return codePage(request, reply, null);
  };
}

/** The code comes in a form, never in an address, and is not shown again. */
export function openRegistrationAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, time } = request.formats;
    const opened = await openInvitation(context, Form.parse(request.body).code, request.ip);
    if (!opened.ok) {
      return opened.reason === 'wrong'
        ? codePage(request, reply.code(401), t('registration.code.wrong'))
        : codePage(request, reply.code(429), t('registration.code.tooMany', { time: time(opened.retryAt) }));
    }
    keepVisitCookie(reply, context.config, opened.cookie);
    return reply.redirect('/registration/form');
  };
}

function codePage(request: FastifyRequest, reply: FastifyReply, fault: string | null) {
  return reply.page('registration/code', { title: request.formats.t('registration.code.title'), fault });
}
