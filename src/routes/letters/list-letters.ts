import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { listLetters } from '../../services/letters/letters.ts';
import { listMark, summaryOf } from './letter-view.ts';

export function showLetters(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t, list, plainName } = request.formats;
    const letters = await listLetters(context, session, unlockedKey(request));
    return reply.page('letters/index', {
      title: t('letters.title'),
      place: 'outbox',
      letters: letters.map((letter) => ({
        ...letter,
        who: list(letter.recipients.map(plainName)),
        mark: listMark(request.formats, letter),
        summary: summaryOf(request.formats, letter),
      })),
    });
  };
}
