import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Account, Country } from '../../src/generated/prisma/client.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { claimCollection, endCollection, writeHeld } from '../../src/services/collection/collection-claims.ts';
import { openPassword } from '../../src/services/collection/collection-password.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';

const PAGE = '/settings/collection';
const COUNTRIES = '/administration/collection';
const PASSWORD = 'pop3-password-canary';
const SERVER = { host: '127.0.0.1', port: '995', serverName: '', caPem: '' };

let world: TestApp;
let belgium: Country;
let germany: Country;
let marta: Account;
before(async () => {
  world = await startTestApp();
  // Nobody answers: the job is not started here, and the pages do not ask.
  world.config.serviceMail = { user: 'service', password: 'service' };
  const { database } = world;
  const found = await database.prisma.country.findFirstOrThrow({ include: { programme: true, mailServer: true } });
  belgium = found;
  const { id: _, createdAt: __, ...server } = found.mailServer;
  germany = await addCountry(database, found.programme, 'D', {
    ...{ ...server, name: 'of Germany' },
    ...{ imapTls: 'implicit', submissionTls: 'starttls' },
  });
  const wanted = { firstName: 'Marta', surname: 'Schulz', password: 'mailbox-password' };
  const made = await createHostedAccount(database, germany, wanted);
  marta = made.ok ? made.account : assert.fail(made.problem);
});
after(() => world?.stop());
beforeEach(async () => {
  const { prisma } = world.database;
  await prisma.pop3Server.deleteMany();
  await prisma.attemptWindow.deleteMany();
  await prisma.account.updateMany({ data: { role: 'clerk' } });
});

const collection = () => world.database.prisma.collection.findUnique({ where: { accountId: world.alain.id } });
const form = (more: Record<string, string> = {}) => {
  return { login: 'old.alain', password: PASSWORD, leave: 'keep', leaveDays: '14', ...more };
};

async function listServer(more: Partial<typeof SERVER> = {}): Promise<Clerk> {
  const administrator = await enteredAdministrator(world, world.elise, 'country');
  const at = `${COUNTRIES}/${belgium.id}`;
  assert.equal((await administrator.post(at, at, { ...SERVER, ...more })).location, at);
  return administrator;
}

test('T23 a clerk switches collecting on with the old mailbox’s password, which is kept sealed for that server alone', async () => {
  const clerk = await Clerk.signIn(world, world.alain);
  assert.match((await clerk.get(PAGE)).body, /has listed no server/);
  await listServer();
  assert.match((await clerk.get('/settings')).body, /POP3, server .*, port 995, with SSL\/TLS/);
  assert.match((await clerk.get('/settings')).body, /Collect mail by POP3/);
  assert.equal((await clerk.post(PAGE, PAGE, form())).location, PAGE);
  const row = (await collection()) ?? assert.fail();
  assert.equal(row.state, 'on');
  assert.ok(!Buffer.from(row.sealedPassword ?? []).includes(PASSWORD));
  const server = await world.database.prisma.pop3Server.findFirstOrThrow();
  const open = (purpose: object) =>
    openPassword(world.config, row.sealedPassword ?? new Uint8Array(), row.serverKeyVersion, {
      ...{ accountId: world.alain.id, login: 'old.alain', server },
      ...purpose,
    });
  assert.equal(open({}), PASSWORD);
  assert.throws(() => open({ accountId: world.elise.id }));
  assert.throws(() => open({ login: 'other' }));
  for (const change of [
    { host: 'evil.example' },
    { port: 110 },
    { tls: 'starttls' },
    { serverName: 'e.x' },
    { caPem: 'x' },
  ])
    assert.throws(() => open({ server: { ...server, ...change } }), Object.keys(change)[0]);
  const shown = await clerk.get(PAGE);
  assert.match(shown.body, /Switched on/);
  assert.doesNotMatch(shown.body, new RegExp(PASSWORD));
  const trail = JSON.stringify(
    (await world.database.prisma.auditEntry.findMany()).map(({ reason, object }) => [reason, object]),
  );
  assert.match(trail, /collection-on/);
  assert.doesNotMatch(trail, /canary|old\.alain/);
});

