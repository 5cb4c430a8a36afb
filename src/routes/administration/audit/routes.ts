import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { showCheck, startCheckAction } from './check-trail.ts';
import { exportTrailAction } from './export-trail.ts';
import { showTrail } from './show-trail.ts';

export function auditRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  const central = { config: { administration: 'central' } } as const;

  app.get('/administration/audit', country, showTrail(context));
  app.post('/administration/audit/export', country, exportTrailAction(context));
  app.get('/administration/audit/check', central, showCheck(context));
  app.post('/administration/audit/check', central, startCheckAction(context));
}
