import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { readOrNull } from '../../services/contacts/contact-marks.ts';
import { type Anchor, confirmAnchor, findAnchor } from '../../services/trust/trust-anchors.ts';
import { anchorParam, backPath } from './params.ts';
import { comparisonFault, ReadOutForm } from './thumbprint-words.ts';

/** The ceremony (S03): the page has the root's name and life, but not its thumbprints, so nobody can copy them from it. */
export function showConfirmAnchor(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const anchor = await findAnchor(context, signedIn(request), anchorParam(request));
    const back = backPath(request.query);
    if (anchor.state === 'trusted' && anchor.programmeId === null) return reply.redirect(back);
    const blank = { typed: '', source: '', fault: null, domain: null, domainOnly: false };
    return ceremony(context, request, reply, anchor, { back, ...blank });
  };
}

export function confirmAnchorAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const anchor = await findAnchor(context, session, anchorParam(request));
    const { thumbprint, source, domain, domainOnly } = ReadOutForm.parse(request.body);
    const back = backPath(request.body);
    const outcome = await confirmAnchor(context, session, anchor, {
      typed: thumbprint,
      toldBy: source,
      onlyDomain: domainOnly ? domain : null,
    });
    const fault = comparisonFault(request.formats, outcome, thumbprint);
    if (fault) {
      const form = { back, typed: thumbprint, source, fault, domain, domainOnly };
      return ceremony(context, request, reply.code(400), anchor, form);
    }
    leaveNotice(reply, context.config, 'done', 'trust.anchor.done', { name: anchor.subject });
    return reply.redirect(back);
  };
}

function ceremony(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  anchor: Anchor,
  form: {
    back: string;
    typed: string;
    source: string;
    fault: string | null;
    domain: string | null;
    domainOnly: boolean;
  },
) {
  const root = readOrNull(anchor.certificate);
  if (!root) throw new AppError('not-found');
  return reply.page('trust/confirm-anchor', {
    title: request.formats.t('trust.anchor.title'),
    place: 'trust',
    anchor,
    root,
    expired: root.notAfter < context.now(),
    ...form,
  });
}
