import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { decide, showReleases } from './releases.ts';

/** Infected attachments that their holders ask for (T30). */
export function releaseRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  app.get('/administration/releases', country, showReleases(context));
  app.post('/administration/releases/:release', country, decide(context));
}
