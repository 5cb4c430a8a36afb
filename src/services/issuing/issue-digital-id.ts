import type { Authority as AuthorityRow, IssuedCertificate, RevocationReason } from '../../generated/prisma/client.ts';
import { Prisma } from '../../generated/prisma/client.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { type Authority, type IssuerLocations, issuePersonalCertificate, type PersonalUsage } from '../../pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm, type KeyPair } from '../../pki/key-pair.ts';
import { type Pkcs12Contents, type Pkcs12Form, writePkcs12 } from '../../pki/pkcs12-write.ts';
import type { Database } from '../database/connect.ts';
import {
  chainOfAuthority,
  issuingAuthorityOf,
  openAuthority,
  overwriteKey,
  POLICY_OID,
} from '../identities/authorities.ts';
import { issuerLocations } from '../identities/issuer-locations.ts';
import { listIsDue } from '../publishing/publish-lists.ts';
import { decideIssuing, type IssuedSoFar, type IssuingDecision } from './issuing-rule.ts';

const DAY_MS = 86_400_000;
/** Clocks of partners may be behind ours. */
const BACKDATED_MS = 5 * 60_000;
/** How long files wait for their holder. */
const KEPT_DAYS = 31;

/** An authority with its key open; `close` overwrites it. */
export type Issuer = {
  row: AuthorityRow;
  authority: Authority;
  /** Above it, the root last */
  chain: Certificate[];
  locations: IssuerLocations;
  close(): void;
};

export type OpenedIssuer = { ok: true; issuer: Issuer } | { ok: false; problem: 'no-authority' | 'wrong-passphrase' };

/** Opens the authority that issues for the programme now. Without a public address certificates name no places. */
export async function openIssuer(
  database: Database,
  programmeId: string,
  passphrase: string,
  publicUrl: URL | null,
  at: Date,
): Promise<OpenedIssuer> {
  const row = await issuingAuthorityOf(database, programmeId, at);
  if (row === null) return { ok: false, problem: 'no-authority' };
  const chain = await chainOfAuthority(database, row);
  const locations = publicUrl === null ? {} : issuerLocations(publicUrl, parseCertificate(row.certificate));
  const authority = await openAuthority(row, passphrase);
  if (authority === null) return { ok: false, problem: 'wrong-passphrase' };
  return { ok: true, issuer: { row, authority, chain, locations, close: () => overwriteKey(authority) } };
}

/** Whoever opened an issuer for somebody else closes it where they do not get it. */
export async function closedOnFailure<T>(issuer: Issuer, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    issuer.close();
    throw error;
  }
}

export type IssuedFile = { usage: PersonalUsage; certificate: Certificate; pfx: Buffer };

export type IssueOrder = {
  accountId: string;
  /** Protects the files; handed over by another way (T12) */
  pfxPassword: string;
  form?: Pkcs12Form;
  /** Instead of the programme's */
  keyAlgorithm?: KeyAlgorithm;
  /** The present one is revoked for this reason, and this one replaces it */
  replaces?: RevocationReason;
  /** Writes a file elsewhere than here, where it keeps everybody waiting for a moment */
  write?: (contents: Pkcs12Contents) => Promise<Buffer>;
  /** Stores the files for their holder together with the certificates; null when they are handed over at once */
  keep: ((tx: Prisma.TransactionClient, issuanceId: string, files: readonly StoredFile[]) => Promise<void>) | null;
};

export type StoredFile = IssuedFile & { issuedId: string };

export type IssueOutcome =
  | { ok: true; issuanceId: string; files: IssuedFile[]; endsAt: Date; revoked: string[] }
  | { ok: false; problem: 'already-issued' | 'test-ended' | 'not-active' };

/**
 * Issues for exactly the account's address (T02, T10, T11, T12): one certificate, or two of split keys as the programme says. Keys exist
 * only in the files. Whether it may be is decided before the keys are made, and again by the database when all of it is stored at once.
 */
