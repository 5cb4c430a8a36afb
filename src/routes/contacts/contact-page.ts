import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Formats } from '../../i18n/formats.ts';
import { canEncrypt, canSign } from '../../pki/certificate.ts';
import type { CertificateMark } from '../../services/contacts/contact-marks.ts';
import type { ContactWithIds, StoredId } from '../../services/contacts/contacts.ts';
import { linkTrack } from '../../services/contacts/secure-link.ts';
import { newLinkNonce } from '../../services/contacts/secure-link-letters.ts';

/** V or X in words, as the views show it. */
export type ShownMark = { usable: boolean; text: string; why: string[] };

/** The words of a mark; `digitalIds` tells "none stored" from "no default chosen". */
export function showMark(formats: Formats, mark: CertificateMark | null, digitalIds: number): ShownMark {
  const { t, date } = formats;
  if (mark === null) {
    return {
      usable: false,
      text: t(digitalIds === 0 ? 'contacts.mark.no-digital-id' : 'contacts.mark.no-default'),
      why: [],
    };
  }
  const until = date(mark.until);
  if (mark.reason === null) {
    const why = mark.explicitlyTrusted ? [t('contacts.mark.explicit')] : [];
    return { usable: true, text: t('contacts.mark.usable', { date: until }), why };
  }
  const why = mark.details
    .filter((reason) => reason !== 'issuer-not-trusted')
    .map((reason) => t(`verdict.reason.${reason}`));
  return { usable: false, text: t(`contacts.mark.${mark.reason}`, { date: until }), why };
}

/** One Digital ID with everything its card and its properties show. */
export function showDigitalId(formats: Formats, contact: ContactWithIds, id: StoredId, now: Date) {
  const { t } = formats;
  const { row, certificate, mark } = id;
  const uses = canSign(certificate) ? (canEncrypt(certificate) ? 'both' : 'sign') : 'encrypt';
  const base = `/contacts/${contact.id}/ids/${row.id}`;
  return {
    id: row.id,
    title: certificate.commonName ?? certificate.addresses[0] ?? certificate.subject,
    certificate,
    isDefault: row.isDefault,
    vx: showMark(formats, mark, 1),
    use: t(`contacts.id.use.${uses}`),
    daysLeft: mark.usable ? t('contacts.id.daysLeft', { count: formats.daysBetween(now, certificate.notAfter) }) : null,
    capabilities: row.capabilities,
    capabilitiesAt: row.capabilitiesAt,
    source: t(`contacts.id.source.${row.source}`),
    addedAt: row.addedAt,
    canBeDefault: !row.isDefault && canEncrypt(certificate),
    hrefs: {
      makeDefault: `${base}/default`,
      replace: `${base}/replace`,
      remove: `${base}/remove`,
      export: `${base}/certificate.cer`,
      trust: mark.reason === 'not-trusted' ? `/trust/confirm?certificate=${row.id}` : null,
    },
  };
}

export type ContactFaults = { name?: string; note?: string; files?: string; link?: string };

export type TypedContact = { name: string; note: string; showsProtectedSubject: boolean };

/** The contact page, also with what was wrong in one of its forms; what was typed stands in `typed`. */
export function contactPage(
  request: FastifyRequest,
  reply: FastifyReply,
  contact: ContactWithIds,
  now: Date,
  failed: { faults: ContactFaults; typed?: TypedContact } = { faults: {} },
) {
  const { formats } = request;
  const ids = contact.digitalIds.map((id) => showDigitalId(formats, contact, id, now));
  const standard = contact.digitalIds.find((id) => id.row.isDefault) ?? null;
  const fresh = standard
    ? contact.digitalIds.find((id) => !id.row.isDefault && id.mark.usable && id.row.addedAt > standard.row.addedAt)
    : undefined;
  const steps = linkTrack(contact);
  return reply.page('contacts/show', {
    title: contact.name,
    place: 'contacts',
    contact,
    mark: showMark(formats, standard?.mark ?? null, ids.length),
    ids,
    fresh: fresh ? { addedAt: fresh.row.addedAt, href: `/contacts/${contact.id}/ids/${fresh.row.id}/replace` } : null,
    link: {
      state: contact.linkState,
      steps: steps.map((step) => ({ ...step, text: formats.t(`contacts.link.state.${step.state}`) })),
      next: formats.t(`contacts.link.next.${contact.linkState}`, { name: contact.name }),
      canTest: standard?.mark.usable ?? false,
      nonce: newLinkNonce(),
    },
    typed: failed.typed ?? {
      name: contact.name,
      note: contact.note,
      showsProtectedSubject: contact.showsProtectedSubject === true,
    },
    faults: failed.faults,
  });
}
