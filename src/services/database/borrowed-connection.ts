import type pg from 'pg';

/**
 * Lends a connection for one task. One that broke meanwhile is thrown away: its queries were told, and without a listener
 * the event would end the node.
 */
export async function withConnection<T>(
  pool: Pick<pg.Pool, 'connect'>,
  task: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const note = (error: Error) => {
    broken = error;
  };
  client.on('error', note);
  try {
    return await task(client);
  } finally {
    client.off('error', note);
    client.release(broken);
  }
}
