import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { messageHref } from '../../services/mailbox/message-ref.ts';
import { declineReceipt, sendReceipt } from '../../services/receipts/answer-receipt.ts';
import { messageOf } from './params.ts';

const Form = z.object({ do: z.enum(['send', 'decline']) });

/** The sender asks to be told that the message was opened: nothing is ever said without this. */
export function answerReceipt(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const ref = messageOf(request);
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    if (form.data.do === 'decline') {
      await declineReceipt(context, session, ref);
      leaveNotice(reply, context.config, 'done', 'evidence.receipt.declined');
      return reply.redirect(messageHref(ref));
    }
    const { t } = request.formats;
    const words = { subject: t('evidence.receipt.subject'), text: t('evidence.receipt.text') };
    const sent = await sendReceipt(context, session, ref, words);
    const key = sent.ok ? 'evidence.receipt.sent' : `evidence.receipt.problem.${sent.problem}`;
    leaveNotice(reply, context.config, sent.ok ? 'done' : 'refused', key);
    return reply.redirect(messageHref(ref));
  };
}
