import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { sendSelfTest } from '../../services/identities/own-letters.ts';
import { problemText } from '../identities/send-problem-text.ts';
import { firstStepsPage } from './show-first-steps.ts';

const Form = z.object({ nonce: z.string().regex(/^self-test-[0-9a-f-]{36}$/) });

export function sendSelfTestAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    unlockedKey(request);
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const { t } = request.formats;
    const letter = { subject: t('first-steps.self-test.subject'), text: t('first-steps.self-test.letter') };
    const sent = await sendSelfTest(context, signedIn(request), form.data.nonce, letter);
    if (!sent.ok) {
      const fault = sent.problems.map((problem) => problemText(request.formats, problem)).join(' ');
      return firstStepsPage(context, request, reply, 422, fault);
    }
    leaveNotice(reply, context.config, 'done', 'first-steps.self-test.sent');
    return reply.redirect('/first-steps');
  };
}
