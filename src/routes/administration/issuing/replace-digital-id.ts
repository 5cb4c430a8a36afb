import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { beginIssuing } from '../../../services/issuing/issuing-job.ts';
import { canIssue, findHolder } from '../../../services/issuing/read-issuing.ts';
import { idOf, passphrase } from '../authorities/authority-form.ts';
import { startFault } from './issuing-words.ts';
import { presentHolder } from './present-holder.ts';

const REASONS = ['keyCompromise', 'superseded', 'affiliationChanged', 'unspecified'] as const;
const Form = z.object({ reason: z.enum(REASONS), passphrase });

/** The present Digital ID is lost or in wrong hands: it is revoked, and another one issued. */
export function showReplacement(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    replacementPage(context, request, reply, { reason: '', faults: {} });
}

export function replaceDigitalId(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const faults = { reason: request.formats.t('issuing.replace.reason.needed') };
      return replacementPage(context, request, reply.code(400), { reason: '', faults });
    }
    const { account } = await findHolder(context, session, idOf(request, 'account'));
    const { reason, passphrase: typed } = form.data;
    const order = { accounts: [account.id], passphrase: typed, replaces: reason };
    const started = await beginIssuing(context, session, order);
    if (started.ok) return reply.redirect(`/administration/issuing/jobs/${started.jobId}`);
    const { status, faults } = startFault(request, started);
    return replacementPage(context, request, reply.code(status), { reason, faults });
  };
}

async function replacementPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  form: { reason: string; faults: Record<string, string> },
) {
  const session = signedIn(request);
  const { formats } = request;
  const holder = await findHolder(context, session, idOf(request, 'account'));
  const shown = presentHolder(formats, holder);
  return reply.page('administration/issuing/replace', {
    title: formats.t('issuing.replace.title', { name: shown.name }),
    place: 'administration',
    holder: shown,
    possible: holder.mayReplace && (await canIssue(context, session)),
    isTest: session.account.country.programme.phase === 'test',
    reasons: REASONS.map((value) => ({ value, text: formats.t(`issuing.reason.${value}`) })),
    ...form,
  });
}
