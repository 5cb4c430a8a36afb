import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { showSetupCheck, startSetupCheckAction } from './setup-check.ts';

/** Everything that this installation, or one country, needs of the network, tried at once (T08). */
export function setupCheckRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;

  app.get('/administration/setup-check', country, showSetupCheck(context));
  app.post('/administration/setup-check', country, startSetupCheckAction(context));
}
