import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { asksOutside } from '../../services/certificate-requests/certificate-requests.ts';
import { listIdentities, madeHereWithoutBackup } from '../../services/identities/identities.ts';
import { readOffered } from '../../services/issuing/offered.ts';
import { endingNotice } from '../expiry/ending-notice.ts';
import { presentIdentity } from './present-identity.ts';

export function listIdentitiesPage(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const [list, ending, mayRequest, offered] = await Promise.all([
      listIdentities(context, signedIn(request)),
      endingNotice(context, request, ['own']),
      asksOutside(context, signedIn(request)),
      readOffered(context, signedIn(request)),
    ]);
    const missing = await madeHereWithoutBackup(context, signedIn(request));
    const identities = list.map((each) => presentIdentity(request.formats, each));
    return reply.page('identities/list', {
      title: request.formats.t('identities.title'),
      place: 'digital-ids',
      current: identities.filter((each) => each.state === 'active'),
      old: identities.filter((each) => each.state !== 'active'),
      ending,
      mayRequest,
      offered: offered !== null,
      withoutBackup: missing ? `/digital-ids/${missing}/backup` : null,
    });
  };
}
