import pg from 'pg';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { Prisma } from '../../generated/prisma/client.ts';
import { type Certificate, isAuthority, parseCertificate } from '../../pki/certificate.ts';
import { EXTENDED_KEY_USAGE } from '../../pki/certificate-extensions.ts';
import { chainAbove, mayHaveIssued } from '../../pki/pkcs12-identities.ts';
import type { Pkcs12Failure } from '../../pki/pkcs12-read.ts';
import type { SealedIdentity } from '../../smime/worker-jobs.ts';
import type { Database } from '../database/connect.ts';
import { countAttempt, forgetAttempts } from '../sessions/attempts.ts';
import type { SignedIn, SignedInAccount } from '../sessions/session.ts';
import { holdVault, privateKeyContext } from '../sessions/vault.ts';
import { type AnchorSource, offerAnchor } from '../trust/trust-anchors.ts';
import { hasAddress } from './own-keys.ts';
import { disjoint, identityData, putIntoUse } from './stored-identity.ts';

export const PFX_LIMIT_BYTES = 1024 * 1024;
const IMPORT_LIMIT = 20;
const RSA_MIN_BITS = 2048;

/** Why an imported Digital ID can only read old mail. */
export type RetiredReason = 'expired' | 'weak-key' | 'wrong-purpose';

export type ImportedIdentity = {
  id: string;
  /** `other-in-use`: in production one is in use, and the one that is lasts longer (T21) */
  retired: RetiredReason | 'other-in-use' | null;
  notYetValid: boolean;
};
export type RefusedIdentity = {
  reason: 'address-differs' | 'already-there';
  addresses: readonly string[];
  id: string | null;
};
export type OfferedRoot = { id: string; subject: string };

export type ImportResult =
  | { ok: true; imported: ImportedIdentity[]; refused: RefusedIdentity[]; roots: OfferedRoot[] }
  | { ok: false; code: Pkcs12Failure | 'busy' }
  | { ok: false; code: 'too-many-attempts'; retryAt: Date }
  /** Nothing of it could be taken; each with its reason */
  | { ok: false; code: 'nothing-imported'; refused: RefusedIdentity[] };

/** Memory shared with the worker: hash iterations done, and those the file asks for in all; zeros until it has begun. */
export function importProgress(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
}

/**
 * Takes the Digital IDs out of a `.pfx`. Each private key is sealed under the master key before it leaves the worker.
 * A certificate for another address is refused (T02); what cannot sign any more is kept for reading old mail (T26); a
 * root inside is offered and trusted by nobody (T13).
 */
export async function importIdentities(
  context: Context,
  session: SignedIn,
  file: { bytes: Buffer; password: string },
  masterKey: Uint8Array,
  progress: Int32Array = importProgress(),
): Promise<ImportResult> {
  const { database, config } = context;
  const { account } = session;
  const attemptKey = keyOf(config.serverKeys, config.serverKeys.current);
  const attempt = await countAttempt(database, 'import', account.id, IMPORT_LIMIT, attemptKey, context.now());
  if (!attempt.allowed)
    return refuse(context, session, { ok: false, code: 'too-many-attempts', retryAt: attempt.retryAt });
  const job = {
    kind: 'pkcs12-read',
    bytes: file.bytes,
    password: file.password,
    masterKey,
    contextPrefix: privateKeyContext(account.id, ''),
    progress,
  } as const;
  // A file may cost seconds of CPU: one at a time per person, on whatever node (security.md, "Bars").
  const answer = await oneAtATime(database, account.id, () => context.workers.run(job, account.id));
  if (answer === null) return refuse(context, session, { ok: false, code: 'busy' });
  if (!answer.ok && answer.code === 'too-complex') return refuse(context, session, { ok: false, code: 'too-costly' });
  if (!answer.ok) throw new Error(`reading a PKCS#12 file: ${answer.code}: ${answer.message}`);
  if (!answer.value.ok) return refuse(context, session, { ok: false, code: answer.value.code });
  await forgetAttempts(database, 'import', account.id, attemptKey);
  const result = await keepIdentities(context, session, answer.value.identities, answer.value.certificates, masterKey);
  return result.ok ? result : refuse(context, session, result);
}

