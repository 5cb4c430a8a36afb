import { createHash } from 'node:crypto';
import type { Context } from '../../context.ts';
import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { PkiError } from '../../pki/errors.ts';
import { findResponse, isAuthorisedResponse, ocspUris, parseOcspResponse, writeOcspRequest } from '../../pki/ocsp.ts';
import type { Database } from '../database/connect.ts';
import { FetchFailedError } from './fetch-evidence.ts';
import { allowedResponders } from './revocation-points.ts';

const DAY_MS = 24 * 3_600_000;

/** Answers that are in force about these certificates, and older ones named by their SHA-256. */
export async function answersFor(
  database: Database,
  certificates: readonly string[],
  named: readonly string[],
  at: Date,
): Promise<Uint8Array[]> {
  if (certificates.length + named.length === 0) return [];
  const rows = await database.pool.query<{ bytes: Buffer }>(
    `select distinct on (sha256) sha256, bytes from ocsp_answer
     where sha256 = any($2) or (certificate_sha256 = any($1) and next_update > $3)`,
    [certificates, named, at],
  );
  return rows.rows.map((row) => row.bytes);
}

/** Whether there are answers in force about these certificates that were not judged by. */
export async function hasAnswersBeside(
  database: Database,
  certificates: readonly string[],
  judgedBy: readonly string[],
  at: Date,
): Promise<boolean> {
  const beside = await database.prisma.ocspAnswer.count({
    where: {
      certificateSha256: { in: [...certificates] },
      nextUpdate: { gt: at },
      sha256: { notIn: [...judgedBy] },
    },
  });
  return beside > 0;
}

type Needs = Pick<Context, 'database' | 'fetcher' | 'now'>;

/**
 * Asks the responders that the certificates of a path name and an administrator allows, about each whose answer is not at hand.
 * Gives whether there are answers that nobody judged by yet. A responder that is silent changes nothing, and is left alone for a while.
 * @param path DER, leaf first, with the anchor last
 * @param options.judgedBy SHA-256 of the answers that were looked at already, or that all at hand were
 * @param options.anew also about those whose answer is at hand, which stays so: the newest counts
 */
export async function askResponders(
  context: Needs,
  path: readonly Uint8Array[],
  options: { judgedBy: readonly string[] | 'all-at-hand'; anew?: boolean },
): Promise<boolean> {
  const pairs = path.slice(0, -1).map((der, index) => ({ der, issuer: path[index + 1] as Uint8Array }));
  const news = await Promise.all(pairs.map(({ der, issuer }) => askUnlessKnown(context, der, issuer, options)));
  return news.includes(true);
}

async function askUnlessKnown(
  context: Needs,
  der: Uint8Array,
  issuerDer: Uint8Array,
  { judgedBy, anew = false }: { judgedBy: readonly string[] | 'all-at-hand'; anew?: boolean },
): Promise<boolean> {
  if (anew) return ask(context, der, issuerDer);
  const known = await context.database.prisma.ocspAnswer.findMany({
    where: { certificateSha256: createHash('sha256').update(der).digest('hex'), nextUpdate: { gt: context.now() } },
    select: { sha256: true },
  });
  if (known.length === 0) return ask(context, der, issuerDer);
  return judgedBy !== 'all-at-hand' && known.some(({ sha256 }) => !judgedBy.includes(sha256));
}

/** Gives whether there was an answer that the issuer stands behind. */
async function ask({ database, fetcher, now }: Needs, der: Uint8Array, issuerDer: Uint8Array): Promise<boolean> {
  try {
    const [certificate, issuer] = [parseCertificate(der), parseCertificate(issuerDer)];
    const [responder] = await allowedResponders(database, ocspUris(certificate));
    if (responder === undefined || fetcher.wasSilent(certificate.sha256, now())) return false;
    const answer = await fetcher.answer(responder, writeOcspRequest(certificate, issuer), certificate.sha256, now());
    return await storeAnswer(database, { certificate, issuer }, answer, now());
  } catch (error) {
    if (error instanceof FetchFailedError || error instanceof PkiError) return false;
    throw error;
  }
}

/** How long before its end an answer is asked for anew, and how many in one round. */
const AHEAD_MS = 3_600_000;
const REFRESHED_AT_ONCE = 100;

/**
 * Asks anew about the Digital IDs of contacts whose newest answer ends soon or ended lately, so that a letter need not wait for a
 * responder. Two nodes may ask the same: that changes nothing.
 */
export async function refreshAnswers(context: Needs): Promise<void> {
  const at = context.now().getTime();
  const due = await context.database.pool.query<{ certificate: Buffer; chain: Buffer[] }>(
    `select distinct on (c.sha256) c.certificate, c.chain from contact_certificate c
     join (select certificate_sha256, max(next_update) as ends from ocsp_answer group by 1) a on a.certificate_sha256 = c.sha256
     where c.is_default and a.ends between $1 and $2 limit $3`,
    [new Date(at - 24 * AHEAD_MS), new Date(at + AHEAD_MS), REFRESHED_AT_ONCE],
  );
  for (const { certificate, chain } of due.rows) {
    const issuer = issuerAmong(certificate, chain);
    if (issuer !== null) await ask(context, certificate, issuer);
  }
}

function issuerAmong(der: Uint8Array, chain: readonly Uint8Array[]): Uint8Array | null {
  try {
    const { issuerRaw } = parseCertificate(der);
    return chain.find((one) => parseCertificate(one).subjectRaw.equals(issuerRaw)) ?? null;
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}

/** Only what the issuer stands behind: a forged answer would keep the responder from being asked for as long as it pleases. */
async function storeAnswer(
  database: Database,
  { certificate, issuer }: { certificate: Certificate; issuer: Certificate },
  bytes: Buffer,
  at: Date,
): Promise<boolean> {
  const response = parseOcspResponse(bytes);
  const about = findResponse(response, certificate, issuer);
  if (about === null || !isAuthorisedResponse(response, issuer, about.thisUpdate)) return false;
  const nextUpdate = about.nextUpdate ?? new Date(about.thisUpdate.getTime() + DAY_MS);
  // From stock it may be the very one that was given before.
  await database.pool.query(
    `insert into ocsp_answer (certificate_sha256, sha256, bytes, next_update, received_at) values ($1, $2, $3, $4, $5)
     on conflict (certificate_sha256, sha256) do update
       set next_update = excluded.next_update, received_at = excluded.received_at`,
    [certificate.sha256, response.sha256, bytes, nextUpdate, at],
  );
  return true;
}

/** Removes answers that are over and that no judgement rests on. */
export async function removeOldAnswers(database: Database, at: Date): Promise<void> {
  await database.pool.query(
    `delete from ocsp_answer a where next_update < $1
     and not exists (select 1 from signature_evidence e where e.evidence @> array[a.sha256])`,
    [at],
  );
}
