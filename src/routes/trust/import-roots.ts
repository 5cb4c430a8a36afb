import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { readCertificateFile } from '../../services/contacts/import-contact-certificates.ts';
import { type OfferedAnchor, offerAnchor } from '../../services/trust/trust-anchors.ts';
import { readCertificateUploads } from '../certificate-uploads.ts';
import { backPath } from './params.ts';
import { trustPage } from './show-trust.ts';

/** Roots from a file are offered only; the ceremony decides. Certificates of persons and issuing CAs are refused in words. */
export function importRoots(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const uploads = await readCertificateUploads(request);
    const faults: string[] = uploads.tooLarge ? [t('trust.import.too-large')] : [];
    if (uploads.files.length === 0 && !uploads.tooLarge) faults.push(t('trust.import.no-file'));
    const offered = new Map<string, OfferedAnchor>();
    for (const upload of uploads.files) {
      const file = readCertificateFile(upload.bytes, null);
      const name = { file: upload.name };
      if (!file.ok) faults.push(t(`trust.import.${file.problem}`, name));
      else if (file.roots.length === 0) {
        faults.push(t(file.issuers.length > 0 ? 'trust.import.only-issuers' : 'trust.import.only-persons', name));
      } else {
        for (const root of file.roots) {
          const one = await offerAnchor(context.database, session.account, root, 'file', context.now());
          offered.set(one.id, one);
        }
      }
    }
    if (faults.length > 0) return trustPage(context, request, reply.code(400), { files: faults.join(' ') });
    const back = backPath(Object.fromEntries(uploads.fields));
    const open = [...offered.values()].filter((one) => one.state !== 'trusted');
    const first = open[0];
    if (!first) {
      leaveNotice(reply, context.config, 'info', 'trust.import.known');
      return reply.redirect(back);
    }
    // Back to the signer: with the root at hand its path can be shown whole.
    if (back.startsWith('/trust/confirm?')) return reply.redirect(back);
    if (open.length === 1) return reply.redirect(`/trust/anchors/${first.id}/confirm?back=${encodeURIComponent(back)}`);
    leaveNotice(reply, context.config, 'info', 'trust.import.offered', { count: open.length });
    return reply.redirect('/trust');
  };
}
