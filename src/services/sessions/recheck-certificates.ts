import type { Context } from '../../context.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { type ClientCertificate, judgeClientCertificateAnew } from './client-certificate.ts';

const MINUTE_MS = 60_000;
const EVERY_MS = MINUTE_MS;
/** How long a judgement is good for. */
const GOOD_FOR_MS = 5 * MINUTE_MS;
/** What a node takes in one round; more wait for the next one, whoever was judged longest ago first. */
const AT_ONCE = 300;

type Needs = Pick<Context, 'database' | 'workers' | 'revocation' | 'fetcher' | 'mail' | 'audit' | 'now'>;

/** Judges the certificates that sessions began with again: what an authority elsewhere takes back, nobody here sees otherwise (T22). */
export function startRecheckingCertificates(context: Needs): Rounds {
  return startRounds(EVERY_MS, () => recheckCertificates(context));
}

/** One round; gives how many were judged. Two nodes never take the same one. */
export async function recheckCertificates(context: Needs): Promise<number> {
  const claimed = await claimDue(context);
  // The same certificate may be in several sessions.
  const certificates = new Map(claimed.map((each) => [`${each.accountId} ${each.shown.sha256}`, each]));
  // One that fails must not keep the others from their turn; its own comes again.
  for (const each of certificates.values()) await recheck(context, each).catch(() => {});
  return certificates.size;
}

type Claimed = { accountId: string; shown: ClientCertificate };

async function claimDue({ database, now }: Needs): Promise<Claimed[]> {
  const at = now();
  const { rows } = await database.pool.query<{ account_id: string; sha256: string; der: Buffer }>(
    `update session set certificate_checked_at = $1 where id in (
       select id from session where certificate is not null and certificate_checked_at <= $2 and ends_at > $1
       order by certificate_checked_at limit $3 for update skip locked)
     returning account_id, certificate_sha256 as sha256, certificate as der`,
    [at, new Date(at.getTime() - GOOD_FOR_MS), AT_ONCE],
  );
  return rows.map(({ account_id: accountId, sha256, der }) => ({ accountId, shown: { sha256, der } }));
}

/** Ends what no sign-in would begin any more. Where revocation cannot be checked for a while nobody loses their work. */
async function recheck(context: Needs, { accountId, shown }: Claimed): Promise<void> {
  const { prisma } = context.database;
  const account = await prisma.account.findUnique({
    where: { id: accountId },
    include: { country: { include: { programme: true } } },
  });
  if (account === null) return;
  const problem = await judgeClientCertificateAnew(context, account, shown);
  if (problem !== 'revoked' && problem !== 'not-trusted') return;
  const where = { accountId, certificateSha256: shown.sha256 };
  const ended = await prisma.session.findMany({ where, select: { id: true, network: true } });
  // By the certificate: a session that is unlocked meanwhile has another id.
  await prisma.session.deleteMany({ where });
  for (const { id, network } of ended) {
    await context.mail.close(id);
    await context.audit.record({
      ...{ accountId, actor: account.address, network, action: 'sign-out', object: 'session' },
      ...{ result: 'refused', reason: `certificate-${problem}` },
    });
  }
}
