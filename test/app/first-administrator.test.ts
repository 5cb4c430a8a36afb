import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { createRootAuthority } from '../../src/pki/issue.ts';
import { addAdministratorAt } from '../../src/services/administration/installation.ts';
import type { Database } from '../../src/services/database/connect.ts';
import { freshDatabase } from '../support/database.ts';

const ADDRESS = 'Anna.Berg@tcn.l.eu-admin.net';
const PASSWORD = 'long enough 12';
const PLACE = ['--imap', 'imap.example.org', '--submission', 'smtp.example.org:465'];
const DAY_MS = 86_400_000;

let folder: string;
let database: Database & { drop(): Promise<void> };

before(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-first-'));
  fs.writeFileSync(path.join(folder, 'password'), `${PASSWORD}\n`);
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.drop());

/** The command as an operator types it. */
function admin(...args: string[]) {
  const key = `1:${randomBytes(32).toString('base64')}`;
  const env = {
    PATH: process.env['PATH'],
    DATA_FOLDER: folder,
    DATABASE_URL: database.connectionString,
    ...{ SERVER_KEYS: key, SESSION_KEYS: key },
  };
  const file = ['--password-file', path.join(folder, 'password')];
  const done = spawnSync(process.execPath, ['src/cli.ts', 'admin', 'add', ...file, ...args], { env, encoding: 'utf8' });
  return { status: done.status, said: done.stderr, answer: done.stdout };
}

test('cli.md an empty installation gets its programme, its country and its first administrator by one command', async () => {
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 90 * DAY_MS) };
  const root = await createRootAuthority({ name: 'Servers', keyAlgorithm: 'P-256', ...life });
  const ca = path.join(folder, 'ca.pem');
  fs.writeFileSync(ca, toPem([root.certificate]));
  const nothing = admin(ADDRESS);
  assert.equal(nothing.status, 1);
  assert.match(nothing.said, /say where the hosted mailboxes are, with --imap and --submission/);
  const done = admin(ADDRESS, ...PLACE, '--ca', ca, '--programme-name', 'TACHOnet, test phase');
  assert.equal(done.status, 0, done.said);
  assert.deepEqual(JSON.parse(done.answer), { address: ADDRESS, role: 'central', outcome: 'created' });
  const country = await database.prisma.country.findFirstOrThrow({
    include: { programme: true, mailServer: true, accounts: true },
  });
  const { programme, mailServer, accounts } = country;
  assert.deepEqual(
    [programme.code, programme.name, programme.domainPattern, country.code, country.isoCode],
    ['tcn', 'TACHOnet, test phase', 'tcn.{cc}.eu-admin.net', 'L', 'LU'],
  );
  assert.deepEqual(
    [mailServer.hosted, mailServer.imapHost, mailServer.imapPort, mailServer.imapTls],
    [true, 'imap.example.org', 993, 'implicit'],
  );
  assert.deepEqual([mailServer.submissionPort, mailServer.submissionTls], [465, 'implicit']);
  assert.ok(mailServer.caPem?.includes('BEGIN CERTIFICATE'));
  assert.deepEqual(
    accounts.map(({ role }) => role),
    ['central'],
  );
  assert.match(JSON.stringify((await database.pool.query('select * from audit_entry')).rows), /administrator created/);

  const moved = admin(ADDRESS, '--imap', '[2001:db8::1]:143', '--submission', '192.0.2.7');
  assert.equal(moved.status, 0, moved.said);
  const server = await database.prisma.mailServer.findFirstOrThrow();
  assert.deepEqual(
    [server.imapHost, server.imapPort, server.imapTls, server.submissionHost, server.submissionTls, server.caPem],
    ['2001:db8::1', 143, 'starttls', '192.0.2.7', 'starttls', null],
  );
  await database.prisma.country.updateMany({ data: { suspendedAt: new Date() } });
  const back = admin(ADDRESS);
  assert.equal(back.status, 0, back.said);
  assert.match(back.said, /the country of this account was suspended: it takes part again/);
  assert.match(JSON.stringify((await database.pool.query('select * from audit_entry')).rows), /country-resumed/);
  const elsewhere = admin('Anna.Berg@rp.l.eu-admin.net', ...PLACE);
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.said, /no country of this installation has this domain/);
  assert.equal(await database.prisma.programme.count(), 1);
});

