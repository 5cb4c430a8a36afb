import { createHash } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { Account, Country, Programme } from '../../generated/prisma/client.ts';
import { addressKey } from '../../mail/address.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import type { PathReason } from '../../pki/path.ts';
import type { PathJudgement } from '../../smime/worker-jobs.ts';
import { askResponders } from '../revocation/ocsp-answers.ts';
import { programmeTrust } from '../trust/trust-of.ts';

/** As the browser showed it, with the proof that it has the key. */
export type ClientCertificate = { der: Buffer; sha256: string };

/** Why a certificate does not open the account; each has its sentences. */
export type CertificateProblem =
  | 'missing'
  | 'unreadable'
  | 'address'
  | 'usage'
  | 'not-trusted'
  | 'expired'
  | 'revoked'
  | 'unchecked'
  | 'invalid';

/** How long a new account has to get its certificate into the browser. */
const GRACE_MS = 7 * 86_400_000;

type Tools = Pick<Context, 'database' | 'workers' | 'revocation' | 'now'>;
type Holder = Account & { country: Country & { programme: Programme } };

/**
 * Whether this account signs in with its certificate only: by its holder's choice or by the programme's rule, which leaves a new
 * account, and all accounts at first, time to get one. An administrator's waiver comes before both.
 */
export function needsCertificate(account: Holder, at: Date): boolean {
  if (account.certificateWaivedUntil !== null && account.certificateWaivedUntil > at) return false;
  if (account.certificateOnly) return true;
  const due = certificateDue(account);
  return due !== null && due <= at;
}

/** From when on the programme's rule means this account; null where it has none. */
export function certificateDue(
  account: Pick<Holder, 'certificateSeenAt' | 'createdAt'> & { country: { programme: Programme } },
): Date | null {
  const { clientCertificates, clientCertificatesFrom: from } = account.country.programme;
  if (clientCertificates !== 'required' || from === null) return null;
  if (account.certificateSeenAt !== null) return from;
  return new Date(Math.max(from.getTime(), account.createdAt.getTime() + GRACE_MS));
}

/**
 * Whether this certificate is a Digital ID of this account: for its address, for signing, valid now, not revoked, with a path
 * to a root of the programme, and issued by the programme's own authority or else one that the holder has here. Another authority
 * that the programme believes for mail could otherwise make one for anybody.
 * @returns null when it is
 */
export async function judgeClientCertificate(
  context: Tools,
  account: Holder,
  shown: ClientCertificate,
): Promise<CertificateProblem | null> {
  const certificate = read(shown.der);
  if (certificate === null) return 'unreadable';
  if (!certificate.addresses.some((address) => addressKey(address) === account.addressKey)) return 'address';
  if (certificate.keyUsage !== null && !certificate.keyUsage.has('digitalSignature')) return 'usage';
  return (await ownProblem(context, account, certificate)) ?? pathProblem(context, account, certificate);
}

/**
 * The same once more while a session by it lasts: the responders that it names and an administrator allows are asked first, where no
 * answer is at hand. May take as long as they do: for jobs, not for requests.
 */
export async function judgeClientCertificateAnew(
  context: Tools & Pick<Context, 'fetcher'>,
  account: Holder,
  shown: ClientCertificate,
): Promise<CertificateProblem | null> {
  const certificate = read(shown.der);
  const judged = certificate && (await judgePath(context, account, certificate));
  if (judged) await askResponders(context, judged.path, { judgedBy: 'all-at-hand' });
  return judgeClientCertificate(context, account, shown);
}

function read(der: Buffer): Certificate | null {
  try {
    return parseCertificate(der);
  } catch {
    return null;
  }
}

/** What this installation knows itself of the certificate, without looking at its path: taken back, or none of this account's. */
async function ownProblem(
  { database }: Pick<Context, 'database'>,
  account: Holder,
  { sha256 }: Certificate,
): Promise<CertificateProblem | null> {
  const [issued, imported] = await Promise.all([
    database.prisma.issuedCertificate.findUnique({ where: { sha256 }, select: { revokedAt: true, accountId: true } }),
    database.prisma.digitalId.findFirst({ where: { accountId: account.id, sha256 }, select: { state: true } }),
  ]);
  if (issued !== null && issued.revokedAt !== null) return 'revoked';
  if (imported?.state === 'revoked') return 'revoked';
  return issued !== null && issued.accountId !== null && issued.accountId !== account.id ? 'address' : null;
}

async function pathProblem(
  context: Tools,
  account: Holder,
  certificate: Certificate,
): Promise<CertificateProblem | null> {
  const judged = await judgePath(context, account, certificate);
  if (judged === null) return 'invalid';
  // First what its holder can do something about.
  if (judged.revocation.status === 'revoked') return 'revoked';
  if (!judged.valid) return problemOf(judged.reasons);
  const { revocationPolicy } = account.country.programme;
  if (judged.revocation.status === 'unchecked' && revocationPolicy === 'require') return 'unchecked';
  return (await isIssuedForHere(context, account, judged.path.map(sha256Of))) ? null : 'not-trusted';
}

/** By what is at hand now; null when it took too long. */
async function judgePath(context: Tools, account: Holder, certificate: Certificate): Promise<PathJudgement | null> {
  const { database } = context;
  const at = context.now();
  const { programme } = account.country;
  const trust = await programmeTrust(database, programme.id, account.id);
  const certificates = [certificate.sha256, ...trust.intermediates.map(sha256Of)];
  const revocation = await context.revocation.evidence(account.id, { certificates, earlier: [] }, at);
  const result = await context.workers.run<'judge'>(
    {
      kind: 'judge',
      subjects: [{ certificate: certificate.der, chain: [] }],
      trust: { ...trust, revocation },
      at,
      masterKey: null,
    },
    account.id,
  );
  return (result.ok && result.value[0]) || null;
}

function problemOf(reasons: readonly PathReason[]): CertificateProblem {
  if (reasons.includes('revoked')) return 'revoked';
  if (reasons.includes('unknown-issuer') || reasons.includes('issuer-not-trusted')) return 'not-trusted';
  if (reasons.includes('expired') || reasons.includes('not-yet-valid')) return 'expired';
  return reasons.includes('wrong-purpose') ? 'usage' : 'invalid';
}

/** An issuing authority of the programme stands in the path, or the holder has imported this Digital ID here. */
async function isIssuedForHere(
  { database }: Pick<Context, 'database'>,
  account: Holder,
  [leaf = '', ...above]: string[],
): Promise<boolean> {
  // Its root may be somebody else's, below which others issue too.
  const where = { programmeId: account.country.programmeId, kind: 'issuing', sha256: { in: above } } as const;
  if ((await database.prisma.authority.count({ where })) > 0) return true;
  return (await database.prisma.digitalId.count({ where: { accountId: account.id, sha256: leaf } })) > 0;
}

function sha256Of(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}

/** Whether it, or the authority of ours that issued it, was taken back since the session began with it: an effect at once, also for who is signed in. */
export async function isCertificateRevoked({ database }: Pick<Context, 'database'>, sha256: string): Promise<boolean> {
  const gone = { revokedAt: { not: null } };
  const where = { sha256, OR: [gone, { authority: gone }] };
  return (await database.prisma.issuedCertificate.count({ where })) > 0;
}
