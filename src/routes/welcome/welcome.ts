import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { PASSWORD_MIN_LENGTH } from '../../services/accounts/accounts.ts';
import { takeOverMailbox } from '../../services/accounts/hand-over.ts';

const Form = z.object({
  address: z.string().trim().max(254).catch(''),
  code: z.string().max(100).catch(''),
  password: z.string().max(1000).catch(''),
  repeated: z.string().max(1000).catch(''),
});

const STATUS: Record<string, number> = { refused: 401, 'too-many-attempts': 429 };

export function showWelcome() {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    welcomePage(request, reply, { address: '', code: '' }, {});
}

/** The holder's first password, or the one after a reset. */
export function chooseFirstPassword(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.parse(request.body ?? {});
    const { t, time } = request.formats;
    if (form.address === '' || form.code.trim() === '')
      return welcomePage(request, reply.code(400), form, { refused: t('welcome.incomplete') });
    const result = await takeOverMailbox(context, { ...form, network: request.ip });
    if (!result.ok) {
      reply.code(STATUS[result.reason] ?? 400);
      if (result.reason === 'too-many-attempts')
        return welcomePage(request, reply, form, { refused: t('welcome.tooMany', { time: time(result.retryAt) }) });
      if (result.reason === 'refused') return welcomePage(request, reply, form, { refused: t('welcome.refused') });
      const fault = t(`accounts.password.${result.reason}`, { least: PASSWORD_MIN_LENGTH });
      return welcomePage(request, reply, form, { [result.reason === 'not-repeated' ? 'repeated' : 'password']: fault });
    }
    leaveNotice(reply, context.config, 'done', 'welcome.done');
    return reply.redirect('/sign-in');
  };
}

function welcomePage(
  request: FastifyRequest,
  reply: FastifyReply,
  fields: { address: string; code: string },
  faults: { refused?: string; password?: string; repeated?: string },
) {
  const { t } = request.formats;
  return reply.page('welcome/show', { title: t('welcome.title'), fields, faults, least: PASSWORD_MIN_LENGTH });
}
