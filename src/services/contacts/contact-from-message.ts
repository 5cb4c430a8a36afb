import type { Context } from '../../context.ts';
import { addressKey, addressProblem, sameAddress } from '../../mail/address.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { OpenedMessage, SignerSummary } from '../../smime/verdict.ts';
import type { SignedIn } from '../sessions/session.ts';
import { noteCapabilities, noteHeaderProtection } from './contact-capabilities.ts';
import { type DigitalIdSource, mayBeIssuer, type StoredDigitalId, storeDigitalId } from './contact-certificates.ts';
import { readable, readOrNull } from './contact-marks.ts';
import { addContact, auditContact } from './contacts.ts';

export type FromMessage =
  | {
      ok: true;
      contactId: string;
      name: string;
      address: string;
      isNew: boolean;
      /** Set when a default exists and another Digital ID for encryption came: the clerk decides */
      replacement: string | null;
      stored: StoredDigitalId[];
    }
  | { ok: false; reason: 'not-signed' | 'not-intact' | 'no-certificate' | 'no-address' };

/**
 * "Add to contacts" (T19, S02): stores the signer with the Digital ID the message was signed with, and the one the signer
 * asks to be encrypted to. Only an intact signature grants this; one whose issuer is not trusted yet is stored too and
 * gets its X (S04). The contact is the person of the certificate, never the one a forged From line names.
 */
export async function addContactFromMessage(
  context: Context,
  session: SignedIn,
  opened: OpenedMessage,
): Promise<FromMessage> {
  const signer = signerToAdd(opened);
  if (signer === 'not-signed' || signer === 'not-intact') return { ok: false, reason: signer };
  const certificate = signer.certificate ? readOrNull(signer.certificate.der) : null;
  if (!certificate) return { ok: false, reason: 'no-certificate' };
  const address = contactAddress(opened, certificate);
  if (address === null) return { ok: false, reason: 'no-address' };
  const at = context.now();
  const name = nameOf(opened, certificate, address);
  const contact = await addContact(context, session, { name, address });
  const { ids, capabilitiesOf } = digitalIdsOf(opened, signer, certificate);
  const chain = [...readable(signer.path.map((one) => one.der)), ...carried(signer)].filter(mayBeIssuer);
  const source: DigitalIdSource = opened.signature.status === 'untrusted' ? 'untrusted-message' : 'signed-message';
  const stored: StoredDigitalId[] = [];
  for (const one of ids) {
    const kept = await storeDigitalId(context.database, contact.id, { certificate: one, chain, source }, at);
    if (one.sha256 === capabilitiesOf) await noteCapabilities(context.database, kept.id, signer, at);
    if (kept.outcome !== 'known') await auditContact(context, session, one.sha256, 'digital-id-stored');
    stored.push(kept);
  }
  await noteHeaderProtection(context, session, opened);
  const replacement = await replacementAmong(context, contact.id, stored, capabilitiesOf);
  return { ok: true, contactId: contact.id, name, address, isNew: contact.outcome === 'added', replacement, stored };
}

/** The signature that grants it, of the From address where there is one; or why there is none. */
function signerToAdd(opened: OpenedMessage): SignerSummary | 'not-signed' | 'not-intact' {
  const { status, signers } = opened.signature;
  if (status === 'none' || status === 'partial') return 'not-signed';
  // security.md: `invalid` grants nothing that a signature grants.
  if (status === 'invalid') return 'not-intact';
  const intact = signers.filter((signer) => signer.intact && signer.status !== 'invalid');
  const from = opened.from[0]?.address ?? '';
  const ofSender = intact.find((signer) => signer.addresses.some((address) => sameAddress(address, from)));
  return ofSender ?? intact[0] ?? 'not-intact';
}

function contactAddress(opened: OpenedMessage, certificate: Certificate): string | null {
  const from = opened.from[0]?.address ?? '';
  const usable = certificate.addresses.filter((address) => addressProblem(address) === null);
  return usable.find((address) => sameAddress(address, from)) ?? usable[0] ?? null;
}

/** The certificate's name; the From line's only where the certificate belongs to its address. */
function nameOf(opened: OpenedMessage, certificate: Certificate, address: string): string {
  const from = opened.from[0];
  const written = from && sameAddress(from.address, address) ? from.name : '';
  const name =
    certificate.commonName && !sameAddress(certificate.commonName, address) ? certificate.commonName : written;
  return (name || address).slice(0, 200);
}

/** The encryption certificate is a second one for people with split keys (RFC 8551 section 2.5.3). */
function digitalIdsOf(
  opened: OpenedMessage,
  signer: SignerSummary,
  certificate: Certificate,
): { ids: Certificate[]; capabilitiesOf: string } {
  const wanted = signer.encryptionCertificate;
  if (wanted === null || wanted === certificate.sha256)
    return { ids: [certificate], capabilitiesOf: certificate.sha256 };
  const named = carried(signer).find((one) => one.sha256 === wanted);
  const samePerson = named?.addresses.some((each) =>
    certificate.addresses.some((own) => addressKey(own) === addressKey(each)),
  );
  if (!named || !samePerson) return { ids: [certificate], capabilitiesOf: certificate.sha256 };
  // An untrusted signer could name somebody's real certificate and announce weak algorithms for it.
  const believed = opened.signature.status === 'trusted';
  return { ids: [named, certificate], capabilitiesOf: believed ? named.sha256 : certificate.sha256 };
}

function carried(signer: SignerSummary): Certificate[] {
  return readable(signer.certificates.map((one) => one.der));
}

async function replacementAmong(
  context: Context,
  contactId: string,
  stored: readonly StoredDigitalId[],
  encryptedTo: string,
): Promise<string | null> {
  const rows = await context.database.prisma.contactCertificate.findMany({
    where: {
      contactId,
      id: { in: stored.filter((one) => one.outcome === 'added').map((one) => one.id) },
      isDefault: false,
    },
  });
  const fresh = rows.find((row) => row.sha256 === encryptedTo);
  const defaults = await context.database.prisma.contactCertificate.count({ where: { contactId, isDefault: true } });
  const newDefault = stored.some((one) => one.outcome === 'default');
  return fresh && defaults > 0 && !newDefault ? fresh.id : null;
}
