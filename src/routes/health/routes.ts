import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { isReady } from '../../services/readiness.ts';

/** For load balancers: no session, no cookie, no details. */
export function healthRoutes(app: FastifyInstance, context: Context): void {
  app.get('/health/live', async () => ({ status: 'ok' }));
  app.get('/health/ready', async (_request, reply) => {
    if (await isReady(context.database)) return { status: 'ok' };
    return reply.code(503).send({ status: 'database unreachable' });
  });
}
