import type { Database } from './database/connect.ts';

/** A load balancer does not wait long for an answer. */
const PATIENCE_MS = 3000;

/** Whether a node can serve pages: the database answers. The mail servers may be down; pages say so themselves. */
export async function isReady(database: Database): Promise<boolean> {
  try {
    const late = new Promise<false>((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref());
    return await Promise.race([database.pool.query('select 1').then(() => true), late]);
  } catch {
    return false;
  }
}