export async function issueDigitalId(
  database: Database,
  issuer: Issuer,
  order: IssueOrder,
  at: Date,
): Promise<IssueOutcome> {
  const decided = await decide(database.prisma, issuer, order, at);
  if (!decided.ok) return decided;
  const files = await makeFiles(issuer, order, decided);
  try {
    return await database.prisma.$transaction(
      async (tx) => {
        await tx.$queryRaw`select id from account where id = ${order.accountId}::uuid for no key update`;
        const still = await decide(tx, issuer, order, at);
        if (!still.ok) return still;
        // Another one was issued and revoked meanwhile, or the rules changed: what was made does not fit any more.
        if (still.endsAt.getTime() !== decided.endsAt.getTime() || still.closes !== decided.closes)
          return { ok: false, problem: 'already-issued' } as const;
        return store(tx, issuer, order, still, files, at);
      },
      { timeout: 20_000 },
    );
  } catch (error) {
    if (isDecidedByDatabase(error)) return { ok: false, problem: 'already-issued' };
    throw error;
  }
}

type Decided = Extract<IssuingDecision, { ok: true }> & {
  notBefore: Date;
  account: { address: string; name: string };
  usages: readonly PersonalUsage[];
  keyAlgorithm: KeyAlgorithm;
  phase: 'test' | 'production';
  clientAuthentication: boolean;
};

async function decide(
  tx: Prisma.TransactionClient,
  issuer: Issuer,
  order: IssueOrder,
  at: Date,
): Promise<Decided | Extract<IssueOutcome, { ok: false }>> {
  const account = await tx.account.findUnique({
    where: { id: order.accountId },
    include: { country: { include: { programme: true } } },
  });
  if (account === null || account.state !== 'active' || account.country.programmeId !== issuer.row.programmeId)
    return { ok: false, problem: 'not-active' };
  const { programme } = account.country;
  const { notBefore: begins, notAfter: authorityEnd } = issuer.authority.certificate;
  const notBefore = new Date(Math.max(at.getTime() - BACKDATED_MS, begins.getTime()));
  const decision = decideIssuing({
    ...(await issuedSoFar(tx, order.accountId)),
    phase: programme.phase,
    days: programme.digitalIdDays,
    replaces: order.replaces !== undefined,
    notBefore,
    authorityEnd,
    at,
  });
  if (!decision.ok) return decision;
  return {
    ...decision,
    notBefore,
    account: { address: account.address, name: `${account.firstName} ${account.surname}` },
    usages: programme.keyPairs === 'two' ? ['sign', 'encrypt'] : ['both'],
    keyAlgorithm: order.keyAlgorithm ?? (programme.keyAlgorithm as KeyAlgorithm),
    phase: programme.phase,
    clientAuthentication: programme.clientCertificates !== 'off',
  };
}

/** One certificate of it that was revoked is enough: it cannot be used as a whole any more. */
async function issuedSoFar(tx: Prisma.TransactionClient, accountId: string): Promise<IssuedSoFar> {
  const [open, tests] = await Promise.all([
    tx.issuance.findFirst({
      where: { accountId, closedAt: null },
      include: { certificates: { select: { revokedAt: true, revocationReason: true } } },
    }),
    tx.issuance.aggregate({ where: { accountId, phase: 'test' }, _min: { endsAt: true } }),
  ]);
  return {
    open: open && {
      id: open.id,
      phase: open.phase,
      endsAt: open.endsAt,
      revoked: open.certificates.some(isGone),
    },
    firstTestEnd: tests._min.endsAt,
  };
}

async function makeFiles(issuer: Issuer, order: IssueOrder, decided: Decided): Promise<IssuedFile[]> {
  const files: IssuedFile[] = [];
  for (const usage of decided.usages) {
    const pair = await generateKeyPair(decided.keyAlgorithm);
    try {
      files.push(await makeFile(issuer, order, decided, usage, pair));
    } finally {
      overwriteKey(pair);
    }
  }
  return files;
}

async function makeFile(
  issuer: Issuer,
  order: IssueOrder,
  decided: Decided,
  usage: PersonalUsage,
  { publicKey, privateKey }: KeyPair,
): Promise<IssuedFile> {
  const certificate = await issuePersonalCertificate({
    issuer: issuer.authority,
    name: decided.account.name,
    address: decided.account.address,
    publicKey,
    usage,
    policyOid: POLICY_OID,
    clientAuthentication: decided.clientAuthentication,
    notBefore: decided.notBefore,
    notAfter: decided.endsAt,
    ...issuer.locations,
  });
  const contents: Pkcs12Contents = {
    privateKey,
    certificate,
    chain: [issuer.authority.certificate, ...issuer.chain],
    password: order.pfxPassword,
    form: order.form ?? 'modern',
    friendlyName: decided.account.address,
  };
  const pfx = await (order.write?.(contents) ?? writePkcs12(contents));
  return { usage, certificate, pfx };
}

