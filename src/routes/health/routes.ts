import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { isReady } from '../../services/readiness.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Set by whoever ends the node: from then on load balancers are told to turn elsewhere */
    readiness: { ending: boolean };
  }
}

/** For load balancers: no session, no cookie, no details. Ready is a node whose database answers and that is not about to end. */
export function healthRoutes(app: FastifyInstance, context: Context): void {
  app.decorate('readiness', { ending: false });
  app.get('/health/live', async () => ({ status: 'ok' }));
  app.get('/health/ready', async (_request, reply) => {
    if (!app.readiness.ending && (await isReady(context.database))) return { status: 'ok' };
    return reply.code(503).send({ status: 'not ready' });
  });
}
