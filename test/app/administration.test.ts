import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import type { Account, AccountRole } from '../../src/generated/prisma/client.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { createRootAuthority } from '../../src/pki/issue.ts';
import { addAdministrator } from '../../src/services/administration/administrators.ts';
import { keepAdministrationOpen } from '../../src/services/sessions/session.ts';
import { offerAnchor } from '../../src/services/trust/trust-anchors.ts';
import { ADMINISTRATION_PAGES as TABLE } from '../support/administration-pages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { nameOf, noteRoutes, type Route } from '../support/routes.ts';

const PASSWORD = 'mailbox-password-canary';
const UUID = '00000000-0000-4000-8000-000000000000';
const MINUTE_MS = 60_000;

let world: TestApp;
let routes: Route[];
let now: Date;
let root: Certificate;

before(async () => {
  ({ built: world, routes } = await noteRoutes(startTestApp));
  const life = { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 30 * 86_400_000) };
  root = (await createRootAuthority({ name: 'Registry Root', keyAlgorithm: 'P-256', ...life })).certificate;
});
after(() => world?.stop());
beforeEach(async () => {
  now = new Date();
  world.setNow(now);
  const { prisma } = world.database;
  await prisma.totpFactor.deleteMany();
  await prisma.attemptWindow.deleteMany();
  await prisma.account.updateMany({ data: { role: 'clerk' } });
});

function pass(ms: number): void {
  now = new Date(now.getTime() + ms);
  world.setNow(now);
}

function codeOf(secret: string): string {
  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now.getTime() });
}

const give = (account: Account, role: AccountRole) =>
  world.database.prisma.account.update({ where: { id: account.id }, data: { role } });

/** Signs in and sets the second factor up, as a new administrator does; gives its secret. */
async function administrator(account: Account, role: AccountRole): Promise<{ clerk: Clerk; secret: string }> {
  await give(account, role);
  const clerk = await Clerk.signIn(world, account);
  const secret = await secretShown(clerk);
  const done = await clerk.post('/administration/second-factor', '/administration/second-factor', {
    code: codeOf(secret),
    password: PASSWORD,
  });
  assert.equal(done.location, '/administration', done.body);
  return { clerk, secret };
}

async function secretShown(clerk: Clerk): Promise<string> {
  const page = await clerk.post('/administration/second-factor', '/administration/second-factor', {
    password: PASSWORD,
  });
  assert.equal(page.status, 200, page.body);
  return /<dd class="mono">([A-Z2-7 ]+)<\/dd>/.exec(page.body)?.[1]?.replaceAll(' ', '') ?? assert.fail('no secret');
}

const addressOf = (url: string) => url.replace(/:\w+/g, UUID);

test('security.md every page of the administration is in the table of who may ask for it', () => {
  const known = routes.filter((route) => route.url.startsWith('/administration')).map(nameOf);
  assert.deepEqual(known.sort(), Object.keys(TABLE).sort());
});

test('security.md for visitors there is a sign-in, and for clerks no administration at all', async () => {
  const clerk = await Clerk.signIn(world, world.alain);
  for (const name of Object.keys(TABLE)) {
    const [method = '', url = ''] = name.split(' ') as ['GET' | 'POST', string];
    const visitor = await world.app.inject({ method: method as 'GET', url: addressOf(url) });
    assert.ok([302, 403].includes(visitor.statusCode), `${name}: ${visitor.statusCode}`);
    assert.doesNotMatch(visitor.body, /administration/i);
    const answer =
      method === 'GET' ? await clerk.get(addressOf(url)) : await clerk.post('/settings', addressOf(url), {});
    assert.equal(answer.status, 404, name);
  }
  assert.doesNotMatch((await clerk.get('/settings')).body, /href="\/administration"/);
});

test('security.md without a second factor an administrator gets no further than its set-up', async () => {
  await give(world.alain, 'central');
  const clerk = await Clerk.signIn(world, world.alain);
  for (const [name, needs] of Object.entries(TABLE)) {
    if (needs === 'entry') continue;
    const [method, url = ''] = name.split(' ');
    const answer =
      method === 'GET' ? await clerk.get(addressOf(url)) : await clerk.post('/settings', addressOf(url), {});
    assert.equal(answer.location, '/administration/second-factor', name);
  }
});

