import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { BodyThreads } from '../../html/body-thread.ts';
import { parseRecipients } from '../../mail/address.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { startAnswer, startLetter } from '../../services/drafts/draft-answers.ts';
import { parseMessageRef } from '../../services/mailbox/message-ref.ts';

const Query = z.object({
  to: z.string().max(20_000).catch(''),
  reply: z.string().max(2000).optional().catch(undefined),
  mode: z.enum(['reply', 'reply-all', 'forward']).catch('reply'),
});

/** Makes the draft first: from then on nothing that is typed stands in the browser alone. */
export function newDraft(context: Context & { threads: BodyThreads }) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    if (!session.hasVault) throw new AppError('no-vault');
    const query = Query.parse(request.query ?? {});
    if (query.reply === undefined) {
      const id = await startLetter(context, session, parseRecipients(query.to).recipients);
      return reply.redirect(`/drafts/${id}`);
    }
    const [folder = '', message = ''] = query.reply.split('/');
    const ref = parseMessageRef(folder, message);
    if (ref === null) throw new AppError('not-found');
    const { id, leftOut } = await startAnswer(context, session, request.formats, ref, query.mode);
    if (leftOut.length > 0) {
      const { list, t, plainName } = request.formats;
      const names = leftOut.map((one) => {
        const name = plainName(one.name);
        if (one.why === 'infected') return t('scanning.leftOut.infected', { name, finding: one.finding });
        return one.why === 'unscanned' ? t('scanning.leftOut.unscanned', { name }) : name;
      });
      leaveNotice(reply, context.config, 'wait', 'drafts.forward.leftOut', { names: list(names) });
    }
    return reply.redirect(`/drafts/${id}`);
  };
}
