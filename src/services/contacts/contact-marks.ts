import { createHash } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { Account, DigitalId } from '../../generated/prisma/client.ts';
import { addressKey, sameAddress } from '../../mail/address.ts';
import { type Certificate, canEncrypt, parseCertificate } from '../../pki/certificate.ts';
import { PkiError } from '../../pki/errors.ts';
import type { PathReason } from '../../pki/path.ts';
import { UNCHECKED } from '../../pki/revocation.ts';
import type { PathJudgement, TrustBytes } from '../../smime/worker-jobs.ts';
import type { Database } from '../database/connect.ts';
import { encryptionIdentity } from '../identities/own-keys.ts';
import { askResponders } from '../revocation/ocsp-answers.ts';
import { trustOf } from '../trust/trust-of.ts';

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
  'revocation-unchecked',
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

/** A stored certificate with what came along with it, and the address it shall be used for. */
export type MarkedSubject = { certificate: Certificate; chain: readonly Uint8Array[]; address: string };

/** What is asked about certificates apart from themselves. */
export type Judging = {
  account: Pick<Account, 'id'>;
  at: Date;
  /** As if this root or this explicitly trusted certificate were not there; SHA-256 */
  without?: string;
};

type JudgingContext = Pick<Context, 'database' | 'workers' | 'revocation' | 'fetcher' | 'now'>;

/**
 * V or X for certificates, in the order given (T16). What a person can do nothing about comes first: revoked, over,
 * another address, no key for encryption; then the path, which is judged in a worker: nobody waits for a hostile chain.
 */
export async function markCertificates(
  context: JudgingContext,
  subjects: readonly MarkedSubject[],
  by: Judging,
): Promise<CertificateMark[]> {
  if (subjects.length === 0) return [];
  const hashes = subjects.map(({ certificate }) => certificate.sha256);
  const [revoked, required, trust] = await Promise.all([
    revokedAmong(context.database, hashes),
    requiresRevocation(context.database, by.account.id),
    trustFor(context, by, subjects),
  ]);
  let judged = await judgePaths(context, subjects, trust, by);
  if (await askAboutUnchecked(context, judged))
    judged = await judgePaths(context, subjects, await trustFor(context, by, subjects), by);
  return subjects.map((subject, index) => {
    const { certificate } = subject;
    const own = ownReason(subject, by.at);
    const path = judged[index] ?? UNREADABLE;
    const explicitlyTrusted = trust.explicitlyTrusted.includes(certificate.sha256);
    const takenBack = revoked.has(certificate.sha256) || path.revocation.status === 'revoked';
    const found = takenBack
      ? REVOKED
      : own !== null
        ? { reason: own, details: [] }
        : pathReason(path, { explicitlyTrusted, required });
    return { ...found, usable: found.reason === null, explicitlyTrusted, until: certificate.notAfter };
  });
}

/** Asks once for what is not known, where it may be asked for. True when there is news. */
async function askAboutUnchecked(context: JudgingContext, judged: readonly (PathJudgement | null)[]): Promise<boolean> {
  const open = judged.filter((one) => one?.valid && one.revocation.status === 'unchecked');
  const news = await Promise.all(
    open.map((one) => askResponders(context, one?.path ?? [], { judgedBy: 'all-at-hand' })),
  );
  return news.includes(true);
}

/** Whether the account's programme wants to know of revocation before anything is encrypted. */
async function requiresRevocation(database: Database, accountId: string): Promise<boolean> {
  const requiring = await database.prisma.account.count({
    where: { id: accountId, country: { programme: { revocationPolicy: 'require' } } },
  });
  return requiring > 0;
}

type FoundReason = Pick<CertificateMark, 'reason' | 'details'>;

const REVOKED: FoundReason = { reason: 'revoked', details: [] };
const UNREADABLE: PathJudgement = {
  valid: false,
  reasons: ['too-complex'],
  validAlone: false,
  aloneReasons: ['too-complex'],
  revocation: UNCHECKED,
  path: [],
};

async function trustFor(
  context: JudgingContext,
  { account, at, without }: Judging,
  subjects: readonly MarkedSubject[],
): Promise<TrustBytes> {
  const trust = await trustOf(context.database, account.id);
  // Of authorities, too: what a responder said about one concerns everybody below it.
  const authorities = [...trust.intermediates, ...subjects.flatMap(({ chain }) => chain)].map(sha256Of);
  const certificates = [...new Set([...subjects.map(({ certificate }) => certificate.sha256), ...authorities])];
  const revocation = await context.revocation.evidence(account.id, { certificates, earlier: [] }, at);
  const anchors = trust.anchors.filter((der) => without === undefined || sha256Of(der) !== without);
  return { ...trust, anchors, explicitlyTrusted: trust.explicitlyTrusted.filter((one) => one !== without), revocation };
}