test('security.md an administrator of a country reaches what is for countries and nothing of the centre', async () => {
  const { clerk } = await administrator(world.alain, 'country');
  for (const [name, needs] of Object.entries(TABLE)) {
    if (needs === 'entry' || name === 'POST /administration/leave') continue;
    const [method, url = ''] = name.split(' ');
    const answer =
      method === 'GET' ? await clerk.get(addressOf(url)) : await clerk.post('/settings', addressOf(url), {});
    const isReached = answer.status !== 404 && !answer.location?.startsWith('/administration/enter');
    // What an address of nobody's country or account names is not there either.
    assert.equal(isReached, needs === 'country' && !url.includes(':'), `${name}: ${answer.status}`);
  }
  const overview = await clerk.get('/administration');
  assert.match(overview.body, /Belgium \(B\)/);
  assert.doesNotMatch(overview.body, /href="\/administration\/programme"/);
});

test('security.md a form of the administration without its token is refused, also of an administrator', async () => {
  const { clerk } = await administrator(world.alain, 'central');
  const forms = routes.filter((route) => route.method === 'POST' && route.url.startsWith('/administration'));
  for (const { url, multipart } of forms) {
    for (const token of ['', 'x'.repeat(43)]) {
      const type = multipart ? 'multipart/form-data; boundary=b' : 'application/x-www-form-urlencoded';
      const part = `--b\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n${token}\r\n--b--\r\n`;
      const payload = multipart ? part : `_csrf=${token}`;
      const headers = { origin: world.config.publicUrl.origin, 'content-type': type };
      const answer = await clerk.send({ method: 'POST', url: addressOf(url), headers, payload });
      assert.equal(answer.status, 403, `POST ${url}`);
    }
  }
});

