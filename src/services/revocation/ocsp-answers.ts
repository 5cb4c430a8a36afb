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

/**
 * Asks the responders that the certificates of a path name and an administrator allows, about each whose answer is not at hand.
 * Gives whether there are answers to judge by, new ones or those at hand. A responder that is silent changes nothing.
 * @param path DER, leaf first, with the anchor last
 * @param anew also about those whose answer is at hand, which stays so: the newest counts
 */
export async function askResponders(
  context: Pick<Context, 'database' | 'fetcher' | 'now'>,
  path: readonly Uint8Array[],
  { anew = false } = {},
): Promise<boolean> {
  const pairs = path.slice(0, -1).map((der, index) => ({ der, issuer: path[index + 1] as Uint8Array }));
  const answered = await Promise.all(pairs.map(({ der, issuer }) => askAbout(context, der, issuer, anew)));
  return answered.includes(true);
}

async function askAbout(
  context: Pick<Context, 'database' | 'fetcher' | 'now'>,
  der: Uint8Array,
  issuerDer: Uint8Array,
  anew: boolean,
): Promise<boolean> {
  const { database, fetcher } = context;
  const at = context.now();
  try {
    const [certificate, issuer] = [parseCertificate(der), parseCertificate(issuerDer)];
    const [responder] = await allowedResponders(database, ocspUris(certificate));
    if (responder === undefined) return false;
    const known = await database.prisma.ocspAnswer.count({
      where: { certificateSha256: certificate.sha256, nextUpdate: { gt: at } },
    });
    if (known > 0 && !anew) return true;
    const answer = await fetcher.answer(responder, writeOcspRequest(certificate, issuer));
    return await storeAnswer(database, { certificate, issuer }, answer, at);
  } catch (error) {
    if (error instanceof FetchFailedError || error instanceof PkiError) return false;
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
