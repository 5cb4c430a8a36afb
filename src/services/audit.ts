import { createHash } from 'node:crypto';
import { Prisma } from '../generated/prisma/client.ts';
import type { Database } from './database/connect.ts';

/** In the order in which the pages offer them. */
export const AUDIT_ACTIONS = [
  'sign-in',
  'sign-out',
  'vault-create',
  'passphrase-change',
  'password-change',
  'recovery-use',
  'start-over',
  'restore',
  'unlock',
  'lock',
  'identity-import',
  'identity-export',
  'identity-change',
  'certificate-request',
  'decrypt',
  'attachment-scan',
  'sign',
  'send-state',
  'contact-change',
  'trust',
  'trust-withdraw',
  'recheck',
  'second-factor',
  'issue',
  'revoke',
  'settings-change',
  'collection',
  'administration',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

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

/** What the hash of an entry covers, besides the hash of the one before. */
export type Chained = {
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

/** Stands before the first entry of a chain. */
export const GENESIS = Buffer.alloc(32);
/** How often a node looks up the newest hashes of the others' chains: with each entry would make nodes wait. */
const ANCHOR_EVERY = 16;
/** Each time another process came first by a moment; so often in a row is something else. */
const ATTEMPTS = 50;

/**
 * The trail of one node: its entries form a hash chain of their own, so nodes never wait for each other; now and then
 * an entry carries the newest hashes of the other chains, so that none of them can be rewritten alone.
 */
export function openAuditTrail(database: Database, node: string, now: () => Date): AuditTrail {
  let newest: { number: number; hash: Buffer } | null = null;
  let queue: Promise<void> = Promise.resolve();
  const append = async (event: AuditEvent, attempts = ATTEMPTS): Promise<void> => {
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
      // The outcome is unknown: read it again before the next entry.
      newest = null;
      if (!isNumberTaken(error) || attempts === 1) throw error;
      await append(event, attempts - 1);
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

/** A second process bears our name: which of the two comes first in their chain the database decides. */
function isNumberTaken(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}

async function newestOf(database: Database, node: string): Promise<{ number: number; hash: Buffer }> {
  const last = await database.prisma.auditEntry.findFirst({ where: { node }, orderBy: { number: 'desc' } });
  return last ? { number: last.number, hash: Buffer.from(last.hash) } : { number: 0, hash: GENESIS };
}

async function newestOfOthers(database: Database, node: string): Promise<Record<string, string>> {
  const others = await database.pool.query<{ node: string; hash: Buffer }>(
    // From node to node along the index: a trail of millions is not walked for it.
    `with recursive nodes as (
       (select node from audit_entry order by node limit 1)
       union all
       select (select e.node from audit_entry e where e.node > n.node order by e.node limit 1) from nodes n where n.node is not null)
     select n.node, e.hash from nodes n
       cross join lateral (select hash from audit_entry where node = n.node order by number desc limit 1) e
     where n.node <> $1`,
    [node],
  );
  return Object.fromEntries(others.rows.map((row) => [row.node, row.hash.toString('hex')]));
}

export function hashOf(entry: Chained, previous: Uint8Array): Buffer {
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
