import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Programme } from '../../src/generated/prisma/client.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { removeOldOffers } from '../../src/services/issuing/offered.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { openssl } from '../support/openssl.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const PAGE = '/administration/issuing';
const INSTALL = '/digital-ids/install';
const PASSPHRASE = 'asked for when issuing';
const ALAIN_KEYS = 'the keys of alain dupont';
const ELISE_KEYS = 'the keys of elise maes';

/** Others are of the programme's own signers. */
const OF_PEOPLE = { accountId: { not: null } };

let world: TestApp;
let programme: Programme;
let country: string;
let central: Clerk;
before(async () => {
  world = await startTestApp();
  programme = await world.database.prisma.programme.findFirstOrThrow();
  country = `${PAGE}/countries/${world.alain.countryId}`;
  await createAuthorities(world.database, programme, { passphrase: PASSPHRASE, keyAlgorithm: 'P-256' }, new Date());
  await world.database.prisma.programme.update({ where: { id: programme.id }, data: { keyAlgorithm: 'P-256' } });
});
after(() => world?.stop());
beforeEach(async () => {
  central = await enteredAdministrator(world, world.alain, 'central');
  await central.choosePassphrase(ALAIN_KEYS);
});
afterEach(async () => {
  const { prisma } = world.database;
  await prisma.issuingJob.deleteMany();
  await prisma.issuance.deleteMany();
  await prisma.issuedCertificate.deleteMany();
  await prisma.digitalId.deleteMany();
  await prisma.vault.deleteMany();
  await prisma.attemptWindow.deleteMany();
  await prisma.trustAnchor.deleteMany({ where: { accountId: { not: null } } });
  await prisma.programme.update({ where: { id: programme.id }, data: { keyPairs: 'one' } });
});

/** The form of a country's page with these people chosen. */
async function issue(who: Clerk, accounts: readonly string[], passphrase = PASSPHRASE) {
  const fields = new URLSearchParams(accounts.map((id): [string, string] => ['accounts', id]));
  const token = /name="_csrf" value="([^"]+)"/.exec((await who.get(country)).body)?.[1] ?? '';
  fields.set('_csrf', token);
  fields.set('passphrase', passphrase);
  return who.send({
    method: 'POST',
    url: country,
    headers: { origin: 'http://localhost:8460', 'content-type': 'application/x-www-form-urlencoded' },
    payload: fields.toString(),
  });
}

async function ended(page: string): Promise<string> {
  for (;;) {
    const { body, headers } = await central.get(page);
    if (headers['refresh'] === undefined) return body;
    await wait(50);
  }
}

const everybody = () => [world.alain.id, world.elise.id];
const issuanceOf = (accountId: string) =>
  world.database.prisma.issuance.findFirstOrThrow({ where: { accountId, closedAt: null } });

/** Asks for the password as Elise and releases it as Alain. */
async function handOver(elise: Clerk): Promise<string> {
  await elise.post(INSTALL, `${INSTALL}/ask`, {});
  const { id } = await issuanceOf(world.elise.id);
  const shown = await central.post(`${PAGE}/passwords/${id}`, `${PAGE}/passwords/${id}`, {});
  assert.equal(shown.status, 200, shown.body);
  return /<p class="code">([A-Z0-9-]+)<\/p>/.exec(shown.body)?.[1] ?? assert.fail(shown.body);
}

