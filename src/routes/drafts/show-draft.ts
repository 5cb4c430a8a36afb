import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { openDraft } from '../../services/drafts/drafts.ts';
import { composePage } from './compose-page.ts';
import { draftOf } from './params.ts';

export function showDraft(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const id = draftOf(request);
    const draft = await openDraft(context.database, session, unlockedKey(request), id);
    return reply.page('drafts/show', await composePage(context, request, draft));
  };
}