test('T23 what is missing or wrong is said beside its field, and nothing typed is lost but the password', async () => {
  await listServer();
  const clerk = await Clerk.signIn(world, world.alain);
  const nameless = await clerk.post(PAGE, PAGE, form({ login: '' }));
  assert.equal(nameless.status, 400);
  assert.match(nameless.body, /Enter the name of the old mailbox/);
  const bare = await clerk.post(PAGE, PAGE, form({ password: '' }));
  assert.equal(bare.status, 400);
  assert.match(bare.body, /Enter the password of the old mailbox/);
  const odd = await clerk.post(PAGE, PAGE, form({ leave: 'burn', leaveDays: '999' }));
  assert.equal(odd.status, 400);
  assert.match(odd.body, /Choose one of these/);
  assert.match(odd.body, /Enter a number from 1 to 365/);
  assert.match(odd.body, /value="old\.alain"/);
  assert.match(odd.body, /value="999"/);
  assert.doesNotMatch(odd.body, new RegExp(PASSWORD));
  const split = await clerk.post(PAGE, PAGE, form({ password: 'a\r\nDELE 1' }));
  assert.equal(split.status, 400);
  assert.equal(await collection(), null);
});

test('T23 the page is no place to try out passwords of other people', async () => {
  await listServer();
  const clerk = await Clerk.signIn(world, world.alain);
  for (let tries = 0; tries < 6; tries++) assert.equal((await clerk.post(PAGE, PAGE, form())).status, 302);
  const refused = await clerk.post(PAGE, PAGE, form());
  assert.equal(refused.status, 429);
  assert.match(refused.body, /Too many passwords/);
});

test('T23 a changed name needs its own password; a changed choice keeps it; switched off it is gone', async () => {
  await listServer();
  const clerk = await Clerk.signIn(world, world.alain);
  await clerk.post(PAGE, PAGE, form());
  const before = await collection();
  assert.equal((await clerk.post(PAGE, PAGE, form({ password: '', leave: 'days', leaveDays: '3' }))).status, 302);
  const changed = await collection();
  assert.deepEqual([changed?.leave, changed?.leaveDays], ['days', 3]);
  assert.deepEqual(changed?.sealedPassword, before?.sealedPassword);
  assert.equal((await clerk.post(PAGE, PAGE, form({ password: '', login: 'somebody.else' }))).status, 400);
  await world.database.prisma.collection.updateMany({ data: { dueAt: new Date('2030-01-01') } });
  assert.equal((await clerk.post(PAGE, `${PAGE}/now`, {})).location, PAGE);
  assert.ok(((await collection())?.dueAt ?? new Date(NaN)) <= new Date());
  assert.equal((await clerk.post(PAGE, `${PAGE}/off`, {})).location, PAGE);
  const off = await collection();
  assert.deepEqual([off?.state, off?.sealedPassword], ['off', null]);
  assert.equal((await clerk.post(PAGE, `${PAGE}/now`, {})).location, PAGE);
  assert.match((await clerk.get(PAGE)).body, /not switched on/);
});

test('T23 where the server or its certificate changes, nobody’s password goes there until it is given again', async () => {
  const administrator = await listServer();
  const clerk = await Clerk.signIn(world, world.alain);
  await clerk.post(PAGE, PAGE, form());
  await listServer();
  assert.equal((await collection())?.state, 'on', 'saved without a change');
  await listServer({ host: 'pop.example.eu' });
  const stopped = await collection();
  assert.deepEqual([stopped?.state, stopped?.sealedPassword, stopped?.outcome], ['stopped', null, 'server-changed']);
  assert.match((await clerk.get(PAGE)).body, /Your administrator changed the server/);
  const page = await administrator.get(`${COUNTRIES}/${belgium.id}`);
  assert.match(page.body, /Stopped/);
  assert.match(page.body, new RegExp(world.alain.address));
  assert.doesNotMatch(page.body, /old\.alain|canary/, 'the old mailbox is the holder’s own business');
  const at = `${COUNTRIES}/${belgium.id}`;
  await administrator.post(at, `${at}/remove`, {});
  assert.notEqual(await collection(), null, 'not without the tick');
  await administrator.post(at, `${at}/remove`, { sure: 'on' });
  assert.equal(await collection(), null);
  const trail = await administrator.get('/administration/audit?action=administration');
  assert.match(trail.body, /POP3 server of a country saved/);
  assert.match(trail.body, /one collection stopped, because the server changed/);
});

