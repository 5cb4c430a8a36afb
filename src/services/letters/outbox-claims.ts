import { randomUUID } from 'node:crypto';
import type { Database } from '../database/connect.ts';

/** The right to work on one letter: nobody else may until it is given back or the lease runs out. */
export type Claim = { letterId: string; owner: string };

/**
 * Takes the letter that is due for longest and that nobody works on. Two nodes never get the same one: rows that another
 * one is just taking are passed over, and the lease is measured by the database's clock alone.
 * @param by.accountId letters of this account, whether or not they wait for its sign-in; null: those that any node may send
 * @returns null when nothing is due
 */
export async function claimLetter(
  database: Database,
  by: { owner: string; accountId: string | null; leaseMs: number; at: Date },
): Promise<Claim | null> {
  const owner = `${by.owner} ${randomUUID()}`;
  const claimed = await database.pool.query<{ id: string }>(
    `update letter set claimed_by = $1, claimed_until = clock_timestamp() + $2 * interval '1 millisecond'
     where id = (
       select id from letter
       where due_at <= $3 and (claimed_until is null or claimed_until < clock_timestamp())
         and case when $4::uuid is null then not waiting_for_sign_in else account_id = $4 end
       order by due_at limit 1 for update skip locked)
     returning id`,
    [owner, by.leaseMs, by.at, by.accountId],
  );
  const letterId = claimed.rows[0]?.id;
  return letterId === undefined ? null : { letterId, owner };
}

export type HeldClaim = {
  /** Aborted when the lease could not be renewed in time: another node may have it now */
  signal: AbortSignal;
  release(): Promise<void>;
};

/** Renews the lease while the work goes on. */
export function holdClaim(database: Database, { letterId, owner }: Claim, leaseMs: number): HeldClaim {
  const lost = new AbortController();
  // Ended a little before the database thinks so: what is on its way then is not doubled.
  let expiry = setTimeout(() => lost.abort(), leaseMs * 0.8);
  const renew = async () => {
    const renewed = await database.pool.query(
      `update letter set claimed_until = clock_timestamp() + $3 * interval '1 millisecond' where id = $1 and claimed_by = $2`,
      [letterId, owner, leaseMs],
    );
    if (renewed.rowCount !== 1) return lost.abort();
    clearTimeout(expiry);
    expiry = setTimeout(() => lost.abort(), leaseMs * 0.8);
  };
  const timer = setInterval(() => void renew().catch(() => {}), leaseMs / 4);
  return {
    signal: lost.signal,
    release: async () => {
      clearInterval(timer);
      clearTimeout(expiry);
      await database.pool.query(
        'update letter set claimed_by = null, claimed_until = null where id = $1 and claimed_by = $2',
        [letterId, owner],
      );
      clearTimeout(expiry);
    },
  };
}

/** Puts a letter off whose work broke down, as long as it is still ours. */
export async function postpone(database: Database, { letterId, owner }: Claim, until: Date): Promise<void> {
  await database.pool.query('update letter set due_at = $3 where id = $1 and claimed_by = $2', [
    letterId,
    owner,
    until,
  ]);
}