async function judgePaths(
  context: JudgingContext,
  subjects: readonly MarkedSubject[],
  trust: TrustBytes,
  { account, at }: Judging,
): Promise<readonly (PathJudgement | null)[]> {
  const job = {
    kind: 'judge' as const,
    subjects: subjects.map(({ certificate, chain }) => ({ certificate: certificate.der, chain })),
    trust,
    at,
    masterKey: null,
  };
  const result = await context.workers.run<'judge'>(job, account.id);
  if (result.ok) return result.value;
  // One hostile chain must not take the marks of all others with it.
  if (result.code !== 'too-complex' || subjects.length === 1) return subjects.map(() => null);
  const half = Math.ceil(subjects.length / 2);
  return [
    ...(await judgePaths(context, subjects.slice(0, half), trust, { account, at })),
    ...(await judgePaths(context, subjects.slice(half), trust, { account, at })),
  ];
}

/** What the certificate says about itself. */
function ownReason({ certificate, address }: MarkedSubject, at: Date): MarkReason | null {
  // Valid through its last second (RFC 5280 section 4.1.2.5).
  if (at.getTime() >= certificate.notAfter.getTime() + 1000) return 'expired';
  if (at < certificate.notBefore) return 'not-yet-valid';
  const key = addressKey(address);
  if (!certificate.addresses.some((each) => addressKey(each) === key)) return 'address-differs';
  return canEncrypt(certificate) ? null : 'no-encryption-key';
}

function pathReason(
  path: PathJudgement,
  { explicitlyTrusted, required }: { explicitlyTrusted: boolean; required: boolean },
): FoundReason {
  const unchecked = required && path.revocation.status === 'unchecked';
  const settled: FoundReason = { reason: unchecked ? 'revocation-unchecked' : null, details: [] };
  if (path.valid) return settled;
  if (!explicitlyTrusted) return { reason: 'not-trusted', details: path.reasons };
  // Explicit trust stands in for the path, not for life, strength and purpose of the certificate itself.
  return path.validAlone ? settled : { reason: 'not-trusted', details: path.aloneReasons };
}

/**
 * The mark of each address, in the order given: whether a letter can be encrypted to it now, and with what. The one
 * place that decides, for compose and for contacts.
 */
export async function recipientMarks(
  context: JudgingContext,
  account: Pick<Account, 'id' | 'address' | 'signingIdentityId' | 'encryptionIdentityId'>,
  addresses: readonly string[],
  at: Date,
): Promise<RecipientMark[]> {
  const { database } = context;
  const contacts = await database.prisma.contact.findMany({
    where: { accountId: account.id, addressKey: { in: addresses.map(addressKey) } },
    include: { certificates: { where: { isDefault: true } } },
  });
  const stored = contacts.flatMap((contact) => {
    const row = contact.certificates[0];
    const certificate = row ? readOrNull(row.certificate) : null;
    return row && certificate ? [{ row, certificate, chain: row.chain, address: contact.address }] : [];
  });
  const marks = await markCertificates(context, stored, { account, at });
  const judged = new Map(stored.map((one, index) => [one.row.contactId, { ...one, mark: marks[index] }]));
  const known = new Map(contacts.map((contact) => [contact.addressKey, contact]));
  const own = addresses.some((address) => sameAddress(address, account.address))
    ? await encryptionIdentity(database, account, at)
    : null;
  return addresses.map((address) => {
    if (own && sameAddress(address, account.address)) return ownMark(address, own);
    const contact = known.get(addressKey(address));
    if (!contact) return unmarked(address, '', null, 'no-contact');
    const found = judged.get(contact.id);
    const mark = found?.mark;
    const showsProtectedSubject = contact.showsProtectedSubject === true;
    if (!found || !mark) {
      return { ...unmarked(address, contact.name, contact.id, 'no-digital-id'), showsProtectedSubject };
    }
    return {
      address,
      name: contact.name,
      contactId: contact.id,
      usable: mark.usable,
      reason: mark.reason,
      details: mark.details,
      until: mark.until,
      sha256: found.certificate.sha256,
      certificate: mark.usable ? found.row.certificate : null,
      capabilities: found.row.capabilities,
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

function sha256Of(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
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
