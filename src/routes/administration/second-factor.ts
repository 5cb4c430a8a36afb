import type { FastifyReply, FastifyRequest } from 'fastify';
import { renderSVG } from 'uqr';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import {
  beginSecondFactor,
  checkOwnPassword,
  confirmSecondFactor,
} from '../../services/administration/second-factor.ts';
import { openAdministration } from './enter.ts';
import { FactorForm } from './factor-form.ts';
import { codeFault, passwordFault, statusOf } from './factor-words.ts';

export function showSecondFactorPage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => secondFactorPage(context, request, reply, {});
}

export function setUpSecondFactor(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { code, password: typed } = FactorForm.parse(request.body);
    const password = await checkOwnPassword(context, session, typed);
    if (!password.ok)
      return secondFactorPage(context, request, reply.code(statusOf(password)), {
        password: passwordFault(request.formats, password),
      });
    const result = await confirmSecondFactor(context, session, code);
    if (!result.ok) {
      const faults = { code: codeFault(request.formats, result) };
      return secondFactorPage(context, request, reply.code(statusOf(result)), faults);
    }
    return openAdministration(context, request, reply, '/administration');
  };
}

async function secondFactorPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  faults: { code?: string; password?: string },
) {
  const factor = await beginSecondFactor(context, signedIn(request));
  if (factor === null) return reply.redirect('/administration');
  return reply.page('administration/second-factor', {
    title: request.formats.t('administration.factor.title'),
    place: 'administration',
    secret: factor.secret.match(/.{1,4}/g)?.join(' ') ?? '',
    qr: renderSVG(factor.uri, { border: 4 }),
    faults,
  });
}
