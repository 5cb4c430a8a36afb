import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { logStates, messageIdFrom, traceMessage } from '../../../services/tracing/trace-message.ts';
import { hopView, letterSteps } from './trace-view.ts';

const ID_MAX = 1_000;
const Query = z.object({ message: z.string().trim().max(ID_MAX).default('') }).catch({ message: '' });

export function showTrace(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { formats } = request;
    const { t } = formats;
    const typed = Query.parse(request.query).message;
    const messageId = messageIdFrom(typed);
    const fault = typed !== '' && messageId === null ? t('evidence.trace.fault') : null;
    const trace = messageId === null ? null : await traceMessage(context, signedIn(request), messageId);
    return reply.code(fault === null ? 200 : 400).page('administration/message-trace', {
      title: t('evidence.trace.title'),
      place: 'administration',
      section: 'message-trace',
      role: 'central',
      form: { message: typed, fault },
      logs: await logStates(context),
      trace: trace && {
        messageId: trace.messageId,
        letter: trace.letter && { sender: trace.letter.sender, steps: letterSteps(formats, trace.letter) },
        hops: trace.hops.map((hop) => hopView(formats, hop)),
      },
    });
  };
}
