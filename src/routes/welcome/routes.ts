import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { chooseFirstPassword, showWelcome } from './welcome.ts';

/** Public: whoever comes here has an address and a code, and no password yet. */
export function welcomeRoutes(app: FastifyInstance, context: Context): void {
  const visitors = { config: { public: true, visitForm: true } } as const;
  app.get('/welcome', visitors, showWelcome());
  app.post('/welcome', visitors, chooseFirstPassword(context));
}
