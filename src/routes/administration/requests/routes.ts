import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { noteLossAction, showStandings } from './show-standings.ts';

export function requestStandingRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  app.get('/administration/requests', country, showStandings(context));
  app.post('/administration/losses/:loss/seen', country, noteLossAction(context));
}
