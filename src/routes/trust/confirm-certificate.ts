import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { trustCertificate } from '../../services/trust/explicit-trust.ts';
import { comparisonFault, ReadOutForm } from './thumbprint-words.ts';
import { type NamedSubject, namedSubject } from './trust-subject.ts';

/** Trusting one certificate by itself (S11): with its warning, and only against its read-out thumbprint too. */
export function showConfirmCertificate(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const named = await namedSubject(context, request, request.query);
    if (!named.subject) return nothingToSettle(context, reply, named);
    return certificatePage(request, reply, named, { typed: '', source: '', fault: null });
  };
}

export function confirmCertificate(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const named = await namedSubject(context, request, request.body);
    if (!named.subject) return nothingToSettle(context, reply, named);
    const { thumbprint, source } = ReadOutForm.parse(request.body);
    const { leaf } = named.subject;
    const outcome = await trustCertificate(context, session, leaf, { typed: thumbprint, toldBy: source });
    const fault = comparisonFault(request.formats, outcome, thumbprint);
    if (fault) return certificatePage(request, reply.code(400), named, { typed: thumbprint, source, fault });
    leaveNotice(reply, context.config, 'done', 'trust.certificate.done', { name: leaf.commonName ?? leaf.subject });
    return reply.redirect(named.home);
  };
}

function nothingToSettle(context: Context, reply: FastifyReply, { status, home }: NamedSubject) {
  const key = status === 'trusted' || status === 'mismatch' ? 'trust.settle.trusted' : 'trust.settle.nothing';
  leaveNotice(reply, context.config, 'info', key);
  return reply.redirect(home);
}

function certificatePage(
  request: FastifyRequest,
  reply: FastifyReply,
  { subject, home, reference }: NamedSubject,
  form: { typed: string; source: string; fault: string | null },
) {
  return reply.page('trust/confirm-certificate', {
    title: request.formats.t('trust.certificate.title'),
    place: 'trust',
    leaf: subject?.leaf,
    home,
    reference,
    ...form,
  });
}
