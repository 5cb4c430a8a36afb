import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { parseCertificate } from '../../../pki/certificate.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { findIssued, type IssuedDigitalId } from '../../../services/issued/list-issued.ts';
import { REVOCATION_REASONS, reinstateDigitalId, revokeDigitalId } from '../../../services/issued/revoke-issued.ts';
import { hasSignerInForce } from '../../../services/publishing/status-signer.ts';
import { passphraseFault, statusOfRefusal } from '../lists/passphrase-words.ts';
import { STATE_LOOKS } from './list-issued.ts';

const Params = z.object({ issued: z.uuid() });
const RevokeForm = z.object({
  reason: z.enum(REVOCATION_REASONS),
  since: z.union([z.literal(''), z.iso.date()]).default(''),
});
const ReinstateForm = z.object({ passphrase: z.string().max(1000).catch('') }).catch({ passphrase: '' });

type Typed = { reason: string; since: string };
type Faults = Partial<Record<'reason' | 'since' | 'passphrase', string>>;

export function showIssued(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    issuedPage(context, request, reply, await issuedOf(context, request));
}

export function revokeIssued(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const issued = await issuedOf(context, request);
    const { t } = request.formats;
    const form = RevokeForm.safeParse(request.body);
    if (!form.success) {
      const faults = form.error.issues.map(({ path }) => [path[0], t(`publishing.revoke.fault.${String(path[0])}`)]);
      return issuedPage(context, request, reply.code(400), issued, Object.fromEntries(faults), typedOf(request.body));
    }
    const { reason, since } = form.data;
    const invalidSince = since === '' ? null : sinceWhen(since, issued, request.formats);
    const result = await revokeDigitalId(context, signedIn(request), issued, { reason, invalidSince });
    if (!result.ok && (result.problem === 'since-future' || result.problem === 'since-before')) {
      const faults = { since: t(`publishing.revoke.fault.${result.problem}`) };
      return issuedPage(context, request, reply.code(400), issued, faults, form.data);
    }
    if (!result.ok) leaveNotice(reply, context.config, 'refused', `publishing.revoke.${result.problem}`);
    else if (result.published)
      leaveNotice(reply, context.config, 'done', `publishing.revoke.${reason === 'certificateHold' ? 'held' : 'done'}`);
    else leaveNotice(reply, context.config, 'wait', 'publishing.revoke.unpublished');
    return reply.redirect(`/administration/digital-ids/${issued.id}`);
  };
}

export function reinstateIssued(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const issued = await issuedOf(context, request);
    const { passphrase } = ReinstateForm.parse(request.body);
    const result = await reinstateDigitalId(context, signedIn(request), issued, passphrase);
    if (!result.ok && result.problem !== 'not-held') {
      const faults = { passphrase: passphraseFault(request.formats, result) };
      return issuedPage(context, request, reply.code(statusOfRefusal(result)), issued, faults);
    }
    if (result.ok) leaveNotice(reply, context.config, 'done', 'publishing.reinstate.done');
    else leaveNotice(reply, context.config, 'refused', 'publishing.reinstate.not-held');
    return reply.redirect(`/administration/digital-ids/${issued.id}`);
  };
}

async function issuedOf(context: Context, request: FastifyRequest): Promise<IssuedDigitalId> {
  const params = Params.safeParse(request.params);
  if (!params.success) throw new AppError('not-found');
  return findIssued(context, signedIn(request), params.data.issued);
}

function typedOf(body: unknown): Typed {
  const { reason, since } = (body ?? {}) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 40) : '');
  return { reason: text(reason), since: text(since) };
}

/** The day on which it was issued begins with its life. */
function sinceWhen(day: string, { notBefore }: IssuedDigitalId, formats: Pick<Formats, 'day'>): Date {
  return formats.day(notBefore) === day ? notBefore : startOfDay(day, formats);
}

/** When a day of the reader begins. Zones lie up to 14 hours from UTC, in quarters of hours. */
function startOfDay(day: string, formats: Pick<Formats, 'day'>): Date {
  const noon = Date.parse(`${day}T12:00:00Z`);
  const QUARTER_MS = 15 * 60_000;
  let at = noon - 26 * 4 * QUARTER_MS;
  while (at < noon && formats.day(new Date(at)) !== day) at += QUARTER_MS;
  return new Date(at);
}

async function issuedPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  issued: IssuedDigitalId,
  faults: Faults = {},
  typed: Typed = { reason: 'unspecified', since: '' },
) {
  const session = signedIn(request);
  const { t, day } = request.formats;
  const reasons =
    issued.state === 'held' ? REVOCATION_REASONS.filter((one) => one !== 'certificateHold') : REVOCATION_REASONS;
  return reply.page('administration/digital-ids/show', {
    title: t('publishing.issued.one', { name: `${issued.account.firstName} ${issued.account.surname}` }),
    place: 'administration',
    section: 'digital-ids',
    role: session.account.role,
    programmeRow: administeredProgramme(session),
    issued: { ...issued, ...STATE_LOOKS[issued.state] },
    certificate: parseCertificate(issued.certificate),
    usage: t(`publishing.issued.usage.${issued.usage}`),
    canRevoke: issued.state !== 'revoked' && issued.notAfter > context.now(),
    canReinstate: issued.state === 'held' && session.account.role === 'central',
    hasSigner: await hasSignerInForce(context, issued.authority.id),
    reasons: reasons.map((value) => ({ value, text: t(`publishing.reason.${value}`) })),
    today: day(context.now()),
    typed,
    faults,
  });
}
