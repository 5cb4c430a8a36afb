import type { PublishedListKind } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import { type ListFacts, newestList } from './publish-lists.ts';

/** Lists never change; a handful are in force. */
const HELD_MOST = 16;

export type ServedList = ListFacts & { bytes: Buffer };

/** The lists in force, for whoever asks: their bytes are read from the database once on each node. */
export class PublishedLists {
  readonly #database: Database;
  readonly #held = new Map<string, Buffer>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Null when the authority is not ours or has published none of this kind. */
  async find(authoritySha256: string, kind: PublishedListKind): Promise<ServedList | null> {
    const facts = await newestList(this.#database, authoritySha256, kind);
    return facts === null ? null : { ...facts, bytes: await this.#bytes(facts.sha256) };
  }

  async #bytes(sha256: string): Promise<Buffer> {
    const held = this.#held.get(sha256);
    if (held !== undefined) return held;
    const row = await this.#database.prisma.publishedList.findUniqueOrThrow({
      where: { sha256 },
      select: { bytes: true },
    });
    const bytes = Buffer.from(row.bytes);
    this.#held.set(sha256, bytes);
    const oldest = this.#held.keys().next().value;
    if (this.#held.size > HELD_MOST && oldest !== undefined) this.#held.delete(oldest);
    return bytes;
  }
}

export type ListInService = ListFacts & {
  authoritySha256: string;
  kind: PublishedListKind;
  /** Of this server */
  href: string;
  isOver: boolean;
};

/** The newest lists of all authorities, each authority's own list first. */
export async function listsInService(database: Database, at: Date): Promise<ListInService[]> {
  const rows = await database.pool.query<{ authority: string; kind: PublishedListKind; sha256: string }>(
    `select distinct on (a.sha256, l.kind) a.sha256 as authority, l.kind, l.sha256
     from published_list l join authority a on a.id = l.authority_id order by a.sha256, l.kind, l.number desc`,
  );
  const facts = await database.prisma.publishedList.findMany({
    where: { sha256: { in: rows.rows.map(({ sha256 }) => sha256) } },
    select: { number: true, sha256: true, thisUpdate: true, nextUpdate: true },
  });
  return rows.rows.flatMap(({ authority, kind, sha256 }) => {
    const list = facts.find((one) => one.sha256 === sha256);
    if (list === undefined) return [];
    const href = `/lists/${authority}${kind === 'indirect' ? '-daily' : ''}.crl`;
    return [{ ...list, authoritySha256: authority, kind, href, isOver: list.nextUpdate <= at }];
  });
}
