import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { listIssuedPage } from './list-issued.ts';
import { reinstateIssued, revokeIssued, showIssued } from './show-issued.ts';

/** Digital IDs that were issued here: to look for, to take back, and to give back what was only held. */
export function issuedRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  const central = { config: { administration: 'central' } } as const;

  app.get('/administration/digital-ids', country, listIssuedPage(context));
  app.get('/administration/digital-ids/:issued', country, showIssued(context));
  app.post('/administration/digital-ids/:issued/revoke', country, revokeIssued(context));
  app.post('/administration/digital-ids/:issued/reinstate', central, reinstateIssued(context));
}
