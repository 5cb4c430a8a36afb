import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Contact, ContactCertificate } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import { type Certificate, canEncrypt } from '../../pki/certificate.ts';
import type { AuditAction } from '../audit.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type CertificateMark, markCertificates, readable, readOrNull } from './contact-marks.ts';

export const CONTACTS_A_PAGE = 50;

export type ContactRow = Contact & {
  /** Mark of the default; null where there is none */
  mark: CertificateMark | null;
  /** How many Digital IDs are stored, the default among them */
  digitalIds: number;
};

export type StoredId = {
  row: ContactCertificate;
  certificate: Certificate;
  chain: Certificate[];
  mark: CertificateMark;
};
export type ContactWithIds = Contact & { digitalIds: StoredId[] };

/** One page of the account's contacts by name; `page` counts from 1. */
export async function listContacts(
  context: Context,
  session: SignedIn,
  page: number,
): Promise<{ contacts: ContactRow[]; total: number }> {
  const { database } = context;
  const where = { accountId: session.account.id };
  const [total, contacts] = await Promise.all([
    database.prisma.contact.count({ where }),
    database.prisma.contact.findMany({
      where,
      orderBy: [{ name: 'asc' }, { addressKey: 'asc' }],
      skip: (page - 1) * CONTACTS_A_PAGE,
      take: CONTACTS_A_PAGE,
      include: { certificates: { where: { isDefault: true } }, _count: { select: { certificates: true } } },
    }),
  ]);
  const stored = contacts.flatMap((contact) => {
    const row = contact.certificates[0];
    const certificate = row ? readOrNull(row.certificate) : null;
    return row && certificate
      ? [{ certificate, chain: row.chain, address: contact.address, contactId: contact.id }]
      : [];
  });
  const marks = await markCertificates(context, stored, { account: session.account, at: context.now() });
  const markOf = new Map(stored.map((one, index) => [one.contactId, marks[index]]));
  return {
    total,
    contacts: contacts.map(({ certificates, _count, ...contact }) => {
      return { ...contact, mark: markOf.get(contact.id) ?? null, digitalIds: _count.certificates };
    }),
  };
}

/** The contact with all its Digital IDs, the default first. @throws AppError not-found, also for somebody else's */
export async function findContact(context: Context, session: SignedIn, id: string): Promise<ContactWithIds> {
  const { database } = context;
  const found = await database.prisma.contact.findFirst({
    where: { id, accountId: session.account.id },
    include: { certificates: { orderBy: [{ isDefault: 'desc' }, { addedAt: 'desc' }, { id: 'asc' }] } },
  });
  if (!found) throw new AppError('not-found');
  const { certificates, ...contact } = found;
  const readableIds = certificates.flatMap((row) => {
    const certificate = readOrNull(row.certificate);
    return certificate ? [{ row, certificate }] : [];
  });
  const subjects = readableIds.map(({ row, certificate }) => ({
    certificate,
    chain: row.chain,
    address: contact.address,
  }));
  const marks = await markCertificates(context, subjects, { account: session.account, at: context.now() });
  const digitalIds = readableIds.map(({ row, certificate }, index) => {
    return { row, certificate, chain: readable(row.chain), mark: marks[index] as CertificateMark };
  });
  return { ...contact, digitalIds };
}

/** One Digital ID of a contact. @throws AppError not-found */
export function digitalIdOf(contact: ContactWithIds, id: string): StoredId {
  const found = contact.digitalIds.find((one) => one.row.id === id);
  if (!found) throw new AppError('not-found');
  return found;
}

export type AddedContact = { id: string; outcome: 'added' | 'known' };

