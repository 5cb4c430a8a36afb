import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { lostVaults, restoreKeys } from '../../services/recovery/restore-keys.ts';

const Form = z.object({
  kind: z.enum(['passphrase', 'recovery']).catch('passphrase'),
  secret: z.string().max(1000).catch(''),
});

export function showRestore(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    unlockedKey(request);
    return restorePage(context, request, reply, 'passphrase', null);
  };
}

/** The passphrase or the code of before was found; the keys come into the present vault. */
export function restoreAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, time } = request.formats;
    const masterKey = unlockedKey(request);
    const { kind, secret } = Form.parse(request.body ?? {});
    const result = await restoreKeys(context, signedIn(request), { kind, secret }, masterKey);
    if (result.ok) {
      leaveNotice(reply, context.config, 'done', 'recovery.restored', { count: result.count });
      return reply.redirect('/digital-ids');
    }
    const tooMany = result.reason === 'too-many-attempts';
    const fault = tooMany ? t('keys.unlock.tooMany', { time: time(result.retryAt) }) : t('recovery.restore.wrong');
    return restorePage(context, request, reply.code(tooMany ? 429 : 401), kind, fault);
  };
}

async function restorePage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  kind: 'passphrase' | 'recovery',
  fault: string | null,
) {
  const { t, date } = request.formats;
  const lost = await lostVaults(context, signedIn(request));
  if (lost.length === 0) return reply.redirect('/keys/lost');
  return reply.page('recovery/restore', {
    title: t('recovery.restore.title'),
    place: 'digital-ids',
    lost: lost.map((each) => t('recovery.restore.vault', { date: date(each.lostAt), count: each.digitalIds.length })),
    kind,
    fault,
  });
}
