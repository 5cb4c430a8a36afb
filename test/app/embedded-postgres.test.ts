import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/services/database/embedded-postgres.ts';
import { migrate } from '../../src/services/database/migrate.ts';

let folder: string;
let server: EmbeddedPostgres;
before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-pg-'));
  fs.chmodSync(folder, 0o711);
});
after(async () => {
  await server?.stop();
  fs.rmSync(folder, { recursive: true, force: true });
});

async function ask<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const postmaster = () => Number(fs.readFileSync(path.join(folder, 'cluster', 'postmaster.pid'), 'utf8').split('\n')[0]);

test('two nodes that start at once in one data folder make one database, and both reach it', async () => {
  const [one, two] = await Promise.all([startEmbeddedPostgres(folder), startEmbeddedPostgres(folder)]);
  server = one;
  assert.equal(one.connectionString, two.connectionString);
  assert.deepEqual(await ask('select 1 as it'), [{ it: 1 }]);
});

test('it listens on a private socket only and asks for a password', async () => {
  const [row] = await ask<{ listen_addresses: string }>('show listen_addresses');
  assert.equal(row?.listen_addresses, '');
  assert.equal(fs.statSync(path.join(folder, 'password')).mode & 0o077, 0);
  const wrong = new pg.Client({ connectionString: server.connectionString.replace(/:[^:@]+@/, ':wrong@') });
  await assert.rejects(wrong.connect(), /password authentication failed/);
});

test('several nodes that start at once apply each migration once', async () => {
  const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(server.connectionString)));
  const names = applied.flat();
  assert.ok(names.length > 0);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(await migrate(server.connectionString), []);
});

test('a node that was killed leaves it running, and the next one adopts it', async () => {
  const before = postmaster();
  server = await startEmbeddedPostgres(folder);
  assert.equal(server.how, 'adopted');
  assert.equal(postmaster(), before);
});

test('after kill -9 of Postgres itself the next start recovers what was committed', async () => {
  await ask('create table kept (n int)');
  await ask('insert into kept select generate_series(1, 1000)');
  process.kill(postmaster(), 'SIGKILL');
  server = await startEmbeddedPostgres(folder);
  assert.equal(server.how, 'started');
  assert.deepEqual(await ask('select count(*)::int as rows from kept'), [{ rows: 1000 }]);
});

test('a migration that was edited after it was applied is refused', async () => {
  const migrations = path.join(folder, 'migrations');
  const first = path.join(migrations, '20990101000000_extra', 'migration.sql');
  fs.mkdirSync(path.dirname(first), { recursive: true });
  fs.writeFileSync(first, 'create table extra (n int);');
  assert.deepEqual(await migrate(server.connectionString, migrations), ['20990101000000_extra']);
  fs.writeFileSync(first, 'create table extra (n bigint);');
  await assert.rejects(migrate(server.connectionString, migrations), /was edited after it was applied/);
});
