import { randomUUID } from 'node:crypto';
import type { Database } from '../database/connect.ts';

/** The right to collect for one account: nobody else may until it is given back or the lease runs out. */
export type CollectionClaim = { accountId: string; claim: string; leaseMs: number };

/** Somebody else has the mailbox now, or its holder changed something: what is under way ends without a word. */
export class ClaimLostError extends Error {
  readonly code = 'claim-lost';
}

/**
 * Takes the mailbox that is due for longest. Two nodes never get the same one; the lease is measured by the database's clock
 * alone. What a round that came to no end had stored counts with this one.
 */
export async function claimCollection(
  database: Database,
  { leaseMs, at }: { leaseMs: number; at: Date },
): Promise<CollectionClaim | null> {
  const claim = randomUUID();
  const claimed = await database.pool.query<{ account_id: string }>(
    `update collection set claim = $1, claimed_until = clock_timestamp() + $2 * interval '1 millisecond',
       last_count = case when claim is null then 0 else last_count end
     where account_id = (
       select m.account_id from collection m
         join account a on a.id = m.account_id join country c on c.id = a.country_id
         join mail_server s on s.id = c.mail_server_id
       where m.state = 'on' and m.due_at <= $3 and (m.claimed_until is null or m.claimed_until < clock_timestamp())
         and s.hosted and a.state = 'active' and c.suspended_at is null
       order by m.due_at limit 1 for update of m skip locked)
     returning account_id`,
    [claim, leaseMs, at],
  );
  const accountId = claimed.rows[0]?.account_id;
  return accountId === undefined ? null : { accountId, claim, leaseMs };
}

/**
 * A query of whoever has the claim, which renews it: `held` has one row as long as it is so. `$1` to `$3` are account, claim and lease.
 * @param also what else of its row is set
 * @throws ClaimLostError where no row came back
 */
export async function writeHeld<T extends object>(
  database: Database,
  { accountId, claim, leaseMs }: CollectionClaim,
  query: string,
  values: readonly unknown[] = [],
  also = '',
): Promise<T> {
  const held = `with held as (
    update collection set claimed_until = clock_timestamp() + $3 * interval '1 millisecond' ${also}
    where account_id = $1 and claim = $2 and claimed_until > clock_timestamp() returning account_id)`;
  const { rows } = await database.pool.query<T>(`${held} ${query}`, [accountId, claim, leaseMs, ...values]);
  const [row] = rows;
  if (row === undefined) throw new ClaimLostError('somebody else collects');
  return row;
}

export type HeldCollection = {
  /** Aborted when the lease could not be renewed in time: another node may have it now */
  signal: AbortSignal;
  stop(): void;
};

/** Renews the lease while the work goes on. */
export function holdCollection(database: Database, claim: CollectionClaim): HeldCollection {
  const lost = new AbortController();
  // Ended a little before the database thinks so: what is on its way then is not doubled.
  let expiry = setTimeout(() => lost.abort(), claim.leaseMs * 0.8);
  const renew = async () => {
    try {
      await writeHeld(database, claim, 'select account_id from held');
    } catch (error) {
      if (error instanceof ClaimLostError) lost.abort();
      return;
    }
    clearTimeout(expiry);
    expiry = setTimeout(() => lost.abort(), claim.leaseMs * 0.8);
  };
  const timer = setInterval(() => void renew(), claim.leaseMs / 4);
  return {
    signal: lost.signal,
    stop: () => {
      clearInterval(timer);
      clearTimeout(expiry);
    },
  };
}

export type RoundEnd = {
  outcome: string;
  failures: number;
  refusals: number;
  /** Null: not before its holder does something */
  dueAt: Date | null;
  at: Date;
};

/**
 * Gives it back with how it went.
 * @returns how many messages were stored since a round last came to its end; null for who has the claim no more: nothing is changed then
 */
export async function endCollection(
  database: Database,
  { accountId, claim }: CollectionClaim,
  end: RoundEnd,
): Promise<number | null> {
  const { outcome, failures, refusals, dueAt, at } = end;
  const stops = dueAt === null;
  const [ended] = await database.prisma.collection.updateManyAndReturn({
    where: { accountId, claim },
    select: { lastCount: true },
    data: {
      claim: null,
      claimedUntil: null,
      endedAt: at,
      ...(outcome === 'ok' ? { succeededAt: at } : {}),
      ...{ outcome, failures, refusals },
      ...(stops ? { state: 'stopped', sealedPassword: null } : { dueAt }),
    },
  });
  return ended?.lastCount ?? null;
}
