import diagnostics from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

export type Route = { method: 'GET' | 'POST'; url: string; public: boolean; background: boolean; multipart: boolean };

/**
 * Notes every route of an application that is built while `build` runs, as Fastify registers it: what a test asks of all
 * routes is then asked of the next one too. Files of `public/` are left out.
 */
export async function noteRoutes<T>(build: () => Promise<T>): Promise<{ built: T; routes: Route[] }> {
  const routes: Route[] = [];
  const listen = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url, config }) => {
      const { public: open = false, background = false, multipart = false } = config ?? {};
      if (/\.(css|js|svg)$/.test(url)) return;
      for (const each of ['GET', 'POST'] as const) {
        const takes = [method].flat().includes(each);
        if (takes) routes.push({ method: each, url, public: open, background, multipart });
      }
    });
  };
  diagnostics.subscribe('fastify.initialization', listen);
  try {
    return { built: await build(), routes };
  } finally {
    diagnostics.unsubscribe('fastify.initialization', listen);
  }
}

/** `POST /drafts/:draft` */
export function nameOf(route: Pick<Route, 'method' | 'url'>): string {
  return `${route.method} ${route.url}`;
}
