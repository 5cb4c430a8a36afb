import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { listDrafts } from '../../services/drafts.ts';

export function showDrafts(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const drafts = await listDrafts(context.database, session.account.id, unlockedKey(request));
    return reply.page('drafts/index', { title: t('drafts.list.title'), place: 'drafts', drafts });
  };
}
