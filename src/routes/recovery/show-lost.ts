import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn } from '../../plugins/session.ts';
import { administratorsOf } from '../../services/administration/address-lists.ts';
import { lostVaults } from '../../services/recovery/restore-keys.ts';
import { readAtStake } from '../../services/recovery/start-over.ts';
import { presentAtStake } from './present-at-stake.ts';

/** What can be recovered with what is left, and what cannot: said before anything is done. */
export function showLost(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const [atStake, lost, administrators] = await Promise.all([
      readAtStake(context, session),
      lostVaults(context, session),
      administratorsOf(context, session.account.countryId),
    ]);
    return reply.page('recovery/lost', {
      title: request.formats.t('recovery.lost.title'),
      place: 'digital-ids',
      hasVault: session.hasVault,
      isTest: session.account.country.programme.phase === 'test',
      atStake: presentAtStake(request.formats, atStake),
      mayRestore: lost.length > 0,
      administrators: administrators.map(({ firstName, surname, address }) => `${firstName} ${surname}, ${address}`),
    });
  };
}
