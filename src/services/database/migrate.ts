import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** The key under which Prisma's own engine locks: `prisma migrate` and a starting node wait for each other. */
const PRISMA_ADVISORY_LOCK = 72707369;
const MIGRATIONS = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/**
 * Applies what is missing of `prisma/migrations`, in order, each in one transaction, and keeps Prisma's own table.
 * Several nodes may call it at once: one works, the others wait and find nothing to do.
 * @returns names of the migrations that this call applied
 * @throws Error when an earlier migration had failed, or one that was applied has been edited since
 */
export async function migrate(connectionString: string, folder = MIGRATIONS): Promise<string[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [PRISMA_ADVISORY_LOCK]);
    await client.query(`create table if not exists _prisma_migrations (
      id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz,
      migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
      started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`);
    const known = await client.query<{ name: string; checksum: string; finished: Date | null }>(
      'select migration_name as name, checksum, finished_at as finished from _prisma_migrations where rolled_back_at is null',
    );
    const failed = known.rows.find((row) => row.finished === null);
    if (failed) throw new Error(`Migration ${failed.name} failed earlier. Repair it, then run prisma migrate resolve.`);
    const applied: string[] = [];
    for (const name of migrationNames(folder)) {
      const sql = fs.readFileSync(path.join(folder, name, 'migration.sql'), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      const earlier = known.rows.find((row) => row.name === name);
      if (earlier && earlier.checksum !== checksum)
        throw new Error(`Migration ${name} was edited after it was applied.`);
      if (!earlier) {
        await apply(client, name, sql, checksum);
        applied.push(name);
      }
    }
    return applied;
  } finally {
    await client.end();
  }
}

/** Migrations of this version that the database has not seen. */
export async function missingMigrations(client: Pick<pg.Pool, 'query'>, folder = MIGRATIONS): Promise<string[]> {
  const applied = await client.query<{ name: string }>(
    'select migration_name as name from _prisma_migrations where finished_at is not null and rolled_back_at is null',
  );
  const known = new Set(applied.rows.map(({ name }) => name));
  return migrationNames(folder).filter((name) => !known.has(name));
}

function migrationNames(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => fs.existsSync(path.join(folder, name, 'migration.sql')))
    .sort();
}

async function apply(client: pg.Client, name: string, sql: string, checksum: string): Promise<void> {
  const id = randomUUID();
  await client.query('insert into _prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)', [
    id,
    checksum,
    name,
  ]);
  try {
    // Several statements in one simple query are one implicit transaction.
    await client.query(sql);
  } catch (error) {
    await client.query('update _prisma_migrations set logs = $2 where id = $1', [id, String(error)]);
    throw error;
  }
  await client.query('update _prisma_migrations set finished_at = now(), applied_steps_count = 1 where id = $1', [id]);
}
