import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { acknowledgeEndingAction } from './acknowledge-ending.ts';
import { showEndings } from './show-endings.ts';

export function expiryRoutes(app: FastifyInstance, context: Context): void {
  app.get('/expiry', showEndings(context));
  app.post('/expiry/acknowledged', acknowledgeEndingAction(context));
}
