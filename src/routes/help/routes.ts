import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { showHelp } from './show-help.ts';
import { showPartnerHelp } from './show-partner-help.ts';

/** Public: outside partners read it without an account (S13). */
export function helpRoutes(app: FastifyInstance, context: Context): void {
  app.get('/help', { config: { public: true } }, showHelp());
  app.get('/help/partners', { config: { public: true } }, showPartnerHelp(context));
}