/** A contact by name and address; the same address a second time is the contact that exists. */
export async function addContact(
  context: Context,
  session: SignedIn,
  given: { name: string; address: string },
): Promise<AddedContact> {
  const { prisma } = context.database;
  const key = addressKey(given.address);
  const created = await prisma.contact.createMany({
    skipDuplicates: true,
    data: {
      accountId: session.account.id,
      name: given.name || given.address,
      address: given.address,
      addressKey: key,
      createdAt: context.now(),
    },
  });
  const contact = await prisma.contact.findUniqueOrThrow({
    where: { accountId_addressKey: { accountId: session.account.id, addressKey: key } },
  });
  if (created.count === 1) await auditContact(context, session, contact.id, 'contact-added');
  // Asked for a link by address alone, the contact gets its name with the answer (S02).
  else if (given.name && addressKey(contact.name) === key) {
    await prisma.contact.update({ where: { id: contact.id }, data: { name: given.name } });
  }
  return { id: contact.id, outcome: created.count === 1 ? 'added' : 'known' };
}

/**
 * New name and note; the address stays, since Digital IDs are bound to it. A box that was empty and stays so is no decision:
 * whether hidden subjects are shown may still be learnt from the contact's mail.
 */
export async function updateContact(
  context: Context,
  session: SignedIn,
  contact: Pick<Contact, 'id' | 'showsProtectedSubject'>,
  to: { name: string; note: string; showsProtectedSubject: boolean },
): Promise<void> {
  const { id, showsProtectedSubject: before } = contact;
  const showsProtectedSubject = to.showsProtectedSubject || (before === null ? null : false);
  const changed = await context.database.prisma.contact.updateMany({
    where: { id, accountId: session.account.id },
    data: { name: to.name, note: to.note, showsProtectedSubject },
  });
  if (changed.count === 0) throw new AppError('not-found');
}

/** The contact and its Digital IDs; letters already sent keep theirs. */
export async function removeContact(context: Context, session: SignedIn, id: string): Promise<void> {
  const removed = await context.database.prisma.contact.deleteMany({ where: { id, accountId: session.account.id } });
  if (removed.count === 0) throw new AppError('not-found');
  await auditContact(context, session, id, 'contact-removed');
}

/**
 * Makes a Digital ID the one that mail is encrypted to.
 * @returns false where it has no key for encryption, so that nothing could be encrypted to it
 */
export async function makeDefault(
  context: Context,
  session: SignedIn,
  contact: ContactWithIds,
  digitalId: StoredId,
): Promise<boolean> {
  if (!canEncrypt(digitalId.certificate)) return false;
  const { prisma } = context.database;
  await prisma.$transaction(async (tx) => {
    await tx.$queryRaw`select id from contact where id = ${contact.id}::uuid for update`;
    await tx.contactCertificate.updateMany({ where: { contactId: contact.id }, data: { isDefault: false } });
    await tx.contactCertificate.updateMany({
      where: { contactId: contact.id, id: digitalId.row.id },
      data: { isDefault: true },
    });
  });
  await auditContact(context, session, digitalId.row.sha256, 'default-chosen');
  return true;
}

/** Removes one Digital ID; without a default nothing can be encrypted to the contact (T20): none is chosen instead. */
export async function removeDigitalId(context: Context, session: SignedIn, digitalId: StoredId): Promise<void> {
  await context.database.prisma.contactCertificate.deleteMany({
    where: { id: digitalId.row.id, contact: { accountId: session.account.id } },
  });
  await auditContact(context, session, digitalId.row.sha256, 'digital-id-removed');
}

/** For signatures that came without their certificate: those stored for these senders. */
export async function signersOnFile(
  context: Context,
  session: SignedIn,
  addresses: readonly string[],
): Promise<Uint8Array[]> {
  const rows = await context.database.prisma.contactCertificate.findMany({
    where: { contact: { accountId: session.account.id, addressKey: { in: addresses.map(addressKey) } } },
    select: { certificate: true },
    take: 20,
  });
  return rows.map((row) => row.certificate);
}

export async function auditContact(context: Context, session: SignedIn, object: string, reason: string): Promise<void> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'contact-change' satisfies AuditAction,
    object,
    result: 'done',
    reason,
  });
}
