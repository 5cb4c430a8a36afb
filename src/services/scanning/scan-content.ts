import { createHash } from 'node:crypto';
import type { Context } from '../../context.ts';
import type { ScanFailure, ScannerVersion } from '../../mail/clamd.ts';
import type { Database } from '../database/connect.ts';

type Needs = Pick<Context, 'database' | 'scanner' | 'now'>;

/** How long a result counts while the signatures are the same: own ones may be added without a new number. */
const FRESH_MS = 24 * 3_600_000;
/** A page does not wait for long to be told whether anybody is there. */
export const PAGE_PATIENCE_MS = 1_000;
/** What was found once is remembered while the scanner is away; older results only take room. */
const KEPT_MS = 30 * 24 * 3_600_000;

/** Bytes that can be read more than once; `sha256` where somebody has read them already. */
export type Content = {
  size: number;
  sha256?: string | null;
  read(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
};

/**
 * - `off`: no scanner is set up
 * - `unscanned`: there is one, but no result; the programme's policy says what follows
 */
export type Verdict =
  | { state: 'off' }
  | { state: 'clean'; sha256: string }
  | { state: 'infected'; sha256: string; finding: string }
  | { state: 'unscanned'; sha256: string; reason: ScanFailure };

/** What is known of contents without looking at them: a finding, `null` for clean; not in the map: nothing is known. */
export type KnownResults = Map<string, string | null>;

/** Scans a content, unless this scanner said lately what it thinks of it. @throws what reading it throws */
export async function scanContent(needs: Needs, content: Content): Promise<Verdict> {
  const { scanner, database } = needs;
  if (scanner === null) return { state: 'off' };
  const sha256 = content.sha256 ?? (await hashOf(content));
  const asked = await scanner.version();
  const version = asked.ok ? asked.version : null;
  const known = (await knownResults(needs, [sha256], version)).get(sha256);
  if (known !== undefined) return verdictOf(sha256, known);
  if (!asked.ok) return { state: 'unscanned', sha256, reason: asked.reason };
  if (content.size > scanner.maxBytes) return { state: 'unscanned', sha256, reason: 'too-large' };
  const answer = await scanner.scan(content.read());
  if (!answer.ok) return { state: 'unscanned', sha256, reason: answer.reason };
  await keepResult(database, { sha256, scanner: asked.version.text, finding: answer.finding }, needs.now());
  return verdictOf(sha256, answer.finding);
}

function verdictOf(sha256: string, finding: string | null): Verdict {
  return finding === null ? { state: 'clean', sha256 } : { state: 'infected', sha256, finding };
}

async function hashOf(content: Content): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of content.read()) hash.update(bytes);
  return hash.digest('hex');
}

/**
 * @param version null while the scanner does not answer: then only what was found counts, whichever signatures found it, since
 *   what was clean may be known for worse by now
 */
export async function knownResults(
  { database, now }: Pick<Needs, 'database' | 'now'>,
  sha256: readonly string[],
  version: ScannerVersion | null,
): Promise<KnownResults> {
  if (sha256.length === 0) return new Map();
  const since = new Date(now().getTime() - (version === null ? KEPT_MS : FRESH_MS));
  const rows = await database.prisma.scanResult.findMany({
    where: {
      sha256: { in: [...sha256] },
      scannedAt: { gt: since },
      ...(version === null ? { finding: { not: null } } : { scanner: version.text }),
    },
    orderBy: { scannedAt: 'asc' },
  });
  return new Map(rows.map((row) => [row.sha256, row.finding]));
}

async function keepResult(
  database: Database,
  result: { sha256: string; scanner: string; finding: string | null },
  at: Date,
): Promise<void> {
  await database.pool.query(
    `insert into scan_result (sha256, scanner, finding, scanned_at) values ($1, $2, $3, $4)
     on conflict (sha256, scanner) do update set finding = excluded.finding, scanned_at = excluded.scanned_at`,
    [result.sha256, result.scanner, result.finding, at],
  );
}

/** Results that count no more. */
export async function removeOldScans(database: Database, at: Date): Promise<void> {
  const before = new Date(at.getTime() - KEPT_MS);
  await database.prisma.scanResult.deleteMany({ where: { scannedAt: { lt: before } } });
  await database.prisma.attachmentScan.deleteMany({ where: { seenAt: { lt: before } } });
}
