import type { Prisma, RevocationList as RevocationListRow, RevocationPoint } from '../../generated/prisma/client.ts';
import { type RevocationList, readRevocationLists } from '../../pki/crl.ts';
import { PkiError } from '../../pki/errors.ts';
import type { Database } from '../database/connect.ts';

/** Older lists of a point that are still in force stand by, so that a forged one cannot push the real one out at once. */
const KEPT_OF_A_POINT = 4;
/** Of one address or file; each is read again for every message. Whoever publishes one for each authority has a handful. */
const MAX_LISTS_IN_FILE = 20;
/** Of one clerk's own imports. */
export const MAX_IMPORTED = 20;

/** Lists that are in force or may prove a revocation, for everybody and for this account; SHA-256. */
export async function listsInForce(database: Database, accountId: string): Promise<string[]> {
  const rows = await database.pool.query<{ sha256: string }>(
    `select distinct sha256 from revocation_list
     where superseded_at is null and (account_id is null or account_id = $1)`,
    [accountId],
  );
  return rows.rows.map((row) => row.sha256);
}

/** The bytes of lists by SHA-256. What is asked for twice or not there is left out. */
export async function listBytes(database: Database, sha256: readonly string[]): Promise<Map<string, Uint8Array>> {
  if (sha256.length === 0) return new Map();
  const rows = await database.pool.query<{ sha256: string; bytes: Buffer }>(
    'select distinct on (sha256) sha256, bytes from revocation_list where sha256 = any($1)',
    [sha256],
  );
  return new Map(rows.rows.map((row) => [row.sha256, row.bytes]));
}

/**
 * Keeps what a listed address gave. Nothing is believed by that: whose signature counts is decided where a certificate is judged.
 * Throws PkiError when it is no list.
 */
export async function storeFetchedLists(
  database: Database,
  pointId: string,
  bytes: Buffer,
  at: Date,
): Promise<RevocationList[]> {
  const lists = readRevocationLists(bytes, MAX_LISTS_IN_FILE);
  await insertLists(database.prisma, lists, { pointId, accountId: null }, at);
  await database.pool.query(
    `update revocation_list set superseded_at = $2
     where point_id = $1 and superseded_at is null and (next_update < $2 or id not in (
       select id from revocation_list where point_id = $1 order by received_at desc, this_update desc limit $3))`,
    [pointId, at, KEPT_OF_A_POINT * lists.length],
  );
  return lists;
}

export type ListImport = { ok: true; lists: RevocationList[] } | { ok: false; reason: 'no-list' | 'too-many' };

/** Lists from a file, for this account's mail alone: a private authority's that no address publishes. */
export async function importLists(database: Database, accountId: string, bytes: Buffer, at: Date): Promise<ListImport> {
  let lists: RevocationList[];
  try {
    lists = readRevocationLists(bytes, MAX_LISTS_IN_FILE);
  } catch (error) {
    if (error instanceof PkiError) return { ok: false, reason: 'no-list' };
    throw error;
  }
  return database.prisma.$transaction(async (tx) => {
    // Files that come at once are counted one after the other.
    await tx.$queryRaw`select id from account where id = ${accountId}::uuid for no key update`;
    const has = await tx.revocationList.count({ where: { accountId, supersededAt: null } });
    if (has + lists.length > MAX_IMPORTED) return { ok: false, reason: 'too-many' };
    await insertLists(tx, lists, { pointId: null, accountId }, at);
    return { ok: true, lists };
  });
}

async function insertLists(
  tx: Prisma.TransactionClient,
  lists: readonly RevocationList[],
  source: { pointId: string | null; accountId: string | null },
  at: Date,
): Promise<void> {
  await tx.revocationList.createMany({
    skipDuplicates: true,
    data: lists.map(({ der, sha256, issuer, thisUpdate, nextUpdate }) => ({
      ...source,
      sha256,
      issuer,
      bytes: new Uint8Array(der),
      thisUpdate,
      nextUpdate,
      receivedAt: at,
    })),
  });
  // One that is still there as evidence, or came from another address, is heard of again here.
  await tx.revocationList.updateMany({
    where: { accountId: source.accountId, sha256: { in: lists.map((list) => list.sha256) } },
    data: { pointId: source.pointId, receivedAt: at, supersededAt: null },
  });
}

export type RevocationOverview = {
  points: RevocationPoint[];
  /** Imported by this clerk, without their bytes */
  lists: Pick<RevocationListRow, 'id' | 'issuer' | 'thisUpdate' | 'nextUpdate'>[];
};

/** Where revocation is looked up and what the account imported itself. */
export async function readRevocationOverview(database: Database, accountId: string): Promise<RevocationOverview> {
  const [points, lists] = await Promise.all([
    database.prisma.revocationPoint.findMany({ orderBy: [{ kind: 'asc' }, { url: 'asc' }] }),
    database.prisma.revocationList.findMany({
      where: { accountId, supersededAt: null },
      select: { id: true, issuer: true, thisUpdate: true, nextUpdate: true },
      orderBy: [{ issuer: 'asc' }, { thisUpdate: 'desc' }],
    }),
  ]);
  return { points, lists };
}

/**
 * An imported list counts no longer, also for messages that were judged by it; what an address publishes too stays. Gives whether it
 * was there.
 */
export async function removeImportedList(
  database: Database,
  accountId: string,
  id: string,
  at: Date,
): Promise<boolean> {
  const found = await database.prisma.revocationList.findFirst({
    where: { id, accountId, supersededAt: null },
    select: { sha256: true },
  });
  if (found === null) return false;
  await database.prisma.revocationList.updateMany({ where: { id, accountId }, data: { supersededAt: at } });
  await database.pool.query(
    `delete from signature_evidence where account_id = $1 and evidence @> array[$2::text]
     and not exists (select 1 from revocation_list where account_id is null and sha256 = $2)`,
    [accountId, found.sha256],
  );
  return true;
}

/** Removes lists that were superseded and that no judgement rests on; those of addresses no longer listed are so at their end. */
export async function removeOldLists(database: Database, at: Date): Promise<void> {
  await database.pool.query(
    `update revocation_list set superseded_at = $1
     where superseded_at is null and account_id is null and point_id is null and coalesce(next_update, $1) <= $1`,
    [at],
  );
  await database.pool.query(
    `delete from revocation_list l where superseded_at is not null
     and not exists (select 1 from signature_evidence e where e.evidence @> array[l.sha256])`,
  );
}
