import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { showHelp } from './show-help.ts';

/** Public: outside partners read it without an account (S13). */
export function helpRoutes(app: FastifyInstance, _context: Context): void {
  app.get('/help', { config: { public: true } }, showHelp());
}
