import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { addressDomain } from '../../mail/address.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { type AnchorSource, offerAnchor, programmeAnchorOf } from '../../services/trust/trust-anchors.ts';
import { untrustedPathOf } from '../../services/trust/untrusted-signer.ts';
import { namedSubject } from './trust-subject.ts';

/**
 * "Confirm by phone" on a signer that is not trusted (S03): the chain, the ceremony for its root where the root is at
 * hand, and the ways on where it is not (S04) or where only this certificate shall be trusted (S11).
 */
export function settleIssuer(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const { subject, status, home, reference } = await namedSubject(context, request, request.query);
    if (!subject) {
      const key = status === 'trusted' || status === 'mismatch' ? 'trust.settle.trusted' : 'trust.settle.nothing';
      leaveNotice(reply, context.config, 'info', key);
      return reply.redirect(home);
    }
    const path = await untrustedPathOf(context, session, subject);
    const here = `/trust/confirm?${new URLSearchParams(reference)}`;
    const ofProgramme = path.root ? await programmeAnchorOf(context, session, path.root.sha256) : null;
    // Offered only: a row that grants nothing, for the ceremony to name.
    const offered =
      path.root && !ofProgramme
        ? await offerAnchor(
            context.database,
            session.account,
            path.root,
            sourceOf(path.rootCame, reference),
            context.now(),
          )
        : null;
    return reply.page('trust/settle', {
      title: t('trust.settle.title'),
      place: 'trust',
      leaf: subject.leaf,
      partner: subject.leaf.commonName ?? subject.leaf.addresses[0] ?? '',
      chain: path.chain,
      root: path.root,
      rootCame: path.rootCame,
      others: path.otherReasons.map((reason) => t(`verdict.reason.${reason}`)),
      alreadyTrusted: offered?.state === 'trusted',
      confirmAction: offered ? `/trust/anchors/${offered.id}/confirm` : null,
      acceptHref: ofProgramme ? `/trust/programme/${ofProgramme.id}/accept?back=${encodeURIComponent(home)}` : null,
      certificateHref: `/trust/certificates/confirm?${new URLSearchParams(reference)}`,
      askAction: offered && offered.state !== 'trusted' ? `/trust/anchors/${offered.id}/ask` : null,
      domain: domainOf(subject.leaf.addresses),
      isMessage: 'folder' in reference,
      reference,
      home,
      here,
    });
  };
}

/** The one domain of a certificate's addresses: a root can be believed for it alone. */
function domainOf(addresses: readonly string[]): string | null {
  const domains = new Set(addresses.map(addressDomain));
  return domains.size === 1 ? ([...domains][0] ?? null) : null;
}

function sourceOf(rootCame: boolean, reference: Record<string, string>): AnchorSource {
  if (!rootCame) return 'file';
  return 'folder' in reference ? 'message' : 'contact';
}
