import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { chooseFormat, EXPOSITION_TYPES, writeExposition } from '../../services/metrics/exposition.ts';
import { Metrics } from '../../services/metrics/gather-metrics.ts';
import { RequestDurations } from '../../services/metrics/request-durations.ts';

/** Measures each request from here on, so that it stands before all routes. */
export function measureRequests(app: FastifyInstance): RequestDurations {
  const durations = new RequestDurations();
  app.addHook('onResponse', async (request, reply) => {
    durations.add(request.routeOptions.url, request.method, reply.statusCode, reply.elapsedTime / 1000);
  });
  return durations;
}

/**
 * Figures of this node for Prometheus. Who does not say the token of the settings, and everybody where there is none, gets what an
 * address gets that is not there.
 */
export function metricsRoutes(app: FastifyInstance, context: Context, durations: RequestDurations): void {
  const metrics = new Metrics(context, durations);
  app.addHook('onClose', async () => metrics.close());
  app.get('/metrics', { config: { public: true } }, async (request, reply) => {
    if (!saysToken(context.config.metricsToken, request.headers.authorization)) throw new AppError('not-found');
    const format = chooseFormat(request.headers.accept);
    const text = writeExposition(await metrics.gather(), format);
    return reply.type(EXPOSITION_TYPES[format]).send(text);
  });
}

/** By hashes, so that neither time nor length tells anything of it. */
function saysToken(token: string | null, said: string | undefined): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  const [, given = ''] = /^Bearer (\S{1,300})$/i.exec(said ?? '') ?? [];
  return timingSafeEqual(hash(given), hash(token ?? '')) && token !== null;
}
