import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { directListUrl, indirectListUrl } from '../../../services/identities/issuer-locations.ts';
import { AUTHORITY_REVOCATION_REASONS, revokeAuthority } from '../../../services/issued/revoke-authority.ts';
import { revokeStatusSigner, SIGNER_REVOCATION_REASONS } from '../../../services/issued/revoke-signer.ts';
import { findPublishing, type PublishingState, readPublishing } from '../../../services/publishing/list-states.ts';
import { signListsWithPassphrase } from '../../../services/publishing/sign-with-passphrase.ts';
import { passphraseFault, statusOfRefusal } from './passphrase-words.ts';

const Params = z.object({ authority: z.uuid() });
const Form = z.object({ passphrase: z.string().max(1000).catch('') }).catch({ passphrase: '' });

const RevokeForm = z.object({
  reason: z.enum(AUTHORITY_REVOCATION_REASONS),
  rootPassphrase: z.string().max(1000),
});

const SignerForm = z.object({
  reason: z.enum(SIGNER_REVOCATION_REASONS),
  /** SHA-256 */
  signer: z.string().regex(/^[0-9a-f]{64}$/),
  passphrase: z.string().max(1000),
});

export function showLists(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => listsPage(context, request, reply, null);
}

export function signLists(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const { row, certificate } = await findPublishing(context, session, params.data.authority);
    const { passphrase } = Form.parse(request.body);
    const result = await signListsWithPassphrase(context, session, row, passphrase);
    if (!result.ok) {
      const fault = { id: row.id, of: 'sign' as const, text: passphraseFault(request.formats, result) };
      return listsPage(context, request, reply.code(statusOfRefusal(result)), fault);
    }
    const name = certificate.commonName ?? certificate.subject;
    leaveNotice(reply, context.config, 'done', `publishing.lists.signed.${row.kind}`, { name });
    return reply.redirect('/administration/lists');
  };
}

export function revokeIssuing(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const id = params.data.authority;
    const form = RevokeForm.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const result = await revokeAuthority(context, signedIn(request), id, form.data);
    if (!result.ok && result.problem !== 'already' && result.problem !== 'root-elsewhere') {
      const fault = { id, of: 'revoke' as const, text: passphraseFault(request.formats, result) };
      return listsPage(context, request, reply.code(statusOfRefusal(result)), { ...fault, reason: form.data.reason });
    }
    if (result.ok) leaveNotice(reply, context.config, 'done', 'publishing.authority.revoked');
    else leaveNotice(reply, context.config, 'refused', `publishing.authority.${result.problem}`);
    return reply.redirect('/administration/lists');
  };
}

/** Whoever has the signer's key could sign that a revoked certificate is good: the authority says itself that it signs no more. */
export function revokeSigner(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const id = params.data.authority;
    const form = SignerForm.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const { signer: shown, reason, passphrase } = form.data;
    const result = await revokeStatusSigner(context, signedIn(request), id, { shown, reason, passphrase });
    if (!result.ok && result.problem !== 'already') {
      const fault = { id, of: 'signer' as const, text: passphraseFault(request.formats, result), reason };
      return listsPage(context, request, reply.code(statusOfRefusal(result)), fault);
    }
    leaveNotice(
      reply,
      context.config,
      result.ok ? 'done' : 'refused',
      `publishing.signer.${result.ok ? 'revoked' : 'already'}`,
    );
    return reply.redirect('/administration/lists');
  };
}

type Fault = { id: string; of: 'sign' | 'revoke' | 'signer'; text: string; reason?: string };

async function listsPage(context: Context, request: FastifyRequest, reply: FastifyReply, fault: Fault | null) {
  const session = signedIn(request);
  const states = await readPublishing(context, session);
  return reply.page('administration/lists/show', {
    title: request.formats.t('publishing.lists.title'),
    place: 'administration',
    section: 'lists',
    role: 'central',
    programmeRow: administeredProgramme(session),
    authorities: states.map((state) => presented(context, state)),
    reasons: AUTHORITY_REVOCATION_REASONS.map((value) => ({
      value,
      text: request.formats.t(`publishing.authority.reason.${value}`),
    })),
    signerReasons: SIGNER_REVOCATION_REASONS.map((value) => ({
      value,
      text: request.formats.t(`publishing.signer.reason.${value}`),
    })),
    fault,
  });
}

const LOOKS = {
  good: ['ok', 'tick'],
  'ends-soon': ['wait', 'clock'],
  ended: ['seal', 'cross'],
  missing: ['seal', 'cross'],
};

/** Each thing that is published on a line of its own: what, in which state, until when, where. */
function presented({ config }: Context, state: PublishingState) {
  const { row, certificate, direct, indirect, signer } = state;
  const line = (what: string, of: PublishingState['directState'], end: Date | undefined, rest: object = {}) => {
    const [look, icon] = LOOKS[of];
    return { what, state: of, look, icon, end: end ?? null, list: null, url: null, ...rest };
  };
  const own = line('direct', state.directState, direct?.nextUpdate, {
    list: direct,
    url: directListUrl(config.publicUrl, row.sha256),
  });
  const daily = line('indirect', state.indirectState, indirect?.nextUpdate, {
    list: indirect,
    url: indirectListUrl(config.publicUrl, row.sha256),
  });
  return {
    id: row.id,
    kind: row.kind,
    keyIsHere: state.keyIsHere,
    name: certificate.commonName ?? certificate.subject,
    authorityState: state.authorityState,
    notAfter: certificate.notAfter,
    revoked: state.revoked,
    revokedAt: row.revokedAt,
    canBeRevoked: row.kind === 'issuing' && row.revokedAt === null && state.authorityState !== 'ended',
    signer: signer?.sha256 ?? null,
    lines: !state.keyIsHere
      ? []
      : row.kind === 'root'
        ? [own]
        : [own, daily, line('signer', state.signerState, signer?.notAfter)],
  };
}
