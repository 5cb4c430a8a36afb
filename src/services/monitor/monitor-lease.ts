import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Database } from '../database/connect.ts';

/** Longer than a node is silent that lives; another one takes over then. */
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;

export type MonitorLease = {
  /** Name under which it is held */
  owner: string;
  /** Takes the right to watch, or renews it. False while another node has it. */
  take(): Promise<boolean>;
  /** Inside a transaction: whether it is still held, and held until that ends */
  isHeld(client: pg.PoolClient): Promise<boolean>;
  release(): Promise<void>;
};

/** The right to watch and to tell: one node at a time, by the clock of the database. It is renewed until it is released. */
export function monitorLease(database: Database, node: string): MonitorLease {
  const owner = `${node} ${randomUUID()}`;
  let held = false;
  const take = async () => {
    const taken = await database.pool.query(
      `insert into monitor_lease (id, node, held_by, held_until)
       values (1, $1, $2, clock_timestamp() + $3 * interval '1 millisecond')
       on conflict (id) do update set node = excluded.node, held_by = excluded.held_by, held_until = excluded.held_until
       where monitor_lease.held_by = excluded.held_by or monitor_lease.held_until < clock_timestamp()`,
      [node, owner, LEASE_MS],
    );
    held = taken.rowCount === 1;
    return held;
  };
  const renew = setInterval(() => {
    if (held) void take().catch(() => {}); // without a database it runs out by itself
  }, RENEW_MS);
  renew.unref();
  return {
    owner,
    take,
    isHeld: async (client) => {
      const found = await client.query(
        'select 1 from monitor_lease where held_by = $1 and held_until > clock_timestamp() for update',
        [owner],
      );
      return found.rowCount === 1;
    },
    release: async () => {
      clearInterval(renew);
      held = false;
      await database.pool
        .query('update monitor_lease set held_until = clock_timestamp() where held_by = $1', [owner])
        .catch(() => {});
    },
  };
}
