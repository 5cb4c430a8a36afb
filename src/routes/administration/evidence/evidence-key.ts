import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { certifyEvidenceSigner, readEvidenceSigners } from '../../../services/evidence/certify-signer.ts';
import { revokeEvidenceSigner, SIGNER_REVOCATION_REASONS } from '../../../services/issued/revoke-signer.ts';
import { statusOf, wrongPassphraseFault } from '../authorities/authority-form.ts';

const PAGE = '/administration/evidence';
const PASSPHRASE_MAX = 200;
const Form = z.object({ passphrase: z.string().min(1).max(PASSPHRASE_MAX) });
const Params = z.object({ signer: z.uuid() });
const RevokeForm = z.object({ reason: z.enum(SIGNER_REVOCATION_REASONS), sure: z.string() });

export function showKey(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => keyPage(context, request, reply);
}

/** Makes the key and certifies it now, whether or not the present one would do for longer. */
export function certifyKey(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const { t } = request.formats;
    if (!form.success)
      return keyPage(context, request, reply.code(400), { passphrase: t('evidence.key.passphrase.fault') });
    const done = await certifyEvidenceSigner(context, signedIn(request), form.data.passphrase);
    if (!done.ok && done.problem === 'no-authority')
      return keyPage(context, request, reply.code(409), { passphrase: t('evidence.key.no-authority') });
    if (!done.ok) {
      const faults = { passphrase: wrongPassphraseFault(request, done) };
      return keyPage(context, request, reply.code(statusOf(done)), faults);
    }
    leaveNotice(reply, context.config, 'done', 'evidence.key.done');
    return reply.redirect(PAGE);
  };
}

/** For when it was stolen, or shall sign no more: for good. */
export function revokeKey(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const { signer } = params.data;
    const form = RevokeForm.safeParse(request.body);
    if (!form.success) {
      const revoke = { signer, text: request.formats.t('evidence.key.revoke.sure.fault'), ...typedOf(request.body) };
      return keyPage(context, request, reply.code(400), { revoke });
    }
    const done = await revokeEvidenceSigner(context, signedIn(request), signer, form.data.reason);
    if (!done.ok) leaveNotice(reply, context.config, 'refused', 'evidence.key.revoke.already');
    else if (done.published) leaveNotice(reply, context.config, 'done', 'evidence.key.revoke.done');
    else leaveNotice(reply, context.config, 'wait', 'evidence.key.revoke.unpublished');
    return reply.redirect(PAGE);
  };
}

function typedOf(body: unknown): { reason: string } {
  return z
    .object({ reason: z.string().max(40) })
    .catch({ reason: '' })
    .parse(body);
}

type Faults = { passphrase?: string; revoke?: { signer: string; text: string; reason: string } };

async function keyPage(context: Context, request: FastifyRequest, reply: FastifyReply, faults: Faults = {}) {
  const signers = await readEvidenceSigners(context, signedIn(request));
  return reply.page('administration/evidence/key', {
    title: request.formats.t('evidence.key.title'),
    place: 'administration',
    section: 'evidence',
    role: 'central',
    signer: signers.find((each) => each.isInForce) ?? null,
    signers,
    reasons: SIGNER_REVOCATION_REASONS.map((value) => ({
      value,
      text: request.formats.t(`publishing.signer.reason.${value}`),
    })),
    faults,
    passphraseMax: PASSPHRASE_MAX,
  });
}
