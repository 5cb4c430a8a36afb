import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { restoreAction, showRestore } from './restore.ts';
import { showLost } from './show-lost.ts';
import { showStartOver, startOverAction } from './start-over.ts';

export function recoveryRoutes(app: FastifyInstance, context: Context): void {
  app.get('/keys/lost', showLost(context));
  app.get('/keys/start-over', showStartOver(context));
  app.post('/keys/start-over', startOverAction(context));
  app.get('/keys/restore', showRestore(context));
  app.post('/keys/restore', restoreAction(context));
}
