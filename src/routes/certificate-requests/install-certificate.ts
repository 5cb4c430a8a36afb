import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { findRequest } from '../../services/certificate-requests/certificate-requests.ts';
import {
  type AnswerMisfit,
  type InstallResult,
  installCertificate,
} from '../../services/certificate-requests/install-certificate.ts';
import { findIdentity } from '../../services/identities/identities.ts';
import { readCertificateUploads } from '../certificate-uploads.ts';
import { presentIdentity } from '../identities/present-identity.ts';
import { requestIdOf } from './params.ts';
import { requestPage } from './show-request.ts';

const PASTED_MAX = 100_000;

/** Files and pasted text together are one answer of the authority. What was pasted stays in the form when it is refused. */
export function installCertificateAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const id = requestIdOf(request);
    const uploads = await readCertificateUploads(request);
    // A locked vault sends the person to the unlock page; an id of somebody else must not.
    await findRequest(context, session, id);
    const masterKey = unlockedKey(request);
    const pasted = (uploads.fields.get('pasted') ?? '').slice(0, PASTED_MAX);
    if (uploads.tooLarge)
      return requestPage(context, request, reply.code(413), { faults: [t('requests.install.too-large')], pasted });
    const inputs = uploads.files.map((file) => file.bytes).filter((bytes) => bytes.length > 0);
    if (pasted.trim() !== '') inputs.push(Buffer.from(pasted));
    const result = await installCertificate(context, session, id, inputs, masterKey);
    if (!result.ok)
      return requestPage(context, request, reply.code(400), { faults: faultsOf(request, result), pasted });
    return installedPage(context, request, reply, id, result);
  };
}

function faultsOf(request: FastifyRequest, result: Extract<InstallResult, { ok: false }>): string[] {
  if (result.problem !== 'misfit') return [request.formats.t(`requests.install.${result.problem}`)];
  return result.misfits.map((misfit) => misfitText(request, misfit));
}

function misfitText(request: FastifyRequest, { code, name, addresses, notBefore, notAfter }: AnswerMisfit): string {
  const { t, list, plainName, date } = request.formats;
  return t(`requests.misfit.${code}`, {
    name: plainName(name),
    found: list(addresses.map(plainName)),
    own: signedIn(request).account.address,
    from: date(notBefore),
    to: date(notAfter),
  });
}

/** Shown once: what came in, what else is needed, and that no root is trusted by it (T13). */
async function installedPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  result: Extract<InstallResult, { ok: true }>,
) {
  const session = signedIn(request);
  const { formats } = request;
  const installed = [];
  for (const { digitalIdId } of result.installed)
    installed.push(presentIdentity(formats, await findIdentity(context, session, digitalIdId)));
  return reply.page('certificate-requests/installed', {
    title: formats.t('requests.installed.title'),
    place: 'digital-ids',
    installed,
    complete: result.complete,
    misfits: result.misfits.map((misfit) => misfitText(request, misfit)),
    roots: result.roots.map((root) => ({
      name: formats.plainName(root.subject),
      href: `/trust/anchors/${root.id}/confirm?next=${encodeURIComponent('/digital-ids')}`,
    })),
    requestHref: `/digital-ids/requests/${id}`,
  });
}
