import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { ownTrustRequests } from '../../services/administration/programme-trust.ts';
import { readRevocationOverview } from '../../services/revocation/revocation-lists.ts';
import { readTrustOverview } from '../../services/trust/trust-page.ts';
import { endingNotice } from '../expiry/ending-notice.ts';

export function showTrust(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => trustPage(context, request, reply, {});
}

/** The trust page, also with what was wrong with a file. */
export async function trustPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  faults: { files?: string; lists?: string },
) {
  const session = signedIn(request);
  const [overview, revocation, ending, requests] = await Promise.all([
    readTrustOverview(context, session),
    readRevocationOverview(context.database, session.account.id),
    endingNotice(context, request, ['root']),
    ownTrustRequests(context, session),
  ]);
  return reply.page('trust/show', {
    title: request.formats.t('trust.title'),
    place: 'trust',
    ...overview,
    programme: session.account.country.programme.name,
    programmeRoots: overview.programme,
    waiting: overview.offered.length + overview.programme.filter((anchor) => anchor.accepted === null).length,
    revocation,
    ending,
    requests,
    faults,
  });
}
