import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { revokeIssuing, revokeSigner, showLists, signLists } from './lists.ts';

/** What the authorities publish, until when it is good, and the ceremony that renews it. */
export function listRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;

  app.get('/administration/lists', central, showLists(context));
  app.post('/administration/lists/:authority/sign', central, signLists(context));
  app.post('/administration/lists/:authority/revoke', central, revokeIssuing(context));
  app.post('/administration/lists/:authority/signer/revoke', central, revokeSigner(context));
}
