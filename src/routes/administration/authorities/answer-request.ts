import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import type { Certificate } from '../../../pki/certificate.ts';
import { readCertificates } from '../../../pki/certificate-bundle.ts';
import { PkiError } from '../../../pki/errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  type CompletedRequest,
  completeRequest,
  discardRequest,
  findAuthorityRequest,
} from '../../../services/authorities/authority-requests.ts';
import { readCertificateUploads } from '../../certificate-uploads.ts';
import { AUTHORITIES, idOf, passphrase, wrongPassphraseFault } from './authority-form.ts';

type AuthorityRequest = Awaited<ReturnType<typeof findAuthorityRequest>>;

/** The request goes out from here, and the certificate comes back in. */
export function showRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const row = await findAuthorityRequest(context, signedIn(request), idOf(request, 'request'));
    return requestPage(request, reply, row, {});
  };
}

/** PKCS#10 as PEM (RFC 7468 section 7), which every authority takes. */
export function downloadRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const row = await findAuthorityRequest(context, signedIn(request), idOf(request, 'request'));
    return reply
      .type('application/pkcs10')
      .header('content-disposition', 'attachment; filename="issuing-ca.csr"')
      .header('content-security-policy', 'sandbox')
      .send(pemOf(row));
  };
}

export function completeAuthorityRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const session = signedIn(request);
    const uploads = await readCertificateUploads(request);
    const row = await findAuthorityRequest(context, session, idOf(request, 'request'));
    const certificates = readAll(uploads.files);
    if (certificates === null || certificates.length === 0) {
      const what = uploads.tooLarge ? 'too-large' : certificates === null ? 'unreadable' : 'no-file';
      return requestPage(request, reply.code(400), row, { files: t(`authorities.file.${what}`) });
    }
    const typed = passphrase.parse(uploads.fields.get('passphrase'));
    const result = await completeRequest(context, session, row, { certificates, passphrase: typed });
    if (!result.ok) return refused(request, reply, row, result);
    leaveNotice(reply, context.config, 'done', 'authorities.adopted');
    return reply.redirect(afterAdoption(result.rootToConfirm));
  };
}

export function discardAuthorityRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    await discardRequest(context, session, await findAuthorityRequest(context, session, idOf(request, 'request')));
    leaveNotice(reply, context.config, 'done', 'authorities.request.discarded');
    return reply.redirect(AUTHORITIES);
  };
}

/** A root that came along is compared before anybody trusts it (T13). */
export function afterAdoption(rootToConfirm: string | null): string {
  return rootToConfirm === null ? AUTHORITIES : `/administration/trust/roots/${rootToConfirm}/confirm`;
}

function refused(
  request: FastifyRequest,
  reply: FastifyReply,
  row: AuthorityRequest,
  result: Extract<CompletedRequest, { ok: false }>,
) {
  const isPassphrase = result.problem === 'wrong-passphrase' || result.problem === 'too-many-attempts';
  if (isPassphrase)
    return requestPage(request, reply.code(result.problem === 'too-many-attempts' ? 429 : 401), row, {
      passphrase: wrongPassphraseFault(request, result),
    });
  const faults = { files: request.formats.t(`authorities.misfit.${result.problem}`) };
  return requestPage(request, reply.code(422), row, faults);
}

function readAll(files: readonly { bytes: Buffer }[]): Certificate[] | null {
  try {
    return files.flatMap(({ bytes }) => readCertificates(bytes));
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

function requestPage(
  request: FastifyRequest,
  reply: FastifyReply,
  row: AuthorityRequest,
  faults: Record<string, string>,
) {
  return reply.page('administration/authorities/show-request', {
    title: request.formats.t('authorities.request.show', { name: request.formats.plainName(row.name) }),
    place: 'administration',
    row,
    pem: pemOf(row),
    faults,
  });
}

function pemOf({ request }: AuthorityRequest): string {
  const lines = Buffer.from(request)
    .toString('base64')
    .match(/.{1,64}/g);
  return `-----BEGIN CERTIFICATE REQUEST-----\n${(lines ?? []).join('\n')}\n-----END CERTIFICATE REQUEST-----\n`;
}
