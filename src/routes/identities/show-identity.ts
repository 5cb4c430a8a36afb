import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { findIdentity, identityPath } from '../../services/identities/identities.ts';
import { identityIdOf } from './identity-id.ts';
import { presentIdentity } from './present-identity.ts';

export function showIdentity(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const summary = await findIdentity(context, session, identityIdOf(request));
    const identity = presentIdentity(request.formats, summary);
    const path = await identityPath(context, session, summary.row);
    return reply.page('identities/show', {
      title: identity.name,
      place: 'digital-ids',
      identity,
      // Thumbprints of a root that is not trusted yet are to come from the partner, not from this page (security.md, "Never").
      chain: { certificates: path.certificates.slice(1), startsWithPerson: false, fold: path.untrustedRoots },
      trustHref: path.waitingAnchorId
        ? `/trust/anchors/${path.waitingAnchorId}/confirm?next=${encodeURIComponent(identity.href)}`
        : null,
    });
  };
}
