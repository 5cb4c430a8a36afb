import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { certifyKey, revokeKey, showKey } from './evidence-key.ts';

/** T24: the key that signs the evidence of sent messages. */
export function evidenceKeyRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  app.get('/administration/evidence', central, showKey(context));
  app.post('/administration/evidence', central, certifyKey(context));
  app.post('/administration/evidence/:signer/revoke', central, revokeKey(context));
}
