import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { continueSession, signedIn } from '../../plugins/session.ts';
import { renewPassphrase } from '../../services/sessions/unlock.ts';
import { passphraseProblem } from '../../services/sessions/vault.ts';

const Form = z.object({
  current: z.string().max(1000),
  passphrase: z.string().max(1000),
  repeated: z.string().max(1000),
});

/** Asks for the present passphrase even when the keys are open: an unattended window must not be enough. */
export function changePassphraseAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, time } = request.formats;
    const again = (status: number, faults: Record<string, string>) =>
      reply.code(status).page('keys/change-passphrase', { title: t('keys.change.title'), faults });
    const form = Form.safeParse(request.body);
    if (!form.success) return again(400, { current: t('keys.unlock.wrong') });
    const problem = passphraseProblem(form.data.passphrase, form.data.repeated, session.mailboxPassword());
    if (problem)
      return again(400, { [problem === 'not-repeated' ? 'repeated' : 'passphrase']: t(`keys.passphrase.${problem}`) });
    const by = { kind: 'passphrase', secret: form.data.current } as const;
    const result = await renewPassphrase(context, session, by, form.data.passphrase);
    if (!result.ok) {
      const tooMany = result.reason === 'too-many-attempts';
      return again(tooMany ? 429 : 401, {
        current: tooMany ? t('keys.unlock.tooMany', { time: time(result.retryAt) }) : t('keys.unlock.wrong'),
      });
    }
    await continueSession(context, request, reply, result.cookie);
    return reply.page('keys/recovery-code', { title: t('keys.code.title'), code: result.recoveryCode, changed: true });
  };
}
