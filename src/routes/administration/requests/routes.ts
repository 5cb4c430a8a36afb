import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { showStandings } from './show-standings.ts';

export function requestStandingRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  app.get('/administration/requests', country, showStandings(context));
}
