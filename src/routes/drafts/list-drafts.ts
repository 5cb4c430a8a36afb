import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { parseRecipients } from '../../mail/address.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { listDrafts } from '../../services/drafts/drafts.ts';

export function showDrafts(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const lines = await listDrafts(context.database, session.account.id, unlockedKey(request));
    const drafts = lines.map((line) => ({ ...line, recipients: namesOf(line.recipients) }));
    return reply.page('drafts/index', { title: t('drafts.list.title'), place: 'drafts', drafts });
  };
}

/** `Marta Klein, lars@…`: who a draft is for, in as few words as a row has room for. */
function namesOf(typed: string): string {
  const { recipients, problems } = parseRecipients(typed);
  return [...recipients.map((one) => one.name || one.address), ...problems.map((problem) => problem.typed)].join(', ');
}
