import type { Account, DigitalId } from '../../generated/prisma/client.ts';
import { addressKey, sameAddress } from '../../mail/address.ts';
import { type Certificate, canEncrypt, parseCertificate } from '../../pki/certificate.ts';
import { PkiError } from '../../pki/errors.ts';
import { type PathReason, validatePath } from '../../pki/path.ts';
import type { Database } from '../database/connect.ts';
import { encryptionIdentity } from '../identities/own-keys.ts';
import { type TrustMaterial, trustOf } from '../trust/trust-of.ts';

/** Why a Digital ID cannot be encrypted to now: the X of row T16. */
export const MARK_REASONS = [
  'no-contact',
  'no-digital-id',
  'expired',
  'not-yet-valid',
  'not-trusted',
  'address-differs',
  'no-encryption-key',
  'revoked',
] as const;
export type MarkReason = (typeof MARK_REASONS)[number];

export type CertificateMark = {
  usable: boolean;
  reason: MarkReason | null;
  /** With `not-trusted`: what is wrong with the path, in words of the closed list of reasons */
  details: readonly PathReason[];
  /** The certificate was trusted by itself, its issuer was not (S11) */
  explicitlyTrusted: boolean;
  until: Date;
};

export type RecipientMark = {
  /** As it was asked for */
  address: string;
  name: string;
  contactId: string | null;
  usable: boolean;
  reason: MarkReason | null;
  details: readonly PathReason[];
  /** End of the certificate's life, whatever the mark */
  until: Date | null;
  sha256: string | null;
  /** DER of the certificate to encrypt to; null unless usable */
  certificate: Uint8Array | null;
  /** What the contact's program announced that it can read (T29) */
  capabilities: string[];
  /** A subject that is hidden on the way is shown to the contact (RFC 9788) */
  showsProtectedSubject: boolean;
};

/** What certificates are judged by: read once for all of a page. */
export type Judgement = {
  anchors: readonly Certificate[];
  intermediates: readonly Certificate[];
  explicitlyTrusted: ReadonlySet<string>;
  /** SHA-256 of those known to be revoked */
  revoked: ReadonlySet<string>;
  at: Date;
};

/** The account's trust, ready for `markCertificate`. Certificates that can no longer be read are left out. */
export function judgementOf(trust: TrustMaterial, revoked: ReadonlySet<string>, at: Date): Judgement {
  return {
    anchors: readable(trust.anchors),
    intermediates: readable(trust.intermediates),
    explicitlyTrusted: new Set(trust.explicitlyTrusted),
    revoked,
    at,
  };
}

/**
 * V or X for one certificate and the address it shall be used for, now (T16). What a person can do nothing about comes
 * first: revoked, over, another address, no key for encryption; then the path.
 */
export function markCertificate(
  certificate: Certificate,
  chain: readonly Certificate[],
  address: string,
  by: Judgement,
): CertificateMark {
  const explicitlyTrusted = by.explicitlyTrusted.has(certificate.sha256);
  const mark = (reason: MarkReason | null, details: readonly PathReason[] = []): CertificateMark => ({
    usable: reason === null,
    reason,
    details,
    explicitlyTrusted,
    until: certificate.notAfter,
  });
  const key = addressKey(address);
  if (by.revoked.has(certificate.sha256)) return mark('revoked');
  // Valid through its last second (RFC 5280 section 4.1.2.5).
  if (by.at.getTime() >= certificate.notAfter.getTime() + 1000) return mark('expired');
  if (by.at < certificate.notBefore) return mark('not-yet-valid');
  if (!certificate.addresses.some((each) => addressKey(each) === key)) return mark('address-differs');
  if (!canEncrypt(certificate)) return mark('no-encryption-key');
  const path = validatePath({
    leaf: certificate,
    candidates: [...chain, ...by.intermediates],
    anchors: by.anchors,
    at: by.at,
    purpose: 'email',
  });
  if (path.valid) return mark(null);
  if (!explicitlyTrusted) return mark('not-trusted', path.reasons);
  // Explicit trust stands in for the path, not for life, strength and purpose of the certificate itself.
  const alone = validatePath({
    leaf: certificate,
    candidates: [],
    anchors: [certificate],
    at: by.at,
    purpose: 'email',
  });
  return alone.valid ? mark(null) : mark('not-trusted', alone.reasons);
}

