import { type Chained, GENESIS, hashOf } from '../audit.ts';
import type { Database } from '../database/connect.ts';

const PAGE = 1000;

/** The end of one node's chain: who wrote it down can tell later whether the chain was cut. */
export type ChainHead = { node: string; number: number; hash: string };

export type AuditVerification = {
  whole: boolean;
  entries: number;
  /** In English: they are for whoever looks into the database */
  problems: string[];
  problemCount: number;
  heads: ChainHead[];
};

export type VerifyOptions = {
  /** Ends of chains as they were seen before: each must still be there */
  known?: readonly ChainHead[];
  /** So many problems are told one by one, the others only counted; all without it */
  told?: number;
  /** Called after every page; what it throws ends the walk */
  onProgress?: (entries: number) => Promise<void>;
};

type Row = Chained & { hash: Buffer };

/**
 * Walks every chain: numbers without gaps, hashes that fit, and the hashes that other chains and earlier walks name are there, never
 * an older one after a newer one. A chain that was cut behind the last entry that anybody named cannot be told from one that ended there.
 */
export async function verifyAuditTrail(database: Database, options: VerifyOptions = {}): Promise<AuditVerification> {
  const found = new Problems(options.told ?? Number.POSITIVE_INFINITY);
  const heads: ChainHead[] = [];
  let entries = 0;
  for (let node = await nodeAfter(database, null); node !== null; node = await nodeAfter(database, node)) {
    const chain = new ChainWalk(node, found);
    for (;;) {
      const page = await rowsAfter(database, node, chain.number);
      for (const row of page) chain.take(row);
      await chain.lookUpAnchors(database);
      entries += page.length;
      await options.onProgress?.(entries);
      if (page.length < PAGE) break;
    }
    heads.push({ node, number: chain.number, hash: chain.hash.toString('hex') });
  }
  await lookUpHeads(database, options.known ?? [], found);
  return { whole: found.count === 0, entries, problems: found.told, problemCount: found.count, heads };
}

class Problems {
  readonly told: string[] = [];
  count = 0;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(text: string): void {
    this.count += 1;
    if (this.told.length < this.#most) this.told.push(text);
  }
}

/** One chain from its first entry; what it says of the others is looked up page by page. */
class ChainWalk {
  number = 0;
  hash: Buffer = GENESIS;
  readonly #node: string;
  readonly #found: Problems;
  /** Number of the newest entry of each other chain that this one named so far */
  readonly #newest = new Map<string, number>();
  #anchors: { number: number; other: string; hash: string }[] = [];

  constructor(node: string, found: Problems) {
    this.#node = node;
    this.#found = found;
  }

  take(row: Row): void {
    if (row.number !== this.number + 1) this.#found.add(`${this.#node} ${row.number}: entries before it are missing`);
    if (!hashOf(row, this.hash).equals(row.hash)) this.#found.add(`${this.#node} ${row.number}: was changed`);
    for (const [other, hash] of Object.entries(row.anchors)) this.#anchors.push({ number: row.number, other, hash });
    this.number = row.number;
    this.hash = row.hash;
  }

  async lookUpAnchors(database: Database): Promise<void> {
    const numbers = await numbersOf(database, this.#anchors);
    for (const { number, other, hash } of this.#anchors) {
      const at = numbers.get(`${other} ${hash}`);
      if (at === undefined) this.#found.add(`${this.#node} ${number}: the chain of ${other} was cut or rewritten`);
      else if (at < (this.#newest.get(other) ?? 0))
        this.#found.add(`${this.#node} ${number}: the chain of ${other} is not in the order it was`);
      else this.#newest.set(other, at);
    }
    this.#anchors = [];
  }
}

async function lookUpHeads(database: Database, known: readonly ChainHead[], found: Problems): Promise<void> {
  const numbers = await numbersOf(
    database,
    known.map(({ node, hash }) => ({ other: node, hash })),
  );
  for (const { node, number, hash } of known) {
    if (numbers.get(`${node} ${hash}`) !== number)
      found.add(`${node} ${number}: was the end of this chain at an earlier check, and is not there any more`);
  }
}

async function nodeAfter(database: Database, node: string | null): Promise<string | null> {
  const rows = await database.pool.query<{ node: string }>(
    'select node from audit_entry where $1::text is null or node > $1 order by node limit 1',
    [node],
  );
  return rows.rows[0]?.node ?? null;
}

async function rowsAfter(database: Database, node: string, number: number): Promise<Row[]> {
  const rows = await database.pool.query<Row>(
    `select node, number, at, account_id as "accountId", actor, network, action, object, result, reason, anchors, hash
     from audit_entry where node = $1 and number > $2 order by number limit ${PAGE}`,
    [node, number],
  );
  return rows.rows;
}

async function numbersOf(
  database: Database,
  named: readonly { other: string; hash: string }[],
): Promise<Map<string, number>> {
  if (named.length === 0) return new Map();
  const rows = await database.pool.query<{ node: string; number: number; hash: Buffer }>(
    'select node, number, hash from audit_entry where hash = any($1)',
    [[...new Set(named.map(({ hash }) => hash))].map((hash) => Buffer.from(hash, 'hex'))],
  );
  return new Map(rows.rows.map((row) => [`${row.node} ${row.hash.toString('hex')}`, row.number]));
}
