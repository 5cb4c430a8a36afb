import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { addPasskey, PASSKEY_NAME_MAX } from '../../../services/administration/passkeys.ts';
import { checkOwnPassword } from '../../../services/administration/second-factor.ts';
import { PasskeyForm } from '../factor-form.ts';
import { passwordFault, statusOf } from '../factor-words.ts';
import { factorsPage } from './show-factors.ts';

const Form = z.object({ name: z.string().trim().max(PASSKEY_NAME_MAX).catch('') }).catch({ name: '' });

export function addPasskeyAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const session = signedIn(request);
    const { name } = Form.parse(request.body);
    const { response, password: typed } = PasskeyForm.parse(request.body);
    if (name === '') {
      const faults = { name: t('passkeys.fault.name') };
      return factorsPage(context, request, reply.code(400), name, faults);
    }
    const password = await checkOwnPassword(context, session, typed);
    if (!password.ok) {
      const faults = { password: passwordFault(request.formats, password) };
      return factorsPage(context, request, reply.code(statusOf(password)), name, faults);
    }
    const added = await addPasskey(context, session, name, response);
    if (!added.ok) {
      const faults = { passkey: t(`passkeys.fault.${added.reason}`) };
      return factorsPage(context, request, reply.code(400), name, faults);
    }
    leaveNotice(reply, context.config, 'done', 'passkeys.added');
    return reply.redirect('/administration/factors');
  };
}
