import type { Config } from '../../config.ts';
import type { RevocationPoint } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';

/** Brings the table to what the settings allow; what was fetched from an address that is no longer listed stays evidence. */
export async function listPoints(
  database: Database,
  config: Pick<Config, 'revocationLists' | 'ocspResponders'>,
  at: Date,
): Promise<void> {
  const listed = [
    ...config.revocationLists.map((url) => ({ kind: 'list' as const, url })),
    ...config.ocspResponders.map((url) => ({ kind: 'responder' as const, url })),
  ];
  await database.prisma.revocationPoint.createMany({
    data: listed.map((point) => ({ ...point, addedAt: at, dueAt: at })),
    skipDuplicates: true,
  });
  await database.prisma.revocationPoint.deleteMany({
    where: { bySettings: true, NOT: listed.map((point) => ({ AND: point })) },
  });
}

/**
 * Takes the list that is due for longest, for this node alone: rows another node is just taking are passed over. Null when
 * nothing is due.
 */
export async function claimDueList(database: Database, at: Date, leaseMs: number): Promise<RevocationPoint | null> {
  const claimed = await database.pool.query<{ id: string }>(
    `update revocation_point set claimed_until = clock_timestamp() + $2 * interval '1 millisecond'
     where id = (
       select id from revocation_point
       where kind = 'list' and due_at <= $1 and (claimed_until is null or claimed_until < clock_timestamp())
       order by due_at limit 1 for update skip locked)
     returning id`,
    [at, leaseMs],
  );
  const id = claimed.rows[0]?.id;
  return id === undefined ? null : database.prisma.revocationPoint.findUnique({ where: { id } });
}

/** Those of the given addresses that may be asked, as they are listed. A listed address stands for those below it. */
export async function allowedResponders(database: Database, uris: readonly string[]): Promise<string[]> {
  if (uris.length === 0) return [];
  const points = await database.prisma.revocationPoint.findMany({
    where: { kind: 'responder' },
    select: { url: true },
  });
  return uris.filter((uri) => points.some(({ url }) => isBelow(uri, url)));
}

function isBelow(uri: string, listed: string): boolean {
  const [asked, allowed] = [URL.parse(uri), URL.parse(listed)];
  if (asked === null || allowed === null || asked.origin !== allowed.origin) return false;
  if (asked.username !== '' || asked.password !== '') return false;
  // Some servers take these for what they stand for, and so leave the folder.
  if (/%(2e|2f|5c)/i.test(asked.pathname)) return false;
  const folder = allowed.pathname.endsWith('/') ? allowed.pathname : `${allowed.pathname}/`;
  return asked.pathname === allowed.pathname || asked.pathname.startsWith(folder);
}