test('T10 the central administrator issues to a whole country in one step, and each holder finds it in the webmail', async () => {
  const page = await central.get(country);
  assert.match(page.body, /Alain\.Dupont@tcn\.b\.eu-admin\.net/);
  assert.match(page.body, /The private key exists in one place only/);
  const started = await issue(central, everybody());
  assert.match(started.location ?? '', new RegExp(`^${PAGE}/jobs/`), started.body);
  const done = await ended(started.location ?? '');
  assert.match(done, /2 of 2 had their turn/);
  assert.equal(done.match(/the file waits for its holder/g)?.length, 2);
  const { prisma } = world.database;
  const certificates = await prisma.issuedCertificate.findMany({ where: OF_PEOPLE, orderBy: { address: 'asc' } });
  assert.deepEqual(
    certificates.map((each) => each.address),
    [world.alain.address, world.elise.address],
  );
  const elise = await Clerk.signIn(world, world.elise);
  assert.match((await elise.get('/digital-ids')).body, /Your Digital ID is here/);
  const offered = await elise.get(INSTALL);
  assert.match(offered.body, /Ask for the password/);
  assert.match(offered.body, /Elise\.Maes@tcn\.b\.eu-admin\.net/);
  assert.match((await central.get(country)).body, /Nobody here can get a Digital ID now/);
  const again = await issue(central, everybody());
  const second = await ended(again.location ?? '');
  assert.equal(second.match(/there is one already/g)?.length, 2, 'T11');
  assert.equal(await prisma.issuedCertificate.count({ where: OF_PEOPLE }), 2);
});

test('T12 the password is asked for by the holder, released once, shown once, and both stand in the trail', async () => {
  await ended((await issue(central, [world.elise.id])).location ?? '');
  const elise = await Clerk.signIn(world, world.elise);
  const { id } = await issuanceOf(world.elise.id);
  const release = `${PAGE}/passwords/${id}`;
  const early = await central.post(release, release, {});
  assert.equal(early.status, 409);
  assert.match(early.body, /has not asked for it yet/);
  await elise.post(INSTALL, `${INSTALL}/ask`, {});
  await elise.post(INSTALL, `${INSTALL}/ask`, {});
  assert.match((await elise.get(INSTALL)).body, /Wait for the call/);
  assert.match((await central.get('/administration')).body, /1 clerk asks for the password/);
  assert.match((await central.get(PAGE)).body, /Elise Maes/);
  assert.doesNotMatch((await central.get(release)).body, /class="code"/, 'looking shows nothing');
  const both = await Promise.all([central.post(release, release, {}), central.post(release, release, {})]);
  const shown = both.filter((each) => each.status === 200);
  assert.equal(shown.length, 1, 'of two windows one gets it');
  const password = /<p class="code">([A-Z0-9-]+)<\/p>/.exec(shown[0]?.body ?? '')?.[1] ?? '';
  assert.match(password, /^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$/);
  assert.match((await central.post(release, release, {})).body, /released already/);
  const { prisma } = world.database;
  assert.equal(await prisma.pfxPasswordShare.count(), 0, 'nobody can open it any more');
  assert.match((await elise.get(INSTALL)).body, /It was released on/);
  const trail = await prisma.auditEntry.findMany({ where: { action: 'issue' }, orderBy: { at: 'asc' } });
  const reasons = trail.map((each) => `${each.actor} ${each.result} ${each.reason}`);
  const one = (text: string) => assert.equal(reasons.filter((each) => each === text).length, 1, text);
  one(`${world.elise.address} done password-requested`);
  one(`${world.alain.address} done password-released`);
  const everything = JSON.stringify(await prisma.auditEntry.findMany(), (_key, value) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  assert.ok(!everything.includes(password));
});

test('T10 T12 the holder installs it without a file: the password as it was heard, the right key, and the file is gone', async () => {
  await ended((await issue(central, [world.elise.id])).location ?? '');
  const elise = await Clerk.signIn(world, world.elise);
  assert.match((await elise.get(INSTALL)).body, /Choose a key passphrase first/);
  await elise.choosePassphrase(ELISE_KEYS);
  const password = await handOver(elise);
  const wrong = await elise.post(INSTALL, INSTALL, { password: 'wrong-wrong-wrong' });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /This is not the password. Nothing was installed/);
  const heard = password.toLowerCase().replaceAll('-', ' ');
  const installed = await elise.post(INSTALL, INSTALL, { password: heard });
  assert.equal(installed.status, 200);
  assert.match(installed.body, /Elise Maes/);
  assert.match(installed.body, /\/trust\/anchors\/[0-9a-f-]+\/confirm/, 'its root is offered, not trusted');
  const { prisma } = world.database;
  const identity = await prisma.digitalId.findFirstOrThrow({ where: { accountId: world.elise.id } });
  const issued = await prisma.issuedCertificate.findFirstOrThrow({ where: OF_PEOPLE });
  assert.equal(identity.sha256, issued.sha256);
  assert.equal(identity.chain.length, 2, 'issuing CA and Root CA came along');
  assert.equal(await prisma.keptPfx.count(), 0);
  assert.match((await elise.get(INSTALL)).body, /No Digital ID waits for you/);
  assert.match((await central.get(country)).body, /Installed/);
});

