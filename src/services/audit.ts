import { createHash } from 'node:crypto';
import type { Database } from './database/connect.ts';

export type AuditAction =
  | 'sign-in'
  | 'sign-out'
  | 'vault-create'
  | 'passphrase-change'
  | 'recovery-use'
  | 'unlock'
  | 'lock'
  | 'identity-import'
  | 'identity-export'
  | 'identity-change'
  | 'decrypt'
  | 'sign'
  | 'send-state'
  | 'contact-change'
  | 'trust'
  | 'trust-withdraw'
  | 'recheck'
  | 'second-factor'
  | 'issue'
  | 'revoke'
  | 'administration';

/** Who, from where, what, on which object, with which result. Never a subject, text, passphrase or cookie. */
export type AuditEvent = {
  accountId: string | null;
  actor: string;
  network: string;
  action: AuditAction;
  /** Identifier of the thing, e.g. a certificate's SHA-256 or a letter's id */
  object: string;
  result: 'done' | 'refused' | 'failed';
  reason?: string;
};

export type AuditTrail = { record(event: AuditEvent): Promise<void> };

type Chained = {
  node: string;
  number: number;
  at: Date;
  accountId: string | null;
  actor: string;
  network: string;
  action: string;
  object: string;
  result: string;
  reason: string | null;
  anchors: Record<string, string>;
};

const GENESIS = Buffer.alloc(32);
/** How often a node looks up the newest hashes of the others' chains: with each entry would make nodes wait. */
const ANCHOR_EVERY = 16;

/**
 * The trail of one node: its entries form a hash chain of their own, so nodes never wait for each other; now and then
 * an entry carries the newest hashes of the other chains, so that none of them can be rewritten alone.
 */
export function openAuditTrail(database: Database, node: string, now: () => Date): AuditTrail {
  let newest: { number: number; hash: Buffer } | null = null;
  let queue: Promise<void> = Promise.resolve();
  const append = async (event: AuditEvent) => {
    newest ??= await newestOf(database, node);
    const number = newest.number + 1;
    const anchors = number % ANCHOR_EVERY === 1 ? await newestOfOthers(database, node) : {};
    const entry: Chained = { node, number, at: now(), ...event, reason: event.reason ?? null, anchors };
    const hash = hashOf(entry, newest.hash);
    try {
      await database.prisma.auditEntry.create({
        data: { ...entry, previousHash: new Uint8Array(newest.hash), hash: new Uint8Array(hash) },
      });
      newest = { number, hash };
    } catch (error) {
      // The outcome is unknown (or a second process bears our name): read it again before the next entry.
      newest = null;
      throw error;
    }
  };
  return {
    record(event) {
      const turn = queue.then(() => append(event));
      queue = turn.catch(() => {});
      return turn;
    },
  };
}

async function newestOf(database: Database, node: string): Promise<{ number: number; hash: Buffer }> {
  const last = await database.prisma.auditEntry.findFirst({ where: { node }, orderBy: { number: 'desc' } });
  return last ? { number: last.number, hash: Buffer.from(last.hash) } : { number: 0, hash: GENESIS };
}

async function newestOfOthers(database: Database, node: string): Promise<Record<string, string>> {
  const others = await database.pool.query<{ node: string; hash: Buffer }>(
    'select distinct on (node) node, hash from audit_entry where node <> $1 order by node, number desc',
    [node],
  );
  return Object.fromEntries(others.rows.map((row) => [row.node, row.hash.toString('hex')]));
}

function hashOf(entry: Chained, previous: Uint8Array): Buffer {
  const fields = [
    entry.node,
    entry.number,
    entry.at.toISOString(),
    entry.accountId,
    entry.actor,
    entry.network,
    entry.action,
    entry.object,
    entry.result,
    entry.reason,
    Object.entries(entry.anchors).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return createHash('sha256').update(previous).update(JSON.stringify(fields)).digest();
}

export type AuditVerification = { whole: boolean; entries: number; problems: string[] };

/** Walks every chain: numbers without gaps, hashes that fit, and anchors that occur in the chains they name. */
export async function verifyAuditTrail(database: Database): Promise<AuditVerification> {
  const problems: string[] = [];
  const known = new Map<string, Set<string>>();
  const anchored: { node: string; number: number; other: string; hash: string }[] = [];
  let previous: { node: string; number: number; hash: Buffer } | null = null;
  let entries = 0;
  const pageSize = 1000;
  for (;;) {
    const page = await database.prisma.auditEntry.findMany({
      orderBy: [{ node: 'asc' }, { number: 'asc' }],
      take: pageSize,
      skip: entries,
    });
    for (const row of page) {
      const before: { number: number; hash: Buffer } =
        previous?.node === row.node ? previous : { number: 0, hash: GENESIS };
      const anchors = row.anchors as Record<string, string>;
      if (row.number !== before.number + 1) problems.push(`${row.node} ${row.number}: entries before it are missing`);
      if (!hashOf({ ...row, anchors }, before.hash).equals(row.hash))
        problems.push(`${row.node} ${row.number}: was changed`);
      for (const [other, hash] of Object.entries(anchors))
        anchored.push({ node: row.node, number: row.number, other, hash });
      const hashes = known.get(row.node) ?? new Set();
      known.set(row.node, hashes.add(Buffer.from(row.hash).toString('hex')));
      previous = { node: row.node, number: row.number, hash: Buffer.from(row.hash) };
    }
    entries += page.length;
    if (page.length < pageSize) break;
  }
  for (const { node, number, other, hash } of anchored) {
    if (!known.get(other)?.has(hash)) problems.push(`${node} ${number}: the chain of ${other} was cut or rewritten`);
  }
  return { whole: problems.length === 0, entries, problems };
}