test('security.md the secret of a second factor is shown for the password only', async () => {
  await give(world.alain, 'central');
  const clerk = await Clerk.signIn(world, world.alain);
  const asked = await clerk.get('/administration/second-factor');
  assert.doesNotMatch(asked.body, /<dd class="mono">|<svg[^>]*viewBox="0 0 [4-9]/);
  const wrong = await clerk.post('/administration/second-factor', '/administration/second-factor', {
    password: 'wrong',
  });
  assert.equal(wrong.status, 401);
  assert.doesNotMatch(wrong.body, /<dd class="mono">/);
  assert.equal((await secretShown(clerk)).length, 32);
});

test('security.md a code is good once, a wrong one and a wrong password are refused, and tries are counted', async () => {
  // Tries are counted by the quarter of an hour: all of them shall fall into one.
  pass(15 * MINUTE_MS - (now.getTime() % (15 * MINUTE_MS)));
  const { clerk, secret } = await administrator(world.alain, 'central');
  const enter = (fields: Record<string, string>) =>
    clerk.post('/administration/enter', '/administration/enter', fields);
  assert.equal((await enter({ code: codeOf(secret), password: PASSWORD })).status, 401, 'used at the set-up');
  pass(MINUTE_MS);
  assert.equal((await enter({ code: codeOf(secret), password: 'another' })).status, 401);
  assert.equal((await enter({ code: '000000', password: PASSWORD })).status, 401);
  const before = clerk.sid;
  assert.equal((await enter({ code: codeOf(secret), password: PASSWORD })).location, '/administration');
  assert.notEqual(clerk.sid, before, 'under a new token');
  for (let attempt = 0; attempt < 5; attempt += 1) await enter({ code: '000000', password: PASSWORD });
  pass(MINUTE_MS);
  const refused = await enter({ code: codeOf(secret), password: PASSWORD });
  assert.equal(refused.status, 429);
  assert.match(refused.body, /Too many codes were tried/);
});

test('security.md the secret is shown only until a code confirmed it, and stands sealed in the database', async () => {
  const { clerk, secret } = await administrator(world.alain, 'central');
  assert.equal((await clerk.get('/administration/second-factor')).location, '/administration');
  const row = await world.database.prisma.totpFactor.findUniqueOrThrow({ where: { accountId: world.alain.id } });
  const bytes = Buffer.from(Secret.fromBase32(secret).bytes);
  assert.equal(Buffer.from(row.sealedSecret).includes(bytes), false);
});

test('security.md a secret that somebody saw and nobody confirmed is another one a quarter of an hour later', async () => {
  await give(world.alain, 'central');
  const clerk = await Clerk.signIn(world, world.alain);
  const seen = await secretShown(clerk);
  assert.equal(await secretShown(clerk), seen, 'the page can be loaded again while the program is set up');
  pass(16 * MINUTE_MS);
  const secret = await secretShown(clerk);
  assert.notEqual(secret, seen);
  const page = '/administration/second-factor';
  assert.equal((await clerk.post(page, page, { code: codeOf(seen), password: PASSWORD })).status, 401);
  assert.equal(
    (await clerk.post(page, page, { code: codeOf(secret), password: PASSWORD })).location,
    '/administration',
  );
  pass(16 * MINUTE_MS);
  assert.equal((await clerk.get(page)).location, '/administration', 'a confirmed one stays');
});

test('security.md a page that was asked for before leaving does not open the administration again', async () => {
  const { clerk } = await administrator(world.alain, 'central');
  pass(5 * MINUTE_MS);
  const session = { id: clerk.sid.split('.')[0] ?? '' };
  const { prisma } = world.database;
  await clerk.post('/administration', '/administration/leave', {});
  await keepAdministrationOpen(world.database, session.id, new Date(now.getTime() + 30 * MINUTE_MS));
  const row = await prisma.session.findUniqueOrThrow({ where: session });
  assert.equal(row.administrationUntil, null);
});

test('security.md the administration closes after half an hour of nothing, work keeps it open, leaving ends it', async () => {
  const { clerk, secret } = await administrator(world.alain, 'central');
  for (let turn = 0; turn < 3; turn += 1) {
    pass(20 * MINUTE_MS);
    assert.equal((await clerk.get('/administration')).status, 200);
  }
  pass(31 * MINUTE_MS);
  const closed = await clerk.get('/administration/programme');
  assert.equal(closed.location, '/administration/enter?next=%2Fadministration%2Fprogramme');
  const entered = await clerk.post('/administration/enter', '/administration/enter', {
    code: codeOf(secret),
    password: PASSWORD,
    next: '/administration/programme',
  });
  assert.equal(entered.location, '/administration/programme');
  await clerk.post('/administration', '/administration/leave', {});
  assert.match((await clerk.get('/administration')).location ?? '', /^\/administration\/enter/);
  const elsewhere = await clerk.get('/administration/enter?next=https://evil.example/');
  assert.match(elsewhere.body, /name="next" value="\/administration"/);
});

test('T03 T04 the rules of the programme are saved, and bad ones refused with what was typed', async () => {
  const { clerk } = await administrator(world.alain, 'central');
  const rules = {
    name: 'TACHOnet, test phase',
    accountLimit: '4',
    digitalIdDays: '31',
    allowedRecipientDomains: 'Partner.example\n@other.example partner.example',
    revocationPolicy: 'require',
    markingPolicy: 'outside',
  };
  const saved = await clerk.post('/administration/programme', '/administration/programme', rules);
  assert.equal(saved.location, '/administration/programme', saved.body);
  const programme = await world.database.prisma.programme.findFirstOrThrow();
  assert.equal(programme.accountLimit, 4);
  assert.deepEqual(programme.allowedRecipientDomains, ['partner.example', 'other.example']);
  assert.equal(programme.revocationPolicy, 'require');
  assert.equal(programme.markingPolicy, 'outside');
  const bad = await clerk.post('/administration/programme', '/administration/programme', {
    ...rules,
    accountLimit: 'many',
    allowedRecipientDomains: 'pаrtner.example',
  });
  assert.equal(bad.status, 400);
  assert.match(bad.body, /value="many"/);
  assert.match(bad.body, /A whole number from 1 to 1,000/);
  assert.match(bad.body, /in ASCII/);
  assert.equal((await world.database.prisma.programme.findFirstOrThrow()).accountLimit, 4);
});

test('T13 S03 a clerk asks for a root, the administration compares its thumbprint, and the clerk accepts it', async () => {
  const elise = await Clerk.signIn(world, world.elise);
  const offered = await offerAnchor(world.database, world.elise, root, 'message', now);
  const asked = await elise.post('/trust', `/trust/anchors/${offered.id}/ask`, { note: 'Registry, +47 1 23 45' });
  assert.equal(asked.location, '/trust');
  const { clerk } = await administrator(world.alain, 'central');
  const page = await clerk.get('/administration/trust');
  assert.match(page.body, /Registry, \+47 1 23 45/);
  assert.ok(!page.body.toLowerCase().replaceAll(' ', '').includes(root.sha256), 'the thumbprint stays folded');
  const takeUp = /action="(\/administration\/trust\/requests\/[^"]+\/take-up)"/.exec(page.body)?.[1] ?? '';
  const ceremony = await clerk.post('/administration/trust', takeUp, {});
  const confirm = ceremony.location ?? '';
  const wrong = await clerk.post(confirm, confirm, { thumbprint: 'ab'.repeat(32), source: 'by phone' });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /This is not the thumbprint/);
  assert.equal((await elise.get('/trust')).body.includes('Look and accept'), false);
  const right = await clerk.post(confirm, confirm, { thumbprint: root.sha256, source: 'by phone' });
  assert.equal(right.location, '/administration/trust', right.body);
  const trust = await elise.get('/trust');
  assert.match(trust.body, /The programme stands behind it now/);
  assert.match(trust.body, /Look and accept/);
  const accept = /href="(\/trust\/programme\/[^"]+\/accept)"/.exec(trust.body)?.[1] ?? '';
  await elise.post(accept, accept, {});
  assert.match((await clerk.get('/administration/trust')).body, /1 clerk accepted it/);
  const withdraw = /href="(\/administration\/trust\/roots\/[^"]+\/withdraw)"/.exec(
    (await clerk.get('/administration/trust')).body,
  )?.[1];
  assert.ok(withdraw);
  assert.match((await clerk.get(withdraw)).body, /1 clerk accepted it/);
  await clerk.post(withdraw, withdraw, {});
  assert.match((await elise.get('/trust')).body, /No longer stood for by the programme/);
});

