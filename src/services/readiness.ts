import type { Database } from './database/connect.ts';

/** Whether a node can serve pages: the database answers. The mail servers may be down; pages say so themselves. */
export async function isReady(database: Database): Promise<boolean> {
  try {
    await database.pool.query('select 1');
    return true;
  } catch {
    return false;
  }
}
