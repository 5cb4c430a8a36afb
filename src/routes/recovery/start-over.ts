import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { readAtStake, type StartedOver, startOver } from '../../services/recovery/start-over.ts';
import { presentAtStake } from './present-at-stake.ts';

const Form = z.object({ address: z.string().max(400).catch(''), password: z.string().max(1000).catch('') });

export function showStartOver(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => startOverPage(context, request, reply, '', {});
}

/** The one step that gives keys up. Its form says what goes with them, and is confirmed by typing. */
export function startOverAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.parse(request.body ?? {});
    const result = await startOver(context, signedIn(request), form);
    if (result.ok) {
      leaveNotice(reply, context.config, 'done', 'recovery.startedOver');
      return reply.redirect('/keys/passphrase');
    }
    if (result.problem === 'no-vault') return reply.redirect('/keys/passphrase');
    const status = { 'not-confirmed': 400, 'wrong-password': 401, 'too-many-attempts': 429 }[result.problem];
    return startOverPage(context, request, reply.code(status), form.address, faultsOf(request, result));
  };
}

function faultsOf({ formats }: FastifyRequest, result: Extract<StartedOver, { ok: false }>): Record<string, string> {
  const { t, time } = formats;
  if (result.problem === 'not-confirmed') return { address: t('recovery.startOver.not-confirmed') };
  if (result.problem === 'too-many-attempts')
    return { password: t('administration.enter.tooManyPasswords', { time: time(result.retryAt) }) };
  return { password: t('administration.enter.password.wrong') };
}

async function startOverPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  typed: string,
  faults: Record<string, string>,
) {
  const session = signedIn(request);
  if (!session.hasVault) return reply.redirect('/keys/passphrase');
  return reply.page('recovery/start-over', {
    title: request.formats.t('recovery.startOver.title'),
    place: 'digital-ids',
    atStake: presentAtStake(request.formats, await readAtStake(context, session)),
    address: session.account.address,
    typed,
    faults,
  });
}
