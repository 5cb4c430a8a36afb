import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { continueSession, signedIn } from '../../plugins/session.ts';
import { renewPassphrase } from '../../services/sessions/unlock.ts';
import { passphraseProblem } from '../../services/sessions/vault.ts';

const Form = z.object({
  code: z.string().min(1).max(200),
  passphrase: z.string().max(1000),
  repeated: z.string().max(1000),
});

export function showRecovery() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (!signedIn(request).hasVault) return reply.redirect('/keys/passphrase');
    return reply.page('keys/recovery', { title: request.formats.t('keys.recovery.title'), faults: {}, code: '' });
  };
}

/** The code opens the vault once more; a new passphrase and a new code take the place of both. */
export function recoverAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, time } = request.formats;
    const form = Form.safeParse(request.body);
    const code = form.data?.code ?? '';
    const again = (status: number, faults: Record<string, string>) =>
      reply.code(status).page('keys/recovery', { title: t('keys.recovery.title'), faults, code });
    if (!form.success) return again(400, { code: t('keys.recovery.wrong') });
    const problem = passphraseProblem(form.data.passphrase, form.data.repeated, session.mailboxPassword());
    if (problem)
      return again(400, { [problem === 'not-repeated' ? 'repeated' : 'passphrase']: t(`keys.passphrase.${problem}`) });
    const by = { kind: 'recovery', secret: code } as const;
    const result = await renewPassphrase(context, session, by, form.data.passphrase);
    if (!result.ok) {
      if (result.reason === 'too-many-attempts')
        return again(429, { code: t('keys.unlock.tooMany', { time: time(result.retryAt) }) });
      return again(401, { code: t('keys.recovery.wrong') });
    }
    await continueSession(context, request, reply, result.cookie);
    return reply.page('keys/recovery-code', { title: t('keys.code.title'), code: result.recoveryCode, changed: true });
  };
}
