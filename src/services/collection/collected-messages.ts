import type { CollectedMessage } from '../../generated/prisma/client.ts';
import type { StorePlace } from '../../mail/imap-store.ts';
import type { Listed } from '../../mail/pop3-connection.ts';
import type { Database } from '../database/connect.ts';
import { type CollectionClaim, writeHeld } from './collection-claims.ts';

/** One message as it was read. */
export type ReadMessage = { sha256: string; octets: number };

const DAY_MS = 24 * 3_600_000;
/** What the other server no longer lists is forgotten after this time. */
const REMEMBERED_MS = 60 * DAY_MS;

/**
 * What is known of an account's messages. Every line is written by whoever has the claim, or not at all. In which order,
 * and why nothing is lost or doubled by it: docs/decisions/029.
 */
export class CollectedMessages {
  readonly #database: Database;
  readonly #claim: CollectionClaim;

  constructor(database: Database, claim: CollectionClaim) {
    this.#database = database;
    this.#claim = claim;
  }

  /** Those that an earlier round was about to store; one at most. */
  unsettled(): Promise<CollectedMessage | null> {
    const where = { accountId: this.#claim.accountId, state: 'appending' as const };
    return this.#database.prisma.collectedMessage.findFirst({ where });
  }

  /** By UIDL: of this server and mailbox, settled. */
  async known(): Promise<Map<string, CollectedMessage[]>> {
    const where = { accountId: this.#claim.accountId, retired: false, state: { not: 'appending' as const } };
    const rows = await this.#database.prisma.collectedMessage.findMany({ where });
    return Map.groupBy(rows, ({ uidl }) => uidl);
  }

  /** Stored before under another name, and not deleted by us: of a server whose names changed, or of one before it. */
  async renamed({ sha256 }: ReadMessage, listed: ReadonlySet<string>): Promise<CollectedMessage | null> {
    const where = { accountId: this.#claim.accountId, sha256, state: 'stored' as const, deletedAt: null };
    const rows = await this.#database.prisma.collectedMessage.findMany({ where });
    return rows.find(({ retired, uidl }) => retired || !listed.has(uidl)) ?? null;
  }

  async rename(id: bigint, { uidl, octets }: Listed, at: Date): Promise<void> {
    await this.#write(
      `update collected_message set uidl = $5, listed_octets = $6, seen_at = $7, retired = false
       from held where id = $4 and collected_message.account_id = held.account_id returning id`,
      [id, uidl, octets, at],
    );
  }

  /** Before it is stored: from here on it may be in the mailbox, at a UID not below that of `place`. */
  async begin(entry: Listed, message: ReadMessage, place: StorePlace, at: Date): Promise<bigint> {
    const { id } = await this.#write<{ id: string }>(
      `insert into collected_message (account_id, state, uidl, listed_octets, sha256, octets, uid_validity, uid_from, seen_at)
       select account_id, 'appending', $4, $5, $6, $7, $8, $9, $10 from held returning id`,
      [entry.uidl, entry.octets, message.sha256, message.octets, place.uidValidity, place.uidNext, at],
    );
    return BigInt(id);
  }

  /** It is in the mailbox, as the mailbox's server said or as was found there. */
  async stored(id: bigint, at: Date): Promise<void> {
    await this.#write(
      `update collected_message set state = 'stored', stored_at = $5
       from held where id = $4 and collected_message.account_id = held.account_id returning id`,
      [id, at],
      ', last_count = last_count + 1, total_count = total_count + 1',
    );
  }

  /** It is not in the mailbox, for certain. */
  async forget(id: bigint): Promise<void> {
    await this.#write(
      'delete from collected_message using held where id = $4 and collected_message.account_id = held.account_id returning id',
      [id],
    );
  }

  /** The mailbox cannot take it: it stays where it is. */
  async refuse(entry: Listed, reason: string, at: Date): Promise<void> {
    await this.#write(
      `insert into collected_message (account_id, state, uidl, listed_octets, sha256, octets, reason, seen_at)
       select account_id, 'refused', $4, $5, '', $5, $6, $7 from held returning id`,
      [entry.uidl, entry.octets, reason, at],
    );
  }

  /** Before the other server is told to delete them for good. */
  async deleting(ids: readonly bigint[], at: Date): Promise<void> {
    if (ids.length === 0) return;
    await this.#write(
      `, marked as (
         update collected_message m set deleted_at = $5 from held
         where m.id = any($4::bigint[]) and m.account_id = held.account_id returning m.id)
       select account_id from held`,
      [ids.map(String), at],
    );
  }

  /** What is still listed is remembered; the rest goes after a while. */
  async listed(uidls: readonly string[], at: Date): Promise<void> {
    await this.#write(
      `, fresh as (
         update collected_message m set seen_at = $5 from held
         where m.account_id = held.account_id and m.uidl = any($4::text[]) and m.seen_at < $6 returning m.id),
       old as (
         delete from collected_message m using held
         where m.account_id = held.account_id and m.state <> 'appending' and m.seen_at < $7
           and not m.uidl = any($4::text[]) returning m.id)
       select account_id from held`,
      [uidls, at, new Date(at.getTime() - DAY_MS), new Date(at.getTime() - REMEMBERED_MS)],
    );
  }

  #write<T extends object>(query: string, values: readonly unknown[], also = ''): Promise<T> {
    return writeHeld<T>(this.#database, this.#claim, query, values, also);
  }
}
