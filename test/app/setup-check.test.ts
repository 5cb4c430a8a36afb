import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const PAGE = '/administration/setup-check';
const SECRET = 'mailbox-secret-canary';

let world: TestApp;
let central: Clerk;
let ofGermany: Clerk;
before(async () => {
  world = await startTestApp();
  // nobody answers there either, and no resolver of this machine is asked
  world.config.dnsServers.push('127.0.0.1');
  world.config.relays.push({ host: 'relay.eu-admin.net', address: '127.0.0.1' });
  const { prisma } = world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const country = await addCountry(world.database, programme, 'D', {
    ...{ name: 'of Germany', hosted: false, serverName: null, caPem: null },
    ...{ imapHost: '127.0.0.1', imapPort: 1, imapTls: 'implicit' as const },
    ...{ submissionHost: '127.0.0.1', submissionPort: 1, submissionTls: 'starttls' as const },
  });
  const person = { firstName: 'Marta', surname: 'Schulz', password: 'mailbox-password' };
  const marta = await createHostedAccount(world.database, country, person);
  assert.ok(marta.ok);
  central = await enteredAdministrator(world, world.alain, 'central');
  ofGermany = await enteredAdministrator(world, marta.account, 'country');
});
after(() => world?.stop());

/** The page once nothing runs any more. */
async function settled(clerk: Clerk): Promise<string> {
  for (;;) {
    const { body, headers } = await clerk.get(PAGE);
    if (headers['refresh'] === undefined) return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const newest = () => world.database.prisma.setupCheck.findFirstOrThrow({ orderBy: { startedAt: 'desc' } });

test('T08 a check tries names, relays, servers and the installation, and keeps what came back line by line', async () => {
  assert.match((await central.get(PAGE)).body, /Nothing was checked yet/);
  const started = await central.post(PAGE, PAGE, {});
  assert.equal(started.location, PAGE);
  const page = await settled(central);
  assert.match(page, /lines did not work: see what to do there/);
  for (const heading of ['Clock', 'Database', 'MX records', 'Relays, port 25', 'IMAP', 'Submission, signing in']) {
    assert.match(page, new RegExp(`<h3>${heading}</h3>`));
  }
  assert.match(page, /Tried: Connection from here to relay\.eu-admin\.net \(127\.0\.0\.1\), port 25\./);
  assert.match(page, /Came back: The connection was refused/);
  assert.match(page, /What to do:<\/strong> Ask the operator of this server whether it runs/);
  assert.match(page, /No name server could tell \(ECONNREFUSED\)/);
  assert.match(page, /Postgres \d+\.\d+ answers; all migrations are applied/);
  const { expected, lines, finishedAt } = await newest();
  assert.equal((lines as unknown[]).length, expected);
  assert.ok(finishedAt);
});

test('T08 the lines are read in the language of the reader, also those of earlier days', async () => {
  const { prisma } = world.database;
  for (const [locale, words] of [
    ['fr', /Que faire/],
    ['de', /Was zu tun ist/],
  ] as const) {
    await prisma.account.update({ where: { id: world.alain.id }, data: { locale } });
    const { body } = await central.get(PAGE);
    assert.match(body, words);
    assert.doesNotMatch(body, /setupCheck\.|undefined/);
  }
  await prisma.account.update({ where: { id: world.alain.id }, data: { locale: 'en' } });
});

test("T08 a country's administrator checks and sees the own country only", async () => {
  assert.match((await ofGermany.get(PAGE)).body, /Nothing was checked yet/);
  await ofGermany.post(PAGE, PAGE, {});
  const page = await settled(ofGermany);
  assert.match(page, /tcn\.d\.eu-admin\.net/);
  assert.doesNotMatch(page, /tcn\.b\.eu-admin\.net|nobody answers|<h3>(Clock|Database|Letters that wait)/);
  assert.match(page, /Sealpost has no credential there/);
  const { id } = await world.database.prisma.setupCheck.findFirstOrThrow({ where: { countryId: null } });
  assert.equal((await ofGermany.get(`${PAGE}?check=${id}`)).body.includes('tcn.b.eu-admin.net'), false);
  assert.doesNotMatch((await central.get(PAGE)).body, /of Germany.*own server.*Schulz/);
});

test('T08 one check runs at a time for a programme, and one whose node ended gives way to the next', async () => {
  const { prisma } = world.database;
  const before = await prisma.setupCheck.count({ where: { countryId: null } });
  await Promise.all(Array.from({ length: 6 }, () => central.post(PAGE, PAGE, {})));
  await settled(central);
  assert.equal(await prisma.setupCheck.count({ where: { countryId: null } }), before + 1);
  const { id } = await prisma.setupCheck.findFirstOrThrow({
    where: { countryId: null },
    orderBy: { startedAt: 'desc' },
  });
  await prisma.setupCheck.update({ where: { id }, data: { finishedAt: null, lines: [] } });
  const running = (await central.get(PAGE)).body;
  assert.match(running, /The check is running/);
  assert.doesNotMatch(running, /Check now/, 'nothing is typed on a page that asks for itself again');
  await prisma.setupCheck.update({ where: { id }, data: { aliveAt: new Date(Date.now() - 61_000) } });
  assert.match((await central.get(PAGE)).body, /The check came to no end/);
  await central.post(PAGE, PAGE, {});
  assert.doesNotMatch(await settled(central), /came to no end, because.*role="status"/);
  assert.notEqual((await newest()).id, id);
});

test('T08 a sign-in is tried for the own countries only, and its password is kept nowhere', async () => {
  const refuse = async (fields: Record<string, string>, words: RegExp) => {
    const answer = await ofGermany.post(PAGE, PAGE, fields);
    assert.equal(answer.status, 422);
    assert.match(answer.body, words);
    assert.doesNotMatch(answer.body, new RegExp(SECRET));
    return answer.body;
  };
  await refuse({ address: 'somebody', password: SECRET }, /Enter the whole address/);
  await refuse({ address: '', password: SECRET }, /Enter the whole address/);
  await refuse({ address: world.alain.address, password: SECRET }, /No country that you administer has this domain/);
  const kept = await refuse({ address: 'x.y@tcn.d.eu-admin.net', password: '' }, /Enter the password, or leave/);
  assert.match(kept, /value="x\.y@tcn\.d\.eu-admin\.net"/);
  await ofGermany.post(PAGE, PAGE, { address: 'x.y@tcn.d.eu-admin.net', password: SECRET });
  assert.match(await settled(ofGermany), /Signing in at 127\.0\.0\.1/);
  const { prisma } = world.database;
  const everything = JSON.stringify([
    await prisma.setupCheck.findMany(),
    (await prisma.auditEntry.findMany()).map(({ object, reason, actor }) => [object, reason, actor]),
  ]);
  assert.doesNotMatch(everything, new RegExp(SECRET));
  assert.match(everything, /setup-check-login/);
});

test('T08 twenty checks are kept', async () => {
  for (let count = 0; count < 21; count += 1) {
    await ofGermany.post(PAGE, PAGE, {});
    await settled(ofGermany);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok((await world.database.prisma.setupCheck.count({ where: { countryId: { not: null } } })) <= 20);
  const page = await settled(ofGermany);
  const [, earlier = ''] = /\?check=([0-9a-f-]{36})/.exec(page) ?? [];
  assert.match((await ofGermany.get(`${PAGE}?check=${earlier}`)).body, /Show the newest check/);
});

test('T08 security.md a check with a password counts as a sign-in does, each start counts, and hosted mailboxes are not tried', async () => {
  await wholeQuarter();
  const { prisma } = world.database;
  await prisma.attemptWindow.deleteMany();
  const hosted = await central.post(PAGE, PAGE, { address: world.elise.address, password: SECRET });
  assert.equal(hosted.status, 422);
  assert.match(hosted.body, /Sealpost keeps the mailboxes of this country and signs in there by itself/);
  assert.equal(await prisma.attemptWindow.count(), 0);

  const address = 'guessed@tcn.d.eu-admin.net';
  const guess = async () => (await ofGermany.post(PAGE, PAGE, { address, password: SECRET })).status;
  const { signInLimit } = world.config;
  for (let count = 0; count < signInLimit; count += 1) assert.equal(await guess(), 302);
  await settled(ofGermany);
  const before = await prisma.setupCheck.count();
  const refused = await ofGermany.post(PAGE, PAGE, { address, password: SECRET });
  assert.equal(refused.status, 429);
  assert.match(refused.body, /too many passwords were tried\. Try again after/);
  assert.match(refused.body, /value="guessed@tcn\.d\.eu-admin\.net"/, 'what was typed is kept');
  assert.equal(await prisma.setupCheck.count(), before);
  const entry = await prisma.auditEntry.findFirstOrThrow({ where: { object: address }, orderBy: { id: 'desc' } });
  assert.deepEqual([entry.result, entry.reason], ['refused', 'setup-check-login too-many-attempts']);

  await prisma.attemptWindow.deleteMany();
  for (let count = 0; count < 30; count += 1) assert.equal((await central.post(PAGE, PAGE, {})).status, 302);
  assert.equal((await central.post(PAGE, PAGE, {})).status, 429);
  await settled(central);
});
