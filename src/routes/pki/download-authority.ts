import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { toPem, writeCertificateBundle } from '../../pki/certificate-bundle.ts';
import { publishedPath } from '../../services/publishing/published-path.ts';

const Params = z.object({ file: z.string().regex(/^[0-9a-f]{64}\.(cer|crt|p7b)$/) });

/** `.cer` and `.crt` with the one certificate in DER and PEM; `.p7b` with the path up to the root. */
export function downloadAuthority(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    const [sha256 = '', form = ''] = params.data?.file.split('.') ?? [];
    const path = await publishedPath(context.database, sha256);
    const certificate = path[0];
    if (!certificate) throw new AppError('not-found');
    const name = (certificate.commonName ?? 'authority').replace(/[^\w.-]+/g, '-');
    reply
      .header('content-disposition', `attachment; filename="${name}.${form}"`)
      .header('content-security-policy', 'sandbox')
      // What has this thumbprint never changes.
      .header('cache-control', 'public, max-age=86400')
      .header('cross-origin-resource-policy', 'cross-origin');
    if (form === 'cer') return reply.type('application/pkix-cert').send(certificate.der);
    if (form === 'crt') return reply.type('application/x-pem-file').send(toPem([certificate]));
    return reply.type('application/x-pkcs7-certificates').send(writeCertificateBundle(path));
  };
}
