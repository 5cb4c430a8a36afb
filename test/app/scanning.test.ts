import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import { Clamd } from '../../src/mail/clamd.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { takeRelease } from '../../src/services/scanning/releases.ts';
import { removeOldScans, scanContent } from '../../src/services/scanning/scan-content.ts';
import type { SignedIn } from '../../src/services/sessions/session.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { EICAR } from '../support/eicar.ts';
import { type FakeScanner, startFakeScanner } from '../support/fake-scanner.ts';

const PAGE = '/administration/releases';
const SHA256 = 'ab'.repeat(32);
const DAY_MS = 86_400_000;

let world: TestApp;
let scanner: FakeScanner;
let central: Clerk;
let ofBelgium: Clerk;
let ofGermany: Clerk;
let german: Account;

before(async () => {
  world = await startTestApp();
  scanner = await startFakeScanner();
  const place = { kind: 'tcp', host: '127.0.0.1', port: scanner.port } as const;
  const settings = { place, timeoutMs: 5000, maxBytes: 1000, atOnce: 2 };
  world.config.scanner = settings;
  world.context.scanner = new Clamd(place, settings);
  const { prisma } = world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const country = await addCountry(world.database, programme, 'D', {
    ...{ name: 'of Germany', hosted: true, serverName: null, caPem: null },
    ...{ imapHost: '127.0.0.1', imapPort: 1, imapTls: 'implicit' as const },
    ...{ submissionHost: '127.0.0.1', submissionPort: 1, submissionTls: 'starttls' as const },
  });
  const settle = async (in_: { id: string } | null, firstName: string, surname: string) => {
    const home = in_ === null ? await prisma.country.findFirstOrThrow({ where: { code: 'B' } }) : country;
    const made = await createHostedAccount(
      world.database,
      { ...home, programme } as Parameters<typeof createHostedAccount>[1],
      { firstName, surname, password: 'mailbox-password' },
    );
    assert.ok(made.ok);
    return made.account;
  };
  german = await settle(country, 'Marta', 'Schulz');
  central = await enteredAdministrator(world, world.alain, 'central');
  ofBelgium = await enteredAdministrator(world, await settle(null, 'Bram', 'Claes'), 'country');
  ofGermany = await enteredAdministrator(world, german, 'country');
});
after(async () => {
  await scanner?.stop();
  await world?.stop();
});
beforeEach(async () => {
  await world.database.prisma.attachmentRelease.deleteMany();
  await world.database.prisma.scanResult.deleteMany();
});

/** As if this holder had asked. */
async function asked(account: Account, sha256 = SHA256): Promise<string> {
  const at = world.context.now();
  const row = await world.database.prisma.attachmentRelease.create({
    data: {
      ...{ id: randomUUID(), accountId: account.id, sha256, finding: 'Win.Test.Agent-1', size: 68 },
      ...{ sender: 'otto.brandt@tcn.d.eu-admin.net', arrivedAt: at, messageKey: 'cd'.repeat(32), askedAt: at },
    },
  });
  return row.id;
}

const stateOf = (id: string) => world.database.prisma.attachmentRelease.findUniqueOrThrow({ where: { id } });
const decisions = (reason: string) => world.database.prisma.auditEntry.count({ where: { reason } });

test('T30 an administrator sees who asks for which finding, from whom and when, in the own country only', async () => {
  await asked(world.elise);
  for (const clerk of [central, ofBelgium]) {
    const { body } = await clerk.get(PAGE);
    assert.match(body, /Elise Maes/);
    assert.match(body, /Win\.Test\.Agent-1/);
    assert.match(body, /otto\.brandt@tcn\.d\.eu-admin\.net/);
    assert.match((await clerk.get('/administration')).body, /1 held attachment is asked for/);
  }
  assert.match((await ofGermany.get(PAGE)).body, /Nobody asks for a held attachment/);
  assert.doesNotMatch((await ofGermany.get('/administration')).body, /held attachment is asked for/);
});

test('T30 a request of another country is not there', async () => {
  const id = await asked(world.elise);
  const answer = await ofGermany.post(PAGE, `${PAGE}/${id}`, { do: 'release' });
  assert.equal(answer.status, 404);
  assert.equal((await stateOf(id)).released, null);
});

test('T30 of two administrators who decide at once, one does, and the trail has one decision', async () => {
  const id = await asked(world.elise);
  const before = (await decisions('release-granted')) + (await decisions('release-refused'));
  await Promise.all([
    central.post(PAGE, `${PAGE}/${id}`, { do: 'release' }),
    ofBelgium.post(PAGE, `${PAGE}/${id}`, { do: 'refuse' }),
  ]);
  const { released, decidedBy } = await stateOf(id);
  assert.notEqual(released, null);
  assert.match((await central.get(PAGE)).body, new RegExp(decidedBy ?? assert.fail(), 'i'));
  assert.equal((await decisions('release-granted')) + (await decisions('release-refused')), before + 1);
  await ofBelgium.post(PAGE, `${PAGE}/${id}`, { do: released ? 'refuse' : 'release' });
  assert.equal((await stateOf(id)).released, released, 'nor afterwards');
});

