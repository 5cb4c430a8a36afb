import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { chooseFormat, EXPOSITION_TYPES, writeExposition } from '../../services/metrics/exposition.ts';
import { Metrics } from '../../services/metrics/gather-metrics.ts';
import { RequestDurations } from '../../services/metrics/request-durations.ts';

/**
 * Figures of this node for Prometheus. Who does not say the token of the settings, and everybody where there is none, gets what an
 * address gets that is not there. Registered before all pages, so that each of their requests is measured.
 */
export function metricsRoutes(app: FastifyInstance, context: Context): void {
  const durations = new RequestDurations();
  const metrics = new Metrics(context, durations);
  app.addHook('onResponse', async (request, reply) => {
    durations.add(request.routeOptions.url, request.method, reply.statusCode, reply.elapsedTime / 1000);
  });
  app.addHook('onClose', async () => metrics.close());
  app.get('/metrics', { config: { public: true } }, async (request, reply) => {
    if (!saysToken(context.config.metricsToken, request.headers.authorization)) return reply.callNotFound();
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
