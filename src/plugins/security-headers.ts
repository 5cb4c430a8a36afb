import fp from 'fastify-plugin';
import type { Config } from '../config.ts';

/** security.md, "Bars": for every page; the document of a message's body and attachments bring their own. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

export const securityHeaders = fp(
  async (app, { config }: { config: Config }) => {
    app.addHook('onSend', async (_request, reply) => {
      if (!reply.hasHeader('content-security-policy')) reply.header('content-security-policy', PAGE_POLICY);
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
      reply.header('x-content-type-options', 'nosniff');
      reply.header('referrer-policy', 'same-origin');
      reply.header('cross-origin-opener-policy', 'same-origin');
      if (!reply.hasHeader('cross-origin-resource-policy')) reply.header('cross-origin-resource-policy', 'same-origin');
      reply.header('x-frame-options', reply.getHeader('x-frame-options') ?? 'DENY');
      reply.header('permissions-policy', 'camera=(), microphone=(), geolocation=(), payment=()');
      if (config.secure) reply.header('strict-transport-security', 'max-age=63072000; includeSubDomains');
    });
  },
  { name: 'security-headers' },
);