/**
 * The mark of each address, in the order given: whether a letter can be encrypted to it now, and with what. The one
 * place that decides, for compose and for contacts.
 */
export async function recipientMarks(
  database: Database,
  account: Pick<Account, 'id' | 'address' | 'signingIdentityId' | 'encryptionIdentityId'>,
  addresses: readonly string[],
  at: Date,
): Promise<RecipientMark[]> {
  const contacts = await database.prisma.contact.findMany({
    where: { accountId: account.id, addressKey: { in: addresses.map(addressKey) } },
    include: { certificates: { where: { isDefault: true } } },
  });
  const judgement = await judgementFor(
    database,
    account.id,
    contacts.flatMap((contact) => contact.certificates.map((one) => one.sha256)),
    at,
  );
  const known = new Map(contacts.map((contact) => [contact.addressKey, contact]));
  const own = addresses.some((address) => sameAddress(address, account.address))
    ? await encryptionIdentity(database, account, at)
    : null;
  return addresses.map((address) => {
    if (own && sameAddress(address, account.address)) return ownMark(address, own);
    const contact = known.get(addressKey(address));
    if (!contact) return unmarked(address, '', null, 'no-contact');
    const stored = contact.certificates[0];
    const certificate = stored ? readOrNull(stored.certificate) : null;
    const showsProtectedSubject = contact.showsProtectedSubject === true;
    if (!stored || !certificate) {
      return { ...unmarked(address, contact.name, contact.id, 'no-digital-id'), showsProtectedSubject };
    }
    const mark = markCertificate(certificate, readable(stored.chain), address, judgement);
    return {
      address,
      name: contact.name,
      contactId: contact.id,
      usable: mark.usable,
      reason: mark.reason,
      details: mark.details,
      until: mark.until,
      sha256: certificate.sha256,
      certificate: mark.usable ? stored.certificate : null,
      capabilities: stored.capabilities,
      showsProtectedSubject,
    };
  });
}

/** Mail to oneself needs no trust in anybody: the key is at hand. */
function ownMark(address: string, own: DigitalId): RecipientMark {
  return {
    ...unmarked(address, own.commonName, null, null),
    usable: true,
    until: own.notAfter,
    sha256: own.sha256,
    certificate: own.certificate,
    // Read here, where hidden subjects are shown.
    showsProtectedSubject: true,
  };
}

/** Reads trust and revocation of an account once, to judge many certificates. */
export async function judgementFor(
  database: Database,
  accountId: string,
  sha256: readonly string[],
  at: Date,
): Promise<Judgement> {
  const [trust, revoked] = await Promise.all([trustOf(database, accountId), revokedAmong(database, sha256)]);
  return judgementOf(trust, revoked, at);
}

/** Which of these were revoked by the authority or given up by their holder in this installation: no secret of anybody's. */
async function revokedAmong(database: Database, sha256: readonly string[]): Promise<Set<string>> {
  if (sha256.length === 0) return new Set();
  const rows = await database.prisma.digitalId.findMany({
    where: { sha256: { in: [...sha256] }, state: 'revoked' },
    select: { sha256: true },
  });
  return new Set(rows.map((row) => row.sha256));
}

function unmarked(address: string, name: string, contactId: string | null, reason: MarkReason | null): RecipientMark {
  return {
    address,
    name,
    contactId,
    usable: false,
    reason,
    details: [],
    until: null,
    sha256: null,
    certificate: null,
    capabilities: [],
    showsProtectedSubject: false,
  };
}

/** Those of stored certificates that this version reads. */
export function readable(stored: readonly Uint8Array[]): Certificate[] {
  return stored.flatMap((der) => {
    const certificate = readOrNull(der);
    return certificate ? [certificate] : [];
  });
}

/** A stored certificate, or null where a newer version refuses what an older one took. */
export function readOrNull(der: Uint8Array): Certificate | null {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}
