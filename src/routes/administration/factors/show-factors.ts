import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { listFactors } from '../../../services/administration/factors.ts';
import { beginPasskey, PASSKEY_NAME_MAX, PASSKEYS_MOST } from '../../../services/administration/passkeys.ts';

/** The administrator's own second factors: codes and passkeys. */
export function showFactors(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => factorsPage(context, request, reply, '', {});
}

export async function factorsPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  faults: { name?: string; password?: string; passkey?: string },
) {
  const session = signedIn(request);
  const factors = await listFactors(context.database, session.account.id);
  const hasRoom = factors.passkeys.length < PASSKEYS_MOST;
  return reply.page('administration/factors/show', {
    title: request.formats.t('passkeys.title'),
    place: 'administration',
    section: 'factors',
    role: session.account.role,
    ...factors,
    isLast: factors.passkeys.length + (factors.totpSince === null ? 0 : 1) <= 1,
    hasRoom,
    options: hasRoom ? JSON.stringify(await beginPasskey(context, session)) : null,
    nameMax: PASSKEY_NAME_MAX,
    name,
    faults,
  });
}