async function refuse(
  context: Context,
  session: SignedIn,
  result: Extract<ImportResult, { ok: false }>,
): Promise<ImportResult> {
  await context.audit.record({ ...whoOf(session), object: 'pfx', result: 'refused', reason: result.code });
  return result;
}

function whoOf(session: SignedIn) {
  const { account, network } = session;
  return { accountId: account.id, actor: account.address, network, action: 'identity-import' } as const;
}

/**
 * A lock of the session of Postgres, so that a node that dies lets go of it; on a connection of its own, because it is held
 * for seconds and the pool is everybody's.
 * @returns null when this person's work runs already, here or on another node
 */
async function oneAtATime<T>(database: Database, accountId: string, work: () => Promise<T>): Promise<T | null> {
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  try {
    const taken = await client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as taken',
      [`import ${accountId}`],
    );
    return taken.rows[0]?.taken ? await work() : null;
  } finally {
    await client.end();
  }
}

async function keepIdentities(
  context: Context,
  session: SignedIn,
  identities: readonly SealedIdentity[],
  certificates: readonly Uint8Array[],
  masterKey: Uint8Array,
): Promise<Extract<ImportResult, { ok: true } | { code: 'nothing-imported' }>> {
  const { database } = context;
  const { account } = session;
  const at = context.now();
  const found = certificates.map((der) => parseCertificate(der));
  const known = await programmeAuthorities(database, account);
  const refused: RefusedIdentity[] = [];
  const wanted: NewIdentity[] = [];
  for (const identity of identities) {
    const certificate = parseCertificate(identity.certificateDer);
    if (hasAddress(certificate.addresses, account.address))
      wanted.push({ identity, certificate, chain: chainAbove(certificate, [...found, ...known]) });
    else refused.push({ reason: 'address-differs', addresses: certificate.addresses, id: null });
  }
  const { imported, there } = await storeIdentities(context, session, wanted, masterKey);
  refused.push(...there);
  for (const { sha256, retired } of imported) {
    const reason = retired === null ? {} : { reason: retired };
    await context.audit.record({ ...whoOf(session), object: sha256, result: 'done', ...reason });
  }
  const tops = wanted.map(({ certificate, chain }) => chain.at(-1) ?? certificate);
  const own = new Set(identities.map((identity) => parseCertificate(identity.certificateDer).sha256));
  const inFile = found.filter((each) => each.isSelfIssued && !own.has(each.sha256));
  // A file whose Digital IDs were all for somebody else offers nothing.
  const roots =
    tops.length > 0 ? await offerRoots(database, account, [...inFile, ...rootsAbove(tops, known)], 'pfx', at) : [];
  if (imported.length === 0) return { ok: false, code: 'nothing-imported', refused };
  return { ok: true, imported, refused, roots };
}

type NewIdentity = { identity: SealedIdentity; certificate: Certificate; chain: readonly Certificate[] };
type StoredIdentities = { imported: (ImportedIdentity & { sha256: string })[]; there: RefusedIdentity[] };

/** All of a file in one transaction; what is there already stays as it is. */
async function storeIdentities(
  context: Context,
  { account }: SignedIn,
  wanted: readonly NewIdentity[],
  masterKey: Uint8Array,
): Promise<StoredIdentities> {
  const at = context.now();
  const onlyOne = account.country.programme.phase === 'production';
  return context.database.prisma.$transaction(async (tx) => {
    await holdVault(tx, account.id, masterKey);
    const stored: StoredIdentities = { imported: [], there: [] };
    const fit = new Set<string>();
    for (const { identity, certificate, chain } of wanted) {
      const retired = retiredReason(certificate, at);
      const state = retired === null && !onlyOne ? 'active' : 'retired';
      const data = identityData(account.id, { certificate, chain, sealedKey: identity.sealedKey, state, at });
      const [fresh] = await tx.digitalId.createManyAndReturn({ skipDuplicates: true, select: { id: true }, data });
      const row = fresh ?? (await bringBack(tx, data));
      if (row === undefined) stored.there.push(await alreadyThere(tx, account.id, certificate));
      else
        stored.imported.push({ ...row, sha256: certificate.sha256, retired, notYetValid: certificate.notBefore > at });
      if (row !== undefined && retired === null) fit.add(row.id);
    }
    if (onlyOne) await useOne(tx, account.id, stored, fit, at);
    return stored;
  });
}

