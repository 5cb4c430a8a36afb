import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { showTrace } from './show-trace.ts';

/** T24: each hop of a message over the relays, by its Message-ID. */
export function messageTraceRoutes(app: FastifyInstance, context: Context): void {
  app.get('/administration/message-trace', { config: { administration: 'central' } }, showTrace(context));
}
