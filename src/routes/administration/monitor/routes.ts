import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { showMonitor, showWatched } from './show-monitor.ts';

/** How everything that this installation rests on stands, and stood (T24). */
export function monitorRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;

  app.get('/administration/monitor', country, showMonitor(context));
  app.get('/administration/monitor/:target', country, showWatched(context));
}