test('T12 the file is downloaded for other programs, in today’s form and in the old one, and OpenSSL opens both', async () => {
  await world.database.prisma.programme.update({ where: { id: programme.id }, data: { keyPairs: 'two' } });
  await ended((await issue(central, [world.elise.id])).location ?? '');
  const elise = await Clerk.signIn(world, world.elise);
  const password = await handOver(elise);
  const page = await elise.get(INSTALL);
  assert.match(page.body, /Issued for you, in two parts/);
  const files = [...new Set([...page.body.matchAll(/name="file" value="([^"]+)"/g)].map((match) => match[1] ?? ''))];
  assert.equal(files.length, 2);
  const names: string[] = [];
  for (const file of files) {
    const modern = await elise.post(INSTALL, `${INSTALL}/file`, { file, form: 'modern' });
    assert.equal(modern.headers['content-type'], 'application/x-pkcs12');
    names.push(/filename="([^"]+)"/.exec(String(modern.headers['content-disposition']))?.[1] ?? '');
    const refused = await elise.post(INSTALL, `${INSTALL}/file`, { file, form: 'legacy', password: 'wrong' });
    assert.equal(refused.status, 400);
    assert.match(refused.body, /This is not the password/);
    const legacy = await elise.post(INSTALL, `${INSTALL}/file`, { file, form: 'legacy', password });
    for (const [bytes, option] of [
      [modern.bytes, []],
      [legacy.bytes, ['-legacy']],
    ] as const) {
      const opened = openssl(['pkcs12', '-in', 'id.pfx', '-nodes', '-passin', `pass:${password}`, ...option], {
        'id.pfx': bytes,
      });
      assert.ok(opened.ok, opened.stderr);
      const text = opened.stdout.toString();
      assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 3);
      const key = createPrivateKey(
        /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/.exec(text)?.[0] ?? '',
      );
      assert.ok(new X509Certificate(text).checkPrivateKey(key));
      assert.equal(
        openssl(['pkcs12', '-in', 'id.pfx', '-nokeys', '-passin', 'pass:x', ...option], { 'id.pfx': bytes }).ok,
        false,
      );
    }
    const withoutLegacy = openssl(['pkcs12', '-in', 'id.pfx', '-nodes', '-passin', `pass:${password}`], {
      'id.pfx': legacy.bytes,
    });
    assert.equal(withoutLegacy.ok, false, 'the old form is what old programs want');
  }
  assert.deepEqual(names.sort(), ['Elise.Maes.encrypt.pfx', 'Elise.Maes.sign.pfx']);
  const alain = await central.post('/settings', `${INSTALL}/file`, { file: files[0] ?? '', form: 'modern' });
  assert.equal(alain.status, 404, 'another’s file is not found');
});