test('T23 the server is checked as other listed servers are, and no other country’s is within reach', async () => {
  const administrator = await enteredAdministrator(world, world.elise, 'country');
  const at = `${COUNTRIES}/${belgium.id}`;
  const refused = async (fields: Partial<typeof SERVER>, fault: RegExp) => {
    const answer = await administrator.post(at, at, { ...SERVER, ...fields });
    assert.equal(answer.status, 400);
    assert.match(answer.body, fault);
  };
  await refused({ host: '169.254.169.254' }, /Enter a host name/);
  await refused({ host: 'localhost' }, /Enter a host name/);
  await refused({ host: 'a.example\r\nDELE 1' }, /Enter a host name/);
  await refused({ port: '22' }, /Choose one of these/);
  await refused({ caPem: 'no certificate' }, /No certificate could be read/);
  await refused({ serverName: '10.0.0.1' }, /Enter a host name with a dot/);
  assert.equal(await world.database.prisma.pop3Server.count(), 0);
  const theirs = `${COUNTRIES}/${germany.id}`;
  assert.equal((await administrator.get(theirs)).status, 404);
  assert.equal((await administrator.post(at, theirs, SERVER)).status, 404);
  assert.equal((await administrator.post(at, `${theirs}/test`, {})).status, 404);
  assert.equal((await administrator.post(at, `${theirs}/remove`, { sure: 'on' })).status, 404);
  await administrator.post(at, at, { ...SERVER, port: '110' });
  const server = await world.database.prisma.pop3Server.findFirstOrThrow();
  assert.deepEqual([server.countryId, server.port, server.tls], [belgium.id, 110, 'starttls']);
  const tested = await administrator.post(at, `${at}/test`, {});
  assert.match(tested.body, /class="failed"/, 'nobody answers there');
  const martas = await Clerk.signIn(world, marta);
  assert.match((await martas.get(PAGE)).body, /has listed no server/, 'of her country');
});

test('T23 one node at a time collects a mailbox, and one that lost it writes nothing more', async () => {
  await listServer();
  const clerk = await Clerk.signIn(world, world.alain);
  await clerk.post(PAGE, PAGE, form());
  const { database } = world;
  const at = new Date(Date.now() + 60_000);
  const first = (await claimCollection(database, { leaseMs: 60_000, at })) ?? assert.fail();
  assert.equal(await claimCollection(database, { leaseMs: 60_000, at }), null);
  assert.ok(await writeHeld(database, first, 'select account_id from held'));
  await database.prisma.collection.updateMany({ data: { claimedUntil: new Date(0) } });
  const second = (await claimCollection(database, { leaseMs: 60_000, at })) ?? assert.fail();
  await assert.rejects(writeHeld(database, first, 'select account_id from held'), { code: 'claim-lost' });
  const end = { outcome: 'failed', failures: 9, refusals: 9, dueAt: null, at };
  assert.equal(await endCollection(database, first, end), null);
  assert.equal((await collection())?.state, 'on');
  await writeHeld(database, second, 'select account_id from held', [], ', last_count = last_count + 3');
  await database.prisma.collection.updateMany({ data: { claimedUntil: new Date(0) } });
  const third = (await claimCollection(database, { leaseMs: 60_000, at })) ?? assert.fail();
  const well = { outcome: 'ok', failures: 0, refusals: 0, dueAt: at, at };
  assert.equal(await endCollection(database, third, well), 3, 'what the round before stored is said with this one');
  assert.equal((await collection())?.outcome, 'ok');
  await database.prisma.account.update({ where: { id: world.alain.id }, data: { state: 'suspended' } });
  assert.equal(await claimCollection(database, { leaseMs: 60_000, at: new Date('2030-01-01') }), null);
  await database.prisma.account.update({ where: { id: world.alain.id }, data: { state: 'active' } });
});

test('T23 another name is another mailbox: what was collected from the old one is known by its bytes only', async () => {
  await listServer();
  const clerk = await Clerk.signIn(world, world.alain);
  await clerk.post(PAGE, PAGE, form());
  const { prisma } = world.database;
  const row = { accountId: world.alain.id, listedOctets: 10n, octets: 10n, seenAt: new Date() };
  await prisma.collectedMessage.createMany({
    data: [
      { ...row, state: 'stored', uidl: '1', sha256: 'a' },
      { ...row, state: 'appending', uidl: '2', sha256: 'b' },
      { ...row, state: 'refused', uidl: '3', sha256: '', reason: 'too-large' },
    ],
  });
  assert.match((await clerk.get(PAGE)).body, /One message is too large for this mailbox/);
  assert.equal((await clerk.post(PAGE, PAGE, form({ login: 'second.alain' }))).status, 302);
  const known = await prisma.collectedMessage.findMany({ orderBy: { uidl: 'asc' } });
  assert.deepEqual(
    known.map(({ uidl, retired }) => [uidl, retired]),
    [
      ['1', true],
      ['2', true],
    ],
  );
});