async function store(
  tx: Prisma.TransactionClient,
  issuer: Issuer,
  order: IssueOrder,
  decided: Decided,
  files: IssuedFile[],
  at: Date,
): Promise<IssueOutcome> {
  const revoked = decided.closes === null ? [] : await closeIssuance(tx, decided.closes, order.replaces ?? null, at);
  const keptMs = Math.min(at.getTime() + KEPT_DAYS * DAY_MS, decided.endsAt.getTime());
  const { id: issuanceId } = await tx.issuance.create({
    data: {
      accountId: order.accountId,
      phase: decided.phase,
      issuedAt: at,
      endsAt: decided.endsAt,
      keptUntil: new Date(keptMs),
      installedAt: order.keep === null ? at : null,
    },
  });
  const stored: StoredFile[] = [];
  for (const file of files) {
    const { certificate, usage } = file;
    const row = await tx.issuedCertificate.create({
      data: {
        authorityId: issuer.row.id,
        accountId: order.accountId,
        issuanceId,
        address: decided.account.address,
        usage,
        certificate: new Uint8Array(certificate.der),
        serialNumber: certificate.serialNumber,
        sha256: certificate.sha256,
        notBefore: certificate.notBefore,
        notAfter: certificate.notAfter,
        issuedAt: at,
      },
    });
    stored.push({ ...file, issuedId: row.id });
  }
  await order.keep?.(tx, issuanceId, stored);
  return { ok: true, issuanceId, files, endsAt: decided.endsAt, revoked };
}

/** Its files and passwords go; its certificates are revoked where a reason is given. Gives the thumbprints of those. */
async function closeIssuance(
  tx: Prisma.TransactionClient,
  id: string,
  reason: RevocationReason | null,
  at: Date,
): Promise<string[]> {
  await tx.issuance.updateMany({ where: { id, closedAt: null }, data: { closedAt: at } });
  await tx.keptPfx.deleteMany({ where: { issuanceId: id } });
  await tx.pfxPasswordShare.deleteMany({ where: { issuanceId: id } });
  const own = await tx.issuedCertificate.findMany({ where: { issuanceId: id } });
  const half = own.filter(isGone).length;
  // Of split keys with one revoked, the other one goes too: its holder gets two new ones.
  if (reason === null && half === 0) return [];
  const revocationReason = reason ?? 'superseded';
  const select = { sha256: true, authorityId: true } as const;
  const going = { issuanceId: id, notAfter: { gt: at } };
  // One on hold could come back beside the new one. It counts as revoked since the hold.
  const held = await tx.issuedCertificate.updateManyAndReturn({
    where: { ...going, revocationReason: 'certificateHold' },
    data: { revocationReason },
    select,
  });
  const open = await tx.issuedCertificate.updateManyAndReturn({
    where: { ...going, revokedAt: null },
    data: { revokedAt: at, revocationReason },
    select,
  });
  const revoked = [...held, ...open];
  const sha256 = { in: revoked.map((each) => each.sha256) };
  await tx.digitalId.updateMany({ where: { sha256 }, data: { state: 'revoked' } });
  for (const authorityId of new Set(revoked.map((each) => each.authorityId))) await listIsDue(tx, authorityId, at);
  return revoked.map((each) => each.sha256);
}

/** Revoked for good: one on hold may be wanted back, and is in the way of another. */
export function isGone({ revokedAt, revocationReason }: Pick<IssuedCertificate, 'revokedAt' | 'revocationReason'>) {
  return revokedAt !== null && revocationReason !== 'certificateHold';
}

/** The index of open issuances, or the end of the first one in the test phase. */
function isDecidedByDatabase(error: unknown): boolean {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) {
    return error instanceof Error && /a replacement ends with the first test Digital ID/.test(error.message);
  }
  return error.code === 'P2002' || /a replacement ends with the first test Digital ID/.test(error.message);
}