test('security.md what waits stands in the database sealed, the file and its password under different secrets', async () => {
  await ended((await issue(central, [world.elise.id])).location ?? '');
  const { prisma } = world.database;
  const kept = await prisma.keptPfx.findFirstOrThrow();
  const share = await prisma.pfxPasswordShare.findFirstOrThrow();
  assert.equal(share.administratorId, world.alain.id);
  for (const bytes of [kept.sealed, share.sealed]) {
    const text = Buffer.from(bytes).toString('latin1');
    assert.ok(!/[A-Z0-9]{4}-[A-Z0-9]{4}-/.test(text));
    // The object identifier of PKCS#7 data stands near the beginning of every PKCS#12 file.
    assert.equal(Buffer.from(bytes).includes(Buffer.from('2a864886f70d010701', 'hex')), false);
  }
  const offered = await Clerk.signIn(world, world.elise);
  const before = await offered.get(INSTALL);
  assert.match(before.body, /kept here until/);
  await prisma.issuance.updateMany({ data: { keptUntil: new Date(Date.now() - 1000) } });
  await removeOldOffers(world.database, new Date());
  assert.equal((await prisma.keptPfx.count()) + (await prisma.pfxPasswordShare.count()), 0);
  assert.match((await central.get(country)).body, /Never installed here; the file is gone/);
});

test('T12 a wrong CA passphrase issues nothing, keeps what was chosen, and is counted', async () => {
  await wholeQuarter();
  const refused = await issue(central, [world.elise.id], 'a wild guess that fails');
  assert.equal(refused.status, 401);
  assert.match(refused.body, /does not open the key/);
  assert.match(refused.body, new RegExp(`value="${world.elise.id}" checked`));
  assert.doesNotMatch(refused.body, new RegExp(`value="${world.alain.id}" checked`));
  const { prisma } = world.database;
  assert.equal((await prisma.issuingJob.count()) + (await prisma.issuance.count()), 0);
  const nobody = await issue(central, []);
  assert.match(nobody.body, /Nobody was chosen/);
  for (let attempt = 0; attempt < 10; attempt += 1) await issue(central, [world.elise.id], 'a wild guess that fails');
  const locked = await issue(central, [world.elise.id]);
  assert.equal(locked.status, 429);
});

test('T12 without keys of their own an administrator cannot issue, since nobody could release the passwords', async () => {
  await world.database.prisma.vault.deleteMany();
  const page = await central.get(country);
  assert.match(page.body, /you have none yet/);
  const refused = await issue(central, [world.elise.id]);
  assert.equal(refused.status, 409);
  assert.equal(await world.database.prisma.issuance.count(), 0);
});

test('T12 only an administrator to whose keys the password is sealed can release it', async () => {
  await ended((await issue(central, [world.elise.id])).location ?? '');
  await world.database.prisma.vault.deleteMany({ where: { accountId: world.alain.id } });
  const { id } = await issuanceOf(world.elise.id);
  const elise = await Clerk.signIn(world, world.elise);
  await elise.post(INSTALL, `${INSTALL}/ask`, {});
  await central.choosePassphrase(ALAIN_KEYS);
  const refused = await central.post(`${PAGE}/passwords/${id}`, `${PAGE}/passwords/${id}`, {});
  assert.equal(refused.status, 409);
  assert.match(refused.body, /they are newer/i);
  assert.equal((await issuanceOf(world.elise.id)).releasedAt, null, 'it is not used up by that');
});

test('T11 T26 a lost one is replaced in one step: revoked, issued anew, with the end of the first', async () => {
  await ended((await issue(central, [world.elise.id])).location ?? '');
  const first = await issuanceOf(world.elise.id);
  const replace = `${PAGE}/accounts/${world.elise.id}/replace`;
  const page = await central.get(replace);
  assert.match(page.body, /ends on the day on which the first one would have ended/);
  assert.match(page.body, /What was lost stays lost/);
  const started = await central.post(replace, replace, { reason: 'superseded', passphrase: PASSPHRASE });
  const done = await ended(started.location ?? '');
  assert.match(done, /1 of 1 had their turn/);
  const { prisma } = world.database;
  const second = await issuanceOf(world.elise.id);
  assert.notEqual(second.id, first.id);
  assert.equal(second.endsAt.getTime(), first.endsAt.getTime());
  const certificates = await prisma.issuedCertificate.findMany({ where: OF_PEOPLE, orderBy: { issuedAt: 'asc' } });
  assert.deepEqual(
    certificates.map((each) => [each.revokedAt !== null, each.revocationReason]),
    [
      [true, 'superseded'],
      [false, null],
    ],
  );
  assert.equal(await prisma.keptPfx.count({ where: { issuanceId: first.id } }), 0);
  const trail = await prisma.auditEntry.findMany({ where: { action: 'revoke' } });
  assert.deepEqual(
    trail.map((each) => [each.object, each.reason]),
    [[certificates[0]?.sha256, 'replaced-superseded']],
  );
});

