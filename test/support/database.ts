import { randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { connectDatabase, type Database } from '../../src/services/database/connect.ts';
import { startEmbeddedPostgres } from '../../src/services/database/embedded-postgres.ts';
import { migrate } from '../../src/services/database/migrate.ts';

/**
 * A fresh database with all migrations, in a Postgres that all test files share: the first one starts it, the others
 * adopt it, test/run.ts ends it.
 */
export async function freshDatabase(): Promise<Database & { drop(): Promise<void> }> {
  const server = await startEmbeddedPostgres(testPostgresFolder());
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: server.connectionString });
  await admin.connect();
  await admin.query(`create database ${name}`);
  await admin.end();
  const connectionString = server.connectionString.replace('/sealpost?', `/${name}?`);
  await migrate(connectionString);
  const database = connectDatabase(connectionString);
  return {
    ...database,
    drop: async () => {
      await database.close();
      const last = new pg.Client({ connectionString: server.connectionString });
      await last.connect();
      await last.query(`drop database ${name} with (force)`);
      await last.end();
    },
  };
}

export function testPostgresFolder(): string {
  return process.env['SEALPOST_TEST_POSTGRES'] ?? path.join(os.tmpdir(), 'sealpost-test-postgres');
}