/** From a backup a key comes back that was lost with its vault (T26). @returns null where none was */
async function bringBack(
  tx: Prisma.TransactionClient,
  { accountId, sha256, sealedPrivateKey, state }: ReturnType<typeof identityData>,
): Promise<{ id: string } | undefined> {
  const where = { accountId, sha256, lostVaultId: { not: null } };
  const lost = await tx.digitalId.findFirst({ where, select: { id: true, state: true } });
  if (lost === null) return undefined;
  const data = { sealedPrivateKey, lostVaultId: null, state: lost.state === 'revoked' ? lost.state : state };
  await tx.digitalId.update({ where: { id: lost.id }, data });
  return { id: lost.id };
}

async function useOne(
  tx: Prisma.TransactionClient,
  accountId: string,
  stored: StoredIdentities,
  fit: ReadonlySet<string>,
  at: Date,
): Promise<void> {
  const rows = await tx.digitalId.findMany({ where: { accountId, id: { in: [...fit] } } });
  const chosen = disjoint(rows).map((row) => row.id);
  const used = chosen.length > 0 && (await putIntoUse(tx, accountId, chosen, { at, longest: true }));
  for (const each of stored.imported)
    if (fit.has(each.id) && !(used && chosen.includes(each.id))) each.retired = 'other-in-use';
}

async function alreadyThere(
  tx: Prisma.TransactionClient,
  accountId: string,
  { sha256, addresses }: Certificate,
): Promise<RefusedIdentity> {
  const there = await tx.digitalId.findFirst({ where: { accountId, sha256 }, select: { id: true } });
  return { reason: 'already-there', addresses, id: there?.id ?? null };
}

/** Many a `.pfx` lacks the issuers: those of the account's own programme are known here. They are not trusted by that. */
export async function programmeAuthorities(database: Database, account: SignedInAccount): Promise<Certificate[]> {
  const rows = await database.prisma.authority.findMany({
    where: { programmeId: account.country.programmeId },
    select: { certificate: true },
  });
  return rows.map((row) => parseCertificate(row.certificate));
}

/** Why nobody should write to this certificate any more, or rely on what it signs; null when it may be used. */
export function retiredReason(certificate: Certificate, at: Date): RetiredReason | null {
  if (certificate.notAfter < at) return 'expired';
  if (isWeak(certificate)) return 'weak-key';
  const purposes = certificate.extendedKeyUsage;
  const forMail =
    purposes === null ||
    purposes.includes(EXTENDED_KEY_USAGE.emailProtection) ||
    purposes.includes(EXTENDED_KEY_USAGE.any);
  return forMail && !isAuthority(certificate) ? null : 'wrong-purpose';
}

function isWeak(certificate: Certificate): boolean {
  const bits = /^RSA(?:-PSS)?-(\d+)$/.exec(certificate.keyLabel)?.[1];
  return bits !== undefined && Number(bits) < RSA_MIN_BITS;
}

/** The roots among them at which one of these paths would end. */
export function rootsAbove(tops: readonly Certificate[], among: readonly Certificate[]): Certificate[] {
  return among.filter(
    (each) => each.isSelfIssued && tops.some((top) => top.sha256 === each.sha256 || mayHaveIssued(each, top)),
  );
}

/** Puts roots on the trust page as offered. @returns those that wait for a decision */
export async function offerRoots(
  database: Database,
  account: SignedInAccount,
  roots: readonly Certificate[],
  source: AnchorSource,
  at: Date,
): Promise<OfferedRoot[]> {
  const offered = new Map<string, OfferedRoot>();
  for (const root of roots) {
    const anchor = await offerAnchor(database, account, root, source, at);
    if (anchor.state === 'offered') offered.set(anchor.id, { id: anchor.id, subject: root.commonName ?? root.subject });
  }
  return [...offered.values()];
}
