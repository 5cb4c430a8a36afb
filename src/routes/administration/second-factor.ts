import type { FastifyReply, FastifyRequest } from 'fastify';
import { renderSVG } from 'uqr';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import {
  beginSecondFactor,
  checkOwnPassword,
  confirmSecondFactor,
  maySetUpCodes,
} from '../../services/administration/second-factor.ts';
import { openAdministration } from './enter.ts';
import { FactorForm } from './factor-form.ts';
import { codeFault, passwordFault, statusOf } from './factor-words.ts';

/** First the password: the secret is for nobody who only found a window open. */
export function showSecondFactorPage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (!(await maySetUpCodes(context, signedIn(request)))) return reply.redirect('/administration');
    return passwordPage(request, reply, null);
  };
}

/** With the password alone the secret is shown; with a code of it, too, the factor is set up. */
export function setUpSecondFactor(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    if (!(await maySetUpCodes(context, session))) return reply.redirect('/administration');
    const { code, password: typed } = FactorForm.parse(request.body);
    const password = await checkOwnPassword(context, session, typed);
    if (!password.ok)
      return passwordPage(request, reply.code(statusOf(password)), passwordFault(request.formats, password));
    if (code === '') return secretPage(context, request, reply, null);
    const result = await confirmSecondFactor(context, session, code);
    if (!result.ok)
      return secretPage(context, request, reply.code(statusOf(result)), codeFault(request.formats, result));
    return openAdministration(context, request, reply, '/administration');
  };
}

function passwordPage(request: FastifyRequest, reply: FastifyReply, fault: string | null) {
  return reply.page('administration/factor-password', {
    title: request.formats.t('administration.factor.title'),
    place: 'administration',
    fault,
  });
}

async function secretPage(context: Context, request: FastifyRequest, reply: FastifyReply, fault: string | null) {
  const factor = await beginSecondFactor(context, signedIn(request));
  if (factor === null) return reply.redirect('/administration');
  return reply.page('administration/second-factor', {
    title: request.formats.t('administration.factor.title'),
    place: 'administration',
    secret: factor.secret.match(/.{1,4}/g)?.join(' ') ?? '',
    qr: renderSVG(factor.uri, { border: 4 }),
    fault,
  });
}