test('T30 nobody releases an attachment to himself', async () => {
  const id = await asked(german);
  assert.match((await ofGermany.get(PAGE)).body, /another administrator decides/);
  await ofGermany.post(PAGE, `${PAGE}/${id}`, { do: 'release' });
  assert.match((await ofGermany.get(PAGE)).body, /Nobody decides what he or she asked for/);
  assert.equal((await stateOf(id)).released, null);
  await central.post(PAGE, `${PAGE}/${id}`, { do: 'release' });
  assert.equal((await stateOf(id)).released, true);
});

test('T30 a release that was not given cannot be used, whatever writes into the database', async () => {
  const id = await asked(world.elise);
  const { prisma } = world.database;
  await assert.rejects(prisma.attachmentRelease.update({ where: { id }, data: { usedAt: new Date() } }));
  await assert.rejects(prisma.attachmentRelease.update({ where: { id }, data: { released: true } }));
  await assert.rejects(asked(world.elise), 'and a content is asked for once');
});

test('T30 a release is its holder’s alone, and of that content', async () => {
  const id = await asked(world.elise);
  await central.post(PAGE, `${PAGE}/${id}`, { do: 'release' });
  const take = (account: Account, sha256: string) =>
    takeRelease(world.context, { account, network: '127.0.0.1' } as unknown as SignedIn, sha256);
  assert.equal(await take(german, SHA256), false);
  assert.equal(await take(world.elise, 'ef'.repeat(32)), false);
  const taken = await Promise.all(Array.from({ length: 8 }, () => take(world.elise, SHA256)));
  assert.equal(taken.filter(Boolean).length, 1);
  assert.match((await central.get(PAGE)).body, /released and saved/);
});

test('T30 the programme says what happens without a result, and the page which scanner answers', async () => {
  const page = await central.get('/administration/programme');
  assert.match(page.body, /ClamAV 1\.4\.3 answers, with signatures 27824/);
  const value = (name: string) =>
    new RegExp(`name="${name}"[^>]* value="([^"]*)"`).exec(page.body)?.[1] ?? assert.fail(name);
  const fields = {
    ...{
      name: value('name'),
      phase: 'test',
      accountLimit: value('accountLimit'),
      digitalIdDays: value('digitalIdDays'),
    },
    ...{ keyAlgorithm: 'RSA-3072', keyPairs: 'one', allowedRecipientDomains: '', revocationPolicy: 'note' },
    markingPolicy: 'optional',
  };
  const save = (scannerPolicy: string) =>
    central.post('/administration/programme', '/administration/programme', { ...fields, scannerPolicy });
  assert.equal((await save('warn')).status, 302);
  assert.equal((await world.database.prisma.programme.findFirstOrThrow()).scannerPolicy, 'warn');
  assert.equal((await save('never mind')).status, 400);
  assert.equal((await decisions('programme: scannerPolicy')) > 0, true);
  const { scanner: settings } = world.config;
  world.config.scanner = null;
  const without = await central.get('/administration/programme');
  assert.match(without.body, /No virus scanner is set up: attachments are saved and sent unscanned/);
  world.config.scanner = settings;
});

const needs = () => world.context;
const content = (text: string) => ({ size: text.length, read: () => [Buffer.from(text)] });

test('T30 a result counts for these signatures and this day, and new signatures look again', async () => {
  scanner.scanned.length = 0;
  const scan = async () => (await scanContent(needs(), content('some content'))).state;
  assert.equal(await scan(), 'clean');
  assert.equal(await scan(), 'clean');
  assert.equal(scanner.scanned.length, 1);
  scanner.version = 'ClamAV 1.4.3/27825/Fri Nov 27 09:41:02 2026';
  assert.equal(await scan(), 'clean');
  assert.equal(scanner.scanned.length, 2);
  world.setNow(new Date(Date.now() + 2 * DAY_MS));
  assert.equal(await scan(), 'clean');
  assert.equal(scanner.scanned.length, 3);
  world.setNow(new Date());
});

test('T30 while nobody answers a finding is remembered, and what was clean is not', async () => {
  const clean = content('a clean one');
  const bad = content(`${EICAR} a bad one`);
  assert.equal((await scanContent(needs(), clean)).state, 'clean');
  assert.equal((await scanContent(needs(), bad)).state, 'infected');
  const gone = await startFakeScanner();
  await gone.stop();
  const place = { kind: 'tcp', host: '127.0.0.1', port: gone.port } as const;
  const away = { ...needs(), scanner: new Clamd(place, { timeoutMs: 1000, maxBytes: 1000, atOnce: 1 }) };
  const verdict = await scanContent(away, clean);
  assert.equal(verdict.state === 'unscanned' && verdict.reason, 'unreachable');
  assert.equal((await scanContent(away, bad)).state, 'infected');
});

test('T30 what is larger than is scanned has no result, and old results are removed', async () => {
  const verdict = await scanContent(needs(), content('x'.repeat(1001)));
  assert.equal(verdict.state === 'unscanned' && verdict.reason, 'too-large');
  await scanContent(needs(), content('kept'));
  await removeOldScans(world.database, new Date());
  assert.equal(await world.database.prisma.scanResult.count(), 1);
  await removeOldScans(world.database, new Date(Date.now() + 31 * DAY_MS));
  assert.equal(await world.database.prisma.scanResult.count(), 0);
});
