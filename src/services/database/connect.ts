import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from '../../generated/prisma/client.ts';

/** Someone who waits behind others for a connection is served late, not with an error (Prisma's own: 2 s and 5 s). */
const TRANSACTION = { maxWait: 20_000, timeout: 30_000 };

/** Prisma for rows, and the same server through `pg` for bytes that pass in chunks. */
export type Database = {
  prisma: PrismaClient;
  pool: pg.Pool;
  connectionString: string;
  close(): Promise<void>;
};

/** Opens both pools; nothing is sent before the first query. */
export function connectDatabase(connectionString: string): Database {
  const pool = new pg.Pool({ connectionString, max: 10 });
  // An idle connection that the server ended is replaced at the next query; without a listener it would end the node.
  pool.on('error', () => {});
  const prisma = new PrismaClient({
    adapter: new PrismaPg({ connectionString, max: 20 }),
    transactionOptions: TRANSACTION,
  });
  return {
    prisma,
    pool,
    connectionString,
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
