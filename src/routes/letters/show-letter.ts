import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { noteReportsSeen, readLetter } from '../../services/letters/letters.ts';
import { laneOf, progressMark, summaryOf } from './letter-view.ts';
import { letterOf } from './params.ts';

export function showLetter(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const at = context.now();
    const letter = await readLetter(context, session, unlockedKey(request), letterOf(request));
    const { t } = request.formats;
    const { account } = session;
    await noteReportsSeen(context, session, letter.id, at);
    return reply.page('letters/show', {
      title: t('letters.show.title'),
      place: 'outbox',
      letter,
      from: `${account.firstName} ${account.surname} <${account.address}>`,
      mark: progressMark(request.formats, letter),
      why: t(`letters.progress.${letter.progress}.why`),
      summary: summaryOf(request.formats, letter),
      lanes: letter.recipients.map((recipient) => laneOf(request.formats, letter, recipient)),
    });
  };
}
