import type { ServerOptions } from 'node:https';
import { parse } from 'node:querystring';
import { fileURLToPath } from 'node:url';
import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import multipart from '@fastify/multipart';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { Context } from './context.ts';
import { administrationPlugin } from './plugins/administration.ts';
import { clientCertificatePlugin } from './plugins/client-certificate.ts';
import { csrfPlugin } from './plugins/csrf.ts';
import { errorPages } from './plugins/error-pages.ts';
import { PAGE_POLICY, securityHeaders } from './plugins/security-headers.ts';
import { sessionPlugin } from './plugins/session.ts';
import { viewPlugin } from './plugins/view.ts';
import { administrationRoutes } from './routes/administration/routes.ts';
import { certificateRequestRoutes } from './routes/certificate-requests/routes.ts';
import { contactRoutes } from './routes/contacts/routes.ts';
import { draftRoutes } from './routes/drafts/routes.ts';
import { expiryRoutes } from './routes/expiry/routes.ts';
import { firstStepsRoutes } from './routes/first-steps/routes.ts';
import { healthRoutes } from './routes/health/routes.ts';
import { helpRoutes } from './routes/help/routes.ts';
import { identityRoutes } from './routes/identities/routes.ts';
import { keyRoutes } from './routes/keys/routes.ts';
import { letterRoutes } from './routes/letters/routes.ts';
import { messageRoutes } from './routes/messages/routes.ts';
import { measureRequests, metricsRoutes } from './routes/metrics/routes.ts';
import { pkiRoutes } from './routes/pki/routes.ts';
import { publishingRoutes } from './routes/publishing/routes.ts';
import { recoveryRoutes } from './routes/recovery/routes.ts';
import { registrationRoutes } from './routes/registration/routes.ts';
import { sessionRoutes } from './routes/sessions/routes.ts';
import { settingsRoutes } from './routes/settings/routes.ts';
import { trustRoutes } from './routes/trust/routes.ts';
import { welcomeRoutes } from './routes/welcome/routes.ts';

const PUBLIC_FOLDER = fileURLToPath(new URL('../public', import.meta.url));
const FORM_BYTES = 4 * 1024 * 1024;
const FORM_FIELDS = 1000;

/** The whole application: plugins first, then every routes file by name. Nothing listens here. */
export async function buildApp(context: Context): Promise<FastifyInstance> {
  const { config } = context;
  const app = fastify({
    ...ownTls(config),
    logger: loggerFor(config.logLevel),
    bodyLimit: FORM_BYTES,
    trustProxy: config.trustedProxies.length > 0 ? config.trustedProxies : false,
    // The longest is the id of a folder: `parseFolder`.
    routerOptions: { maxParamLength: 1400 },
    frameworkErrors: (_error, _request, reply) => refuseAddress(reply as unknown as FastifyReply),
  }) as FastifyInstance;
  await app.register(securityHeaders, { config });
  await app.register(fastifyStatic, {
    root: PUBLIC_FOLDER,
    wildcard: false,
    cacheControl: false,
    setHeaders: (reply) => reply.header('cache-control', 'no-cache'),
  });
  const durations = measureRequests(app);
  healthRoutes(app, context);
  publishingRoutes(app, context);

  await app.register(async (pages) => {
    await pages.register(cookie);
    await pages.register(formbody, { bodyLimit: FORM_BYTES, parser: readForm });
    await pages.register(multipart);
    await pages.register(clientCertificatePlugin, { config });
    await pages.register(sessionPlugin, { context });
    await pages.register(administrationPlugin, { context });
    await pages.register(csrfPlugin, { context });
    await pages.register(viewPlugin, { context });
    await pages.register(errorPages);

    sessionRoutes(pages, context);
    welcomeRoutes(pages, context);
    keyRoutes(pages, context);
    recoveryRoutes(pages, context);
    firstStepsRoutes(pages, context);
    messageRoutes(pages, context);
    draftRoutes(pages, context);
    letterRoutes(pages, context);
    contactRoutes(pages, context);
    identityRoutes(pages, context);
    certificateRequestRoutes(pages, context);
    trustRoutes(pages, context);
    administrationRoutes(pages, context);
    expiryRoutes(pages, context);
    settingsRoutes(pages, context);
    pkiRoutes(pages, context);
    helpRoutes(pages, context);
    registrationRoutes(pages, context);
    metricsRoutes(pages, context, durations);
  });
  return app;
}

/**
 * A node without a proxy in front. A browser is asked for a certificate, whoever issued it: the handshake proves that it has the key,
 * and what the certificate is worth is judged at the sign-in, where a person can be told (T22).
 */
function ownTls({ tls, clientCertificates }: Context['config']): { https?: ServerOptions } {
  if (tls === null) return {};
  const asks = clientCertificates === 'node';
  return {
    https: {
      cert: tls.certificate,
      key: tls.privateKey,
      minVersion: 'TLSv1.2',
      requestCert: asks,
      rejectUnauthorized: false,
    },
  };
}

/** An address that cannot be decoded never reaches a route or its hooks. */
function refuseAddress(reply: FastifyReply): void {
  reply.headers({
    'content-security-policy': PAGE_POLICY,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  reply.code(400).type('text/plain; charset=utf-8').send('This address is not understood.');
}

/** U+0000 stands in no form that a person fills, and no text of Postgres can hold it; HTML reads it as U+FFFD too. */
function readForm(text: string): Record<string, unknown> {
  return parse(text.replace(/%00|\0/g, '%EF%BF%BD'), '&', '=', { maxKeys: FORM_FIELDS });
}

/** Paths only: a query may name an address or a search. Never bodies, cookies or headers. */
function loggerFor(level: Context['config']['logLevel']) {
  if (level === 'silent') return false;
  return {
    level,
    serializers: {
      req: (request: { method: string; url: string }) => ({ method: request.method, path: request.url.split('?')[0] }),
    },
  };
}
