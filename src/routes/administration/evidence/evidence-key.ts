import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { certifyEvidenceSigner, readEvidenceSigner } from '../../../services/evidence/certify-signer.ts';
import { statusOf, wrongPassphraseFault } from '../authorities/authority-form.ts';

const PAGE = '/administration/evidence';
const PASSPHRASE_MAX = 200;
const Form = z.object({ passphrase: z.string().min(1).max(PASSPHRASE_MAX) });

export function showKey(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => keyPage(context, request, reply, null);
}

/** Makes the key and certifies it now, whether or not the present one would do for longer. */
export function certifyKey(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const { t } = request.formats;
    if (!form.success) return keyPage(context, request, reply.code(400), t('evidence.key.passphrase.fault'));
    const done = await certifyEvidenceSigner(context, signedIn(request), form.data.passphrase);
    if (!done.ok && done.problem === 'no-authority')
      return keyPage(context, request, reply.code(409), t('evidence.key.no-authority'));
    if (!done.ok) return keyPage(context, request, reply.code(statusOf(done)), wrongPassphraseFault(request, done));
    leaveNotice(reply, context.config, 'done', 'evidence.key.done');
    return reply.redirect(PAGE);
  };
}

async function keyPage(context: Context, request: FastifyRequest, reply: FastifyReply, fault: string | null) {
  return reply.page('administration/evidence/key', {
    title: request.formats.t('evidence.key.title'),
    place: 'administration',
    section: 'evidence',
    role: 'central',
    signer: await readEvidenceSigner(context, signedIn(request)),
    fault,
    passphraseMax: PASSPHRASE_MAX,
  });
}