test('S03 a request can be declined with a reason that the clerk reads', async () => {
  const elise = await Clerk.signIn(world, world.elise);
  const offered = await offerAnchor(world.database, world.elise, root, 'message', now);
  await elise.post('/trust', `/trust/anchors/${offered.id}/ask`, { note: '' });
  const { clerk } = await administrator(world.alain, 'central');
  const page = await clerk.get('/administration/trust');
  const decline = /action="(\/administration\/trust\/requests\/[^"]+\/decline)"/.exec(page.body)?.[1] ?? '';
  await clerk.post('/administration/trust', decline, { answer: 'We do not know this <registry>.' });
  assert.match((await elise.get('/trust')).body, /We do not know this &lt;registry&gt;\./);
});

test('security.md only addresses that an administrator listed are asked for revocation', async () => {
  const { clerk } = await administrator(world.alain, 'central');
  const add = (url: string) =>
    clerk.post('/administration/revocation', '/administration/revocation', { kind: 'list', url });
  for (const url of ['', 'ftp://a.example/x', 'javascript:alert(1)', 'http://user:secret@a.example/', 'a.example']) {
    const bad = await add(url);
    assert.equal(bad.status, 400, url);
    assert.match(bad.body, /begins with http/);
  }
  assert.equal((await add('http://127.0.0.1:9/ca.crl')).location, '/administration/revocation');
  const page = await clerk.get('/administration/revocation');
  assert.match(page.body, /http:\/\/127\.0\.0\.1:9\/ca\.crl/);
  await clerk.post('/administration/revocation', '/administration/revocation/fetch', {});
  assert.match((await clerk.get('/administration/revocation')).body, /Could not be fetched/);
  const remove = /action="(\/administration\/revocation\/[^"]+\/remove)"/.exec(page.body)?.[1] ?? '';
  await clerk.post('/administration/revocation', remove, {});
  assert.equal(await world.database.prisma.revocationPoint.count(), 0);
});

test('cli.md the operator makes an administrator, who sets a new factor up when the old one is lost', async () => {
  await administrator(world.alain, 'central');
  const promoted = await addAdministrator(world.database, world.alain.address.toUpperCase(), null);
  assert.ok(promoted.ok && promoted.outcome === 'promoted');
  assert.equal(await world.database.prisma.totpFactor.count(), 0);
  const created = await addAdministrator(world.database, 'Carla.Peeters@tcn.b.eu-admin.net', 'long enough 12');
  assert.ok(created.ok && created.account.role === 'central');
  const unknown = await addAdministrator(world.database, 'a.b@nowhere.example', 'long enough 12');
  assert.deepEqual(unknown, { ok: false, problem: 'no-country' });
  await world.database.prisma.account.delete({ where: { id: created.account.id } });
});
