import type { Prisma } from '../../generated/prisma/client.ts';
import { type Certificate, canEncrypt, isAuthority } from '../../pki/certificate.ts';
import type { Database } from '../database/connect.ts';
import { readable } from './contact-marks.ts';
import { noteDigitalIdStored } from './secure-link.ts';

/** Where a contact's Digital ID came from; the page words it. */
export type DigitalIdSource = 'signed-message' | 'untrusted-message' | 'file' | 'directory';

export type NewDigitalId = {
  certificate: Certificate;
  /** Issuing certificates that came along; they grant nothing */
  chain: readonly Certificate[];
  source: DigitalIdSource;
};

/**
 * - `default`: stored, and now the one that mail is encrypted to, because there was none
 * - `added`: stored beside the default, which stays as it is until the clerk decides
 * - `known`: was stored already
 */
export type StoredDigitalId = { id: string; outcome: 'default' | 'added' | 'known'; sha256: string };

const MAX_CHAIN = 20;

/** Stores a Digital ID with a contact. Never replaces a default (security.md, "Never"). */
export async function storeDigitalId(
  database: Database,
  contactId: string,
  given: NewDigitalId,
  at: Date,
): Promise<StoredDigitalId> {
  const { certificate } = given;
  const stored = await database.prisma.$transaction(async (tx) => {
    // One at a time for a contact: two windows must not both find that there is no default.
    await tx.$queryRaw`select id from contact where id = ${contactId}::uuid for update`;
    const known = await tx.contactCertificate.findUnique({
      where: { contactId_sha256: { contactId, sha256: certificate.sha256 } },
    });
    if (known) {
      await extendChain(tx, known, given.chain);
      return { id: known.id, outcome: 'known' as const, sha256: certificate.sha256 };
    }
    const isDefault =
      canEncrypt(certificate) && (await tx.contactCertificate.count({ where: { contactId, isDefault: true } })) === 0;
    const row = await tx.contactCertificate.create({
      data: {
        contactId,
        certificate: new Uint8Array(certificate.der),
        chain: issuersOf(certificate, given.chain).map((one) => new Uint8Array(one.der)),
        sha256: certificate.sha256,
        notAfter: certificate.notAfter,
        isDefault,
        source: given.source,
        addedAt: at,
      },
    });
    return { id: row.id, outcome: isDefault ? ('default' as const) : ('added' as const), sha256: certificate.sha256 };
  });
  await noteDigitalIdStored(database, contactId, at);
  return stored;
}

/** Issuing certificates for the Digital IDs that the contact has already. @returns how many of them got a longer chain */
export async function storeIssuers(
  database: Database,
  contactId: string,
  issuers: readonly Certificate[],
): Promise<number> {
  const rows = await database.prisma.contactCertificate.findMany({ where: { contactId } });
  let extended = 0;
  for (const row of rows) if (await extendChain(database.prisma, row, issuers)) extended += 1;
  return extended;
}

async function extendChain(
  tx: Prisma.TransactionClient,
  row: { id: string; sha256: string; chain: Uint8Array[] },
  more: readonly Certificate[],
): Promise<boolean> {
  const before = readable(row.chain);
  const after = distinct([...before, ...more.filter((one) => one.sha256 !== row.sha256)]).slice(0, MAX_CHAIN);
  if (after.length === before.length) return false;
  await tx.contactCertificate.update({
    where: { id: row.id },
    data: { chain: after.map((one) => new Uint8Array(one.der)) },
  });
  return true;
}

function issuersOf(certificate: Certificate, given: readonly Certificate[]): Certificate[] {
  return distinct(given.filter((one) => one.sha256 !== certificate.sha256 && mayBeIssuer(one))).slice(0, MAX_CHAIN);
}

/** An authority; roots of version 1 carry no extension that would say so. */
export function mayBeIssuer(certificate: Certificate): boolean {
  return isAuthority(certificate) || (certificate.extensions.size === 0 && certificate.isSelfIssued);
}

function distinct(certificates: readonly Certificate[]): Certificate[] {
  return [...new Map(certificates.map((one) => [one.sha256, one])).values()];
}
