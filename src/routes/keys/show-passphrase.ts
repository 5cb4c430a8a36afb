import type { FastifyReply, FastifyRequest } from 'fastify';
import { signedIn } from '../../plugins/session.ts';

/** One address for both: the first passphrase, and later its change. */
export function showPassphrase() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    return signedIn(request).hasVault
      ? reply.page('keys/change-passphrase', { title: t('keys.change.title'), faults: {} })
      : reply.page('keys/create-passphrase', { title: t('keys.create.title'), faults: {} });
  };
}