test('cli.md an administrator whose account was suspended is let in again and told so, and one that was removed is refused', async () => {
  assert.equal(admin(ADDRESS, ...PLACE).status, 0);
  const { prisma } = database;
  await prisma.account.updateMany({ data: { state: 'suspended', heldByCentre: true } });
  const again = admin(ADDRESS);
  assert.equal(again.status, 0, again.said);
  assert.match(again.said, /this account was suspended: it is active again/);
  const account = await prisma.account.findFirstOrThrow();
  assert.deepEqual([account.state, account.heldByCentre, account.role], ['active', false, 'central']);
  const entry = await prisma.auditEntry.findFirst({ where: { reason: 'account: resume' } });
  assert.deepEqual([entry?.actor, entry?.object, entry?.result], ['operator', account.id, 'done']);
  assert.doesNotMatch(admin(ADDRESS).said, /suspended/, 'not said where it was not so');
  await prisma.account.updateMany({ data: { state: 'removed', role: 'clerk' } });
  const removed = admin(ADDRESS);
  assert.equal(removed.status, 1);
  assert.match(removed.said, /was removed: a central administrator restores it/);
  assert.equal((await prisma.account.findFirstOrThrow()).role, 'clerk');
});

test('cli.md what cannot be is refused with the reason, and leaves the installation empty', async () => {
  for (const [args, status, said] of [
    [[ADDRESS, '--imap', 'imap.example.org'], 2, /usage/],
    [[ADDRESS, '--ca', 'x'], 2, /usage/],
    [[ADDRESS, '--imap', 'localhost', '--submission', 'a.example'], 2, /--imap: expected a host/],
    [[ADDRESS, '--imap', 'a.example', '--submission', 'a.example:25'], 2, /port 587 or 465/],
    [[ADDRESS, '--imap', '169.254.169.254', '--submission', 'a.example'], 2, /--imap: expected a host/],
    [[ADDRESS, ...PLACE, '--ca', path.join(folder, 'password')], 1, /no certificate could be read/],
    [[ADDRESS, ...PLACE, '--ca', path.join(folder, 'missing')], 1, /missing/],
    [['Anna.Berg@mail.example.org', ...PLACE], 1, /the sign of a country of Annex A/],
    [['Anna.Berg@e.i.example', ...PLACE], 1, /the sign of a country of Annex A/],
    [['Anna@tcn.l.eu-admin.net', ...PLACE], 1, /Firstname\.Surname/],
    [['not an address', ...PLACE], 1, /not an address/],
  ] as const) {
    const refused = admin(...args);
    assert.equal(refused.status, status, `${args.join(' ')}: ${refused.said}`);
    assert.match(refused.said, said);
  }
  const weak = await addAdministratorAt(database, ADDRESS, 'short', place());
  assert.deepEqual(weak, { ok: false, problem: 'not-created' });
  assert.equal(await database.prisma.programme.count(), 0);
  assert.equal(await database.prisma.mailServer.count(), 0);
});

const place = () => ({
  programmeName: null,
  server: {
    ...{ imapHost: 'imap.example.org', imapPort: 993, imapTls: 'implicit' as const },
    ...{ submissionHost: 'smtp.example.org', submissionPort: 587, submissionTls: 'starttls' as const },
    ...{ serverName: null, caPem: null },
  },
});

test('cli.md two operators at the same moment begin one installation', async () => {
  const results = await Promise.all(
    ['Anna.Berg@tcn.l.eu-admin.net', 'Otto.Weber@rp.d.example', 'Marta.Klein@tcn.a.eu-admin.net'].map((address) =>
      addAdministratorAt(database, address, PASSWORD, place()),
    ),
  );
  assert.equal(results.filter(({ ok }) => ok).length, 1);
  assert.equal(await database.prisma.programme.count(), 1);
});