test('T10 a job whose node died is gone on with by the passphrase, and nobody gets two', async () => {
  const page = (await issue(central, everybody())).location ?? '';
  await ended(page);
  const jobId = page.split('/').at(-1) ?? '';
  const { prisma } = world.database;
  // As a kill between the two leaves it: the first has theirs, the second had no turn.
  await prisma.issuance.deleteMany({ where: { accountId: world.elise.id } });
  await prisma.issuingTask.updateMany({ where: { accountId: world.elise.id }, data: { outcome: null } });
  await prisma.issuingJob.update({ where: { id: jobId }, data: { endedAt: null } });
  const resume = (passphrase: string) => central.post(page, `${page}/resume`, { passphrase });
  assert.equal((await resume(PASSPHRASE)).location, page, 'while it lives nobody takes it over');
  assert.equal(await prisma.issuance.count(), 1);
  await prisma.issuingJob.update({ where: { id: jobId }, data: { beatAt: new Date(Date.now() - 120_000) } });
  assert.match((await central.get(page)).body, /interrupted/);
  const wrong = await resume('a wild guess that fails');
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /does not open the key/);
  const both = await Promise.all([resume(PASSPHRASE), resume(PASSPHRASE)]);
  for (const each of both) assert.equal(each.location, page);
  assert.match(await ended(page), /2 of 2 had their turn/);
  assert.equal(await prisma.issuance.count(), 2);
  assert.equal(await prisma.issuedCertificate.count({ where: { accountId: world.alain.id } }), 1);
});

test('security.md jobs, people and passwords of another programme are not there', async () => {
  const { prisma } = world.database;
  await ended((await issue(central, [world.elise.id])).location ?? '');
  const elise = await Clerk.signIn(world, world.elise);
  await elise.post(INSTALL, `${INSTALL}/ask`, {});
  const { id } = await issuanceOf(world.elise.id);
  const job = await prisma.issuingJob.findFirstOrThrow();
  const other = await prisma.programme.create({
    data: { code: 'other', name: 'Other', domainPattern: 'x.{cc}.other.example' },
  });
  const { mailServerId } = await prisma.country.findFirstOrThrow();
  const elsewhere = await prisma.country.create({
    data: { programmeId: other.id, code: 'L', isoCode: 'LU', domain: 'x.l.other.example', mailServerId },
  });
  const home = world.alain.countryId;
  await prisma.account.update({ where: { id: world.alain.id }, data: { countryId: elsewhere.id } });
  try {
    const stranger = await enteredAdministrator(world, world.alain, 'central');
    const replace = `${PAGE}/accounts/${world.elise.id}/replace`;
    for (const url of [country, replace, `${PAGE}/jobs/${job.id}`, `${PAGE}/passwords/${id}`]) {
      assert.ok([302, 404].includes((await stranger.get(url)).status), url);
      const fields = { passphrase: PASSPHRASE, reason: 'superseded', accounts: world.elise.id };
      assert.ok([302, 404].includes((await stranger.post(PAGE, url, fields)).status), url);
    }
    assert.doesNotMatch((await stranger.get(PAGE)).body, /Elise/);
    assert.equal((await issuanceOf(world.elise.id)).id, id);
    assert.equal((await issuanceOf(world.elise.id)).releasedAt, null);
  } finally {
    await prisma.account.update({ where: { id: world.alain.id }, data: { countryId: home } });
  }
});
