import { createHash, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import type { ClientCertificate } from '../services/sessions/client-certificate.ts';

const HEADER = 'x-client-certificate';

declare module 'fastify' {
  interface FastifyRequest {
    /** The certificate whose key the browser proved to have in the TLS handshake; what it is worth is not judged here (T22) */
    clientCertificate: ClientCertificate | null;
  }
}

/** Reads the browser's certificate from the node's own TLS, or from the header of a trusted proxy and of nobody else. */
export const clientCertificatePlugin = fp(
  async (app, { config }: { config: Config }) => {
    app.decorateRequest('clientCertificate', null);
    if (config.clientCertificates === 'none') return;
    const read = config.clientCertificates === 'node' ? fromHandshake : fromProxy;
    app.addHook('onRequest', async (request) => {
      const der = read(request);
      if (der === null) return;
      request.clientCertificate = { der, sha256: createHash('sha256').update(der).digest('hex') };
    });
  },
  { name: 'client-certificate' },
);

function fromHandshake({ raw: { socket } }: FastifyRequest): Buffer | null {
  return socket instanceof TLSSocket ? (socket.getPeerX509Certificate()?.raw ?? null) : null;
}

/** URL-encoded PEM, as nginx writes `$ssl_client_escaped_cert`. */
function fromProxy(request: FastifyRequest): Buffer | null {
  const header = request.headers[HEADER];
  // Addresses are passed on by trusted proxies only: a second one in the list says that the peer is one.
  if (typeof header !== 'string' || header === '' || (request.ips?.length ?? 0) < 2) return null;
  try {
    return new X509Certificate(decodeURIComponent(header)).raw;
  } catch {
    return null;
  }
}
