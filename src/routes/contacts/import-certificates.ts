import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { findContact } from '../../services/contacts/contacts.ts';
import { type ContactImport, importContactCertificates } from '../../services/contacts/import-contact-certificates.ts';
import { readCertificateUploads } from '../certificate-uploads.ts';
import { contactPage } from './contact-page.ts';
import { contactParam } from './params.ts';

/** `.cer`, `.crt`, `.p7b`, in DER or PEM, one or several. What a good file gave is kept when another one is wrong. */
export function importCertificates(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { t } = request.formats;
    const id = contactParam(request);
    const contact = await findContact(context, session, id);
    const uploads = await readCertificateUploads(request);
    const faults: string[] = uploads.tooLarge ? [t('contacts.import.too-large')] : [];
    if (uploads.files.length === 0 && !uploads.tooLarge) faults.push(t('contacts.import.no-file'));
    const results: Extract<ContactImport, { ok: true }>[] = [];
    for (const file of uploads.files) {
      const result = await importContactCertificates(context, session, contact, file.bytes);
      if (result.ok) results.push(result);
      else faults.push(t(`contacts.import.${result.problem}`, { file: file.name }));
    }
    const summary = summaryOf(results);
    if (faults.length > 0) {
      const kept = summary.stored > 0 ? [t('contacts.import.done', summary)] : [];
      reply.code(400);
      const now = await findContact(context, session, id);
      return contactPage(request, reply, now, context.now(), { faults: { files: [...faults, ...kept].join(' ') } });
    }
    const { kind, key } = noticeFor(summary);
    leaveNotice(reply, context.config, kind, key, summary);
    const fresh = results.flatMap((result) => result.stored).find((stored) => stored.outcome === 'added');
    const usable = summary.others === 0 && fresh !== undefined;
    return reply.redirect(usable ? `/contacts/${id}/ids/${fresh.id}/replace` : `/contacts/${id}`);
  };
}

type Summary = { stored: number; known: number; others: number; left: number; roots: number; chains: number };

function summaryOf(results: readonly Extract<ContactImport, { ok: true }>[]): Summary {
  const sum = (value: (result: Extract<ContactImport, { ok: true }>) => number) =>
    results.reduce((total, result) => total + value(result), 0);
  return {
    stored: sum((result) => result.stored.filter((one) => one.outcome !== 'known').length),
    known: sum((result) => result.stored.filter((one) => one.outcome === 'known').length),
    others: sum((result) => result.othersStored),
    left: sum((result) => result.othersLeft),
    roots: sum((result) => result.rootsOffered),
    chains: sum((result) => result.chainsExtended),
  };
}

function noticeFor(summary: Summary): { kind: 'done' | 'info'; key: string } {
  if (summary.others > 0) return { kind: 'info', key: 'contacts.import.others' };
  if (summary.stored > 0)
    return { kind: 'done', key: summary.roots > 0 ? 'contacts.import.doneRoots' : 'contacts.import.done' };
  if (summary.known > 0) return { kind: 'info', key: 'contacts.import.known' };
  if (summary.roots > 0) return { kind: 'info', key: 'contacts.import.onlyRoots' };
  return { kind: 'info', key: summary.chains > 0 ? 'contacts.import.chains' : 'contacts.import.onlyIssuers' };
}
