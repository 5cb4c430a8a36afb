import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { setSessionCookie, signedIn } from '../../plugins/session.ts';
import { unlock } from '../../services/sessions/unlock.ts';
import { localPath } from '../local-path.ts';

const Query = z.object({ next: z.string().max(2000).optional() });
const Form = z.object({ passphrase: z.string().min(1).max(1000), next: z.string().max(2000).optional() });

export function showUnlock() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const next = localPath(Query.safeParse(request.query).data?.next);
    if (!session.hasVault) return reply.redirect('/keys/passphrase');
    if (session.masterKey) return reply.redirect(next);
    return reply.page('keys/unlock', { title: request.formats.t('keys.unlock.title'), next, fault: null });
  };
}

export function unlockAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, time } = request.formats;
    const form = Form.safeParse(request.body);
    const next = localPath(form.data?.next);
    const again = (status: number, fault: string) =>
      reply.code(status).page('keys/unlock', { title: t('keys.unlock.title'), next, fault });
    if (!form.success) return again(400, t('keys.unlock.wrong'));
    const result = await unlock(context, session, { kind: 'passphrase', secret: form.data.passphrase });
    if (!result.ok) {
      if (result.reason === 'no-vault') return reply.redirect('/keys/passphrase');
      if (result.reason === 'too-many-attempts')
        return again(429, t('keys.unlock.tooMany', { time: time(result.retryAt) }));
      return again(401, t('keys.unlock.wrong'));
    }
    result.masterKey.fill(0);
    setSessionCookie(reply, context.config, result.cookie);
    return reply.redirect(next);
  };
}
