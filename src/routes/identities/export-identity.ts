import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { signedIn } from '../../plugins/session.ts';
import { type ExportedFile, exportCertificate } from '../../services/identities/export-identity.ts';
import { identityIdOf } from './identity-id.ts';

const Params = z.object({ form: z.enum(['p7b', 'cer']) });

const MEDIA_TYPES = {
  p7b: 'application/x-pkcs7-certificates',
  cer: 'application/pkix-cert',
  pfx: 'application/x-pkcs12',
  csr: 'application/pkcs10',
} as const;

/** Public halves only; needs no keys. */
export function exportIdentity(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const params = Params.safeParse(request.params);
    if (!params.success) throw new AppError('not-found');
    const file = await exportCertificate(context, signedIn(request), identityIdOf(request), params.data.form);
    return sendFile(reply, file, params.data.form);
  };
}

/** Names are plain ASCII (`ExportedFile`), so they need no encoding in the header. */
export function sendFile(reply: FastifyReply, file: ExportedFile, kind: keyof typeof MEDIA_TYPES) {
  return reply
    .type(MEDIA_TYPES[kind])
    .header('content-disposition', `attachment; filename="${file.name}"`)
    .header('content-security-policy', 'sandbox')
    .send(file.bytes);
}
