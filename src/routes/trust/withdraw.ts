import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { findExplicitTrust, withdrawExplicitTrust } from '../../services/trust/explicit-trust.ts';
import { dismissAnchor, findAnchor, withdrawAnchor } from '../../services/trust/trust-anchors.ts';
import { contactsTurningX } from '../../services/trust/trust-page.ts';
import { anchorParam, trustParam } from './params.ts';

const NAMED = 10;

/** Says before it is done which contacts will turn to X. */
export function showWithdrawAnchor(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const anchor = await findAnchor(context, signedIn(request), anchorParam(request));
    if (anchor.state !== 'trusted') return reply.redirect('/trust');
    return withdrawPage(context, request, reply, anchor, `/trust/anchors/${anchor.id}/withdraw`, 'root');
  };
}

export function withdrawAnchorAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const anchor = await findAnchor(context, session, anchorParam(request));
    await withdrawAnchor(context, session, anchor);
    leaveNotice(reply, context.config, 'done', 'trust.withdraw.done', { name: anchor.subject });
    return reply.redirect('/trust');
  };
}

export function showWithdrawCertificate(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const trust = await findExplicitTrust(context, signedIn(request), trustParam(request));
    if (trust.withdrawnAt !== null) return reply.redirect('/trust');
    return withdrawPage(context, request, reply, trust, `/trust/certificates/${trust.id}/withdraw`, 'certificate');
  };
}

export function withdrawCertificateAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const trust = await findExplicitTrust(context, session, trustParam(request));
    await withdrawExplicitTrust(context, session, trust);
    leaveNotice(reply, context.config, 'done', 'trust.withdraw.done', { name: trust.subject });
    return reply.redirect('/trust');
  };
}

/** An offered root that nobody wants; it may be offered again. */
export function dismissAnchorAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    await dismissAnchor(context, session, await findAnchor(context, session, anchorParam(request)));
    leaveNotice(reply, context.config, 'done', 'trust.dismiss.done');
    return reply.redirect('/trust');
  };
}

async function withdrawPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  of: { subject: string; sha256: string },
  action: string,
  kind: 'root' | 'certificate',
) {
  const turning = await contactsTurningX(context, signedIn(request), of);
  return reply.page('trust/withdraw', {
    title: request.formats.t('trust.withdraw.title'),
    place: 'trust',
    subject: of.subject,
    kind,
    count: turning.length,
    turning: turning.slice(0, NAMED),
    more: Math.max(0, turning.length - NAMED),
    action,
  });
}
