import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Account, Country, IssuedCertificate } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { authorityPath } from '../identities/authorities.ts';
import type { SignedIn } from '../sessions/session.ts';
import { storeDigitalId } from './contact-certificates.ts';
import { addContact, auditContact } from './contacts.ts';

const MOST_SHOWN = 50;

export type DirectoryEntry = {
  account: Pick<Account, 'id' | 'firstName' | 'surname' | 'address'>;
  country: Pick<Country, 'code' | 'isoCode'>;
  /** What mail to this person is encrypted to, if the reader trusts its issuer */
  certificate: Pick<IssuedCertificate, 'sha256' | 'notAfter'>;
  /** The reader's contact that has it already */
  contactId: string | null;
};

export type Directory = { entries: DirectoryEntry[]; hasMore: boolean };

/**
 * People of the own programme with what was issued to them here and is in force: an address book of certificates. To be found in it is a
 * suggestion and grants nothing (security.md): whether it counts is judged like any other, by the reader's own anchors.
 * @param asked part of a name or address; empty for all
 */
export async function readDirectory(context: Context, session: SignedIn, asked: string): Promise<Directory> {
  const words = asked.split(/\s+/).filter(Boolean).slice(0, 5);
  // Prisma leaves the wildcards of LIKE as they are.
  const part = (word: string) => ({ contains: word.replace(/[\\%_]/g, '\\$&'), mode: 'insensitive' as const });
  const rows = await context.database.prisma.account.findMany({
    where: {
      ...inDirectory(context, session),
      AND: words.map((word) => ({
        OR: [{ firstName: part(word) }, { surname: part(word) }, { address: part(word) }],
      })),
    },
    orderBy: [{ surname: 'asc' }, { firstName: 'asc' }],
    take: MOST_SHOWN + 1,
    select: {
      ...{ id: true, firstName: true, surname: true, address: true },
      country: { select: { code: true, isoCode: true } },
      issuedCertificates: { where: usable(context), orderBy: { issuedAt: 'desc' }, take: 1 },
    },
  });
  const shown = rows.slice(0, MOST_SHOWN);
  const kept = await context.database.prisma.contactCertificate.findMany({
    where: {
      contact: { accountId: session.account.id },
      sha256: { in: shown.flatMap((row) => row.issuedCertificates.map((each) => each.sha256)) },
    },
    select: { contactId: true, sha256: true },
  });
  const entries = shown.flatMap(({ issuedCertificates: [certificate], country, ...account }) =>
    certificate
      ? [
          {
            ...{ account, country, certificate },
            contactId: kept.find((each) => each.sha256 === certificate.sha256)?.contactId ?? null,
          },
        ]
      : [],
  );
  return { entries, hasMore: rows.length > MOST_SHOWN };
}

/** Which of these addresses stand in it: a way for who has no Digital ID of theirs yet. */
export async function addressesInDirectory(
  context: Context,
  session: SignedIn,
  addresses: readonly string[],
): Promise<Set<string>> {
  if (addresses.length === 0) return new Set();
  const rows = await context.database.prisma.account.findMany({
    where: { ...inDirectory(context, session), addressKey: { in: addresses.map(addressKey) } },
    select: { addressKey: true },
  });
  return new Set(rows.map((row) => row.addressKey));
}

/**
 * Puts somebody with their Digital ID among the contacts. A default that is there stays.
 * @throws AppError not-found
 */
export async function addFromDirectory(
  context: Context,
  session: SignedIn,
  accountId: string,
): Promise<{ contactId: string; name: string }> {
  const found = await context.database.prisma.account.findFirst({
    where: { ...inDirectory(context, session), id: accountId },
    include: { issuedCertificates: { where: usable(context), orderBy: { issuedAt: 'desc' }, take: 1 } },
  });
  const issued = found?.issuedCertificates[0];
  if (!found || !issued) throw new AppError('not-found');
  const name = `${found.firstName} ${found.surname}`;
  const contact = await addContact(context, session, { name, address: found.address });
  const certificate = parseCertificate(issued.certificate);
  const { sha256 } = await context.database.prisma.authority.findUniqueOrThrow({ where: { id: issued.authorityId } });
  const chain = await authorityPath(context.database, sha256);
  const at = context.now();
  const stored = await storeDigitalId(context.database, contact.id, { certificate, chain, source: 'directory' }, at);
  if (stored.outcome !== 'known') await auditContact(context, session, certificate.sha256, 'digital-id-stored');
  return { contactId: contact.id, name };
}

function usable(context: Context) {
  const at = context.now();
  return {
    usage: { in: ['both', 'encrypt'] },
    revokedAt: null,
    notBefore: { lte: at },
    notAfter: { gt: at },
    issuance: { closedAt: null },
  };
}

/** Others of the programme who may sign in. */
function inDirectory(context: Context, session: SignedIn) {
  return {
    id: { not: session.account.id },
    state: 'active' as const,
    country: { programmeId: session.account.country.programmeId },
    issuedCertificates: { some: usable(context) },
  };
}
