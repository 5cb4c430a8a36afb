import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { setSessionCookie, signedIn } from '../../plugins/session.ts';
import { PASSWORD_MIN_LENGTH } from '../../services/accounts/accounts.ts';
import { changeMailboxPassword, passwordProblem } from '../../services/accounts/mailbox-password.ts';

const Form = z.object({
  old: z.string().max(1000).catch(''),
  password: z.string().max(1000).catch(''),
  repeated: z.string().max(1000).catch(''),
});

/** Of hosted mailboxes only: a country's own server keeps its passwords itself. */
export function showMailboxPassword() {
  return async (request: FastifyRequest, reply: FastifyReply) => passwordPage(request, reply, {});
}

export function changeMailboxPasswordAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { old, password, repeated } = Form.parse(request.body ?? {});
    const { t, time } = request.formats;
    const problem = passwordProblem(password, repeated, session.account.address);
    if (problem) {
      const fault = t(`accounts.password.${problem}`, { least: PASSWORD_MIN_LENGTH });
      return passwordPage(request, reply.code(400), { [problem === 'not-repeated' ? 'repeated' : 'password']: fault });
    }
    const result = await changeMailboxPassword(context, session, old, password);
    if (!result.ok) {
      if (result.reason === 'not-hosted') throw new AppError('not-found');
      const tooMany = result.reason === 'too-many-attempts';
      const fault = tooMany
        ? t('settings.password.tooMany', { time: time(result.retryAt) })
        : t('settings.password.wrong');
      return passwordPage(request, reply.code(tooMany ? 429 : 401), { old: fault });
    }
    setSessionCookie(reply, context.config, result.cookie);
    leaveNotice(reply, context.config, 'done', 'settings.password.changed');
    return reply.redirect('/settings');
  };
}

function passwordPage(
  request: FastifyRequest,
  reply: FastifyReply,
  faults: { old?: string; password?: string; repeated?: string },
) {
  if (!signedIn(request).account.country.mailServer.hosted) throw new AppError('not-found');
  return reply.page('settings/password', {
    title: request.formats.t('settings.password.title'),
    place: 'settings',
    least: PASSWORD_MIN_LENGTH,
    faults,
  });
}
