import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { createRootAuthority } from '../../src/pki/issue.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { acceptRegistration } from '../../src/services/registration/decisions.ts';
import { findRegistration } from '../../src/services/registration/registrations.ts';
import { findSession } from '../../src/services/sessions/session.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { Guest } from '../support/guest.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const DAY_MS = 86_400_000;

let world: TestApp;
let central: Clerk;
let now: Date;
let pem: string;

const HOSTED = {
  organisation: 'Société Nationale de Circulation Automobile',
  contactName: 'Jean Weber',
  contactAddress: 'jean.weber@snca.example',
  contactPhone: '+352 26626-400',
  mailboxes: 'hosted',
  domain: 'tcn.l.eu-admin.net',
  technical: 'Maintenance on Sundays.',
  firstName: 'Léa',
  surname: "D'Huart",
  note: '',
};
const OWN = {
  ...HOSTED,
  mailboxes: 'own',
  serverName: 'mx.snca.example',
  serverIp: '62.62.10.20',
  imapHost: 'imap.snca.example',
  imapPort: '993',
  imapTls: 'implicit',
  submissionHost: '62.62.10.21',
  submissionPort: '587',
  submissionTls: 'starttls',
};

before(async () => {
  world = await startTestApp();
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 90 * DAY_MS) };
  const root = await createRootAuthority({ name: 'SNCA Servers', keyAlgorithm: 'P-256', ...life });
  pem = toPem([root.certificate]);
});
after(() => world?.stop());
beforeEach(async () => {
  now = new Date();
  world.setNow(now);
  const { prisma } = world.database;
  await prisma.attemptWindow.deleteMany();
  await prisma.$executeRawUnsafe(`alter table registration_step disable trigger all`);
  await prisma.registrationStep.deleteMany();
  await prisma.$executeRawUnsafe(`alter table registration_step enable trigger all`);
  await prisma.registration.deleteMany();
  const further = { country: { code: { not: 'B' } } };
  await prisma.session.deleteMany({ where: { account: further } });
  await prisma.account.deleteMany({ where: further });
  await prisma.country.deleteMany({ where: { code: { not: 'B' } } });
  await prisma.mailServer.deleteMany({ where: { countries: { none: {} } } });
  central = await enteredAdministrator(world, world.alain, 'central');
});

/** Begins the registration of Luxembourg; gives the address of its page. */
async function begin(code = 'L'): Promise<string> {
  const answer = await central.post('/administration/countries', '/administration/countries', { code });
  assert.match(answer.location ?? '', /^\/administration\/registrations\//, answer.body);
  return answer.location ?? '';
}

async function invite(page: string): Promise<string> {
  const answer = await central.post(page, `${page}/invitation`, {});
  return /<p class="code">([0-9A-Z-]+)<\/p>/.exec(answer.body)?.[1] ?? assert.fail(answer.body);
}

/** A contact who typed the code. */
async function contact(code: string, network?: string): Promise<Guest> {
  const guest = new Guest(world, network);
  const opened = await guest.post('/registration', '/registration', { code });
  assert.equal(opened.location, '/registration/form', opened.body);
  return guest;
}

const versionOf = (body: string) => /name="version" value="(\d+)"/.exec(body)?.[1] ?? '0';

async function fill(guest: Guest, fields: Record<string, string>, submit: 'save' | 'submit') {
  const version = versionOf((await guest.get('/registration/form')).body);
  return guest.post('/registration/form', '/registration/form', { ...fields, version, do: submit });
}

async function decide(page: string, what: 'accept' | 'return', fields: Record<string, string> = {}) {
  const version = versionOf((await central.get(page)).body);
  return central.post(page, `${page}/${what}`, { version, ...fields });
}

test('T09 a country without an account fills in the request form, is asked for more, and is accepted', async () => {
  const page = await begin();
  const code = await invite(page);
  const guest = await contact(code.toLowerCase().replaceAll('-', ' '));
  const empty = await guest.get('/registration/form');
  assert.match(empty.body, /Request form of Luxembourg \(L\)/);
  assert.match(empty.body, /The domain of your country in this programme is tcn\.l\.eu-admin\.net/);
  const draft = await fill(guest, { organisation: 'SNCA' }, 'save');
  assert.equal(draft.location, '/registration/form', draft.body);
  assert.match((await guest.get('/registration/form')).body, /value="SNCA"/);

  const submitted = await fill(guest, HOSTED, 'submit');
  assert.equal(submitted.location, '/registration/form', submitted.body);
  const waiting = await guest.get('/registration/form');
  assert.match(waiting.body, /waits for the decision/);
  assert.doesNotMatch(waiting.body, /name="organisation"/);
  assert.match((await central.get('/administration')).body, /1 request form waits for your decision/);

  const noReason = await decide(page, 'return', { reason: '  ' });
  assert.equal(noReason.status, 400);
  const returned = await decide(page, 'return', { reason: 'Which <room>?\nWho answers at night?' });
  assert.equal(returned.location, page, returned.body);
  const asked = await guest.get('/registration/form');
  assert.match(asked.body, /Which &lt;room&gt;\?\nWho answers at night\?/);
  assert.match(asked.body, /value="Léa"/);
  await fill(guest, { ...HOSTED, technical: 'Room 3, at night +352 1' }, 'submit');

  const form = await central.get(page);
  assert.match(form.body, /Lea\.DHuart@tcn\.l\.eu-admin\.net/);
  const server = await world.database.prisma.mailServer.findFirstOrThrow({ where: { hosted: true } });
  assert.equal((await central.post(page, `${page}/test`, {})).status, 404, 'a hosted country names no servers');
  const accepted = await decide(page, 'accept', { mailServer: server.id });
  assert.equal(accepted.location, page, accepted.body);
  const country = await world.database.prisma.country.findFirstOrThrow({ where: { code: 'L' } });
  assert.deepEqual([country.domain, country.isoCode, country.mailServerId], ['tcn.l.eu-admin.net', 'LU', server.id]);
  const history = (await central.get(`/administration/countries/${country.id}`)).body;
  for (const step of ['Registration begun', 'Contact invited', 'Form opened with the code', 'Draft saved'])
    assert.ok(history.includes(step), step);
  assert.equal(history.split('Form handed in').length - 1, 2);
  assert.match(history, /Form returned[\s\S]*Alain\.Dupont@tcn\.b\.eu-admin\.net[\s\S]*Who answers at night/);
});

test('T09 with the code of before nobody changes the form of a country that takes part, nor reads what it writes later', async () => {
  const page = await begin();
  const guest = await contact(await invite(page));
  await fill(guest, HOSTED, 'submit');
  const { prisma } = world.database;
  const { id } = await prisma.mailServer.findFirstOrThrow({ where: { hosted: true } });
  await decide(page, 'accept', { mailServer: id });
  assert.match((await guest.get('/registration/form')).body, /The form was accepted/);
  const late = { ...HOSTED, organisation: 'Somebody else', version: '99', do: 'submit' };
  await guest.post('/registration/form', '/registration/form', late);
  const row = await prisma.registration.findFirstOrThrow({ where: { code: 'L' } });
  assert.deepEqual([row.state, (row.fields as typeof HOSTED).organisation], ['accepted', HOSTED.organisation]);
  assert.equal((await central.post(page, `${page}/invitation`, {})).status, 404);

  const luxembourg = await prisma.country.findFirstOrThrow({ where: { code: 'L' } });
  const made = await createHostedAccount(world.database, luxembourg, {
    ...{ firstName: 'Léa', surname: "D'Huart", password: 'mailbox-password-canary' },
  });
  assert.ok(made.ok);
  const lea = await enteredAdministrator(world, made.account, 'country');
  const change = '/administration/registration/change';
  const version = versionOf((await lea.get(change)).body);
  assert.equal((await lea.post(change, change, { ...HOSTED, note: 'ours', version, do: 'save' })).status, 302);
  assert.equal((await guest.get('/registration/form')).location, '/registration');
});

test('T09 a form that is not right comes back whole, with each field that needs another look', async () => {
  const guest = await contact(await invite(await begin()));
  const wrong = {
    ...OWN,
    domain: 'tcn.b.eu-admin.net',
    contactAddress: 'nobody',
    contactPhone: 'call me',
    serverIp: '169.254.169.254',
    imapHost: 'localhost',
    imapPort: '5432',
    submissionPort: '22',
    submissionHost: '0.0.0.0',
    serverName: 'mx.snca.example.',
    caPem: 'no certificate',
    note: '<script>alert(1)</script>',
    surname: 'Παπαδόπουλος',
  };
  const answer = await fill(guest, wrong, 'submit');
  assert.equal(answer.status, 400);
  assert.match(answer.body, /11 fields need another look/);
  assert.match(answer.body, /The domain must be your country’s: tcn\.l\.eu-admin\.net/);
  assert.match(answer.body, /Latin letters: the address is made of them/);
  assert.match(answer.body, /&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  for (const value of Object.values(wrong).filter((each) => !each.includes('<')))
    assert.ok(answer.body.includes(value.replaceAll("'", '&#39;')), value);
  const row = await world.database.prisma.registration.findFirstOrThrow();
  assert.equal(row.state, 'draft');
  assert.equal((row.fields as Record<string, unknown>)['organisation'], '', 'nothing half done');
});

test('T28 look-alike letters in the domain are named, with the script that they are from', async () => {
  const guest = await contact(await invite(await begin()));
  const greek = await fill(guest, { ...HOSTED, domain: 'tcn.l.eu-αdmin.net'.replace('α', 'Α') }, 'submit');
  assert.match(greek.body, /“Α” is a Greek letter that only looks like the Latin A/);
  const cyrillic = await fill(guest, { ...OWN, serverName: 'mx.snca.exаmple'.replace('а', 'А') }, 'submit');
  assert.match(cyrillic.body, /“А” is a Cyrillic letter that only looks like the Latin A/);
});

test('T09 a country with its own server is accepted only after its servers were compared, and its server comes with it', async () => {
  const page = await begin();
  const guest = await contact(await invite(page));
  const submitted = await fill(guest, { ...OWN, caPem: `text before\n${pem}` }, 'submit');
  assert.equal(submitted.location, '/registration/form', submitted.body);
  assert.match((await central.get(page)).body, /CN=SNCA Servers\nSHA-256 [0-9A-F]{4} /);
  const tested = await central.post(page, `${page}/test`, {});
  assert.match(tested.body, /IMAP:<\/b> The name is not known[\s\S]*Tried: imap\.snca\.example, port 993/);
  const unseen = await decide(page, 'accept');
  assert.equal(unseen.status, 400);
  assert.match(unseen.body, /Please compare first/);
  assert.equal((await decide(page, 'accept', { seen: 'on' })).location, page);
  const country = await world.database.prisma.country.findFirstOrThrow({
    where: { code: 'L' },
    include: { mailServer: true },
  });
  const { mailServer } = country;
  assert.equal(mailServer.caPem?.trim(), pem.trim(), 'nothing but the certificates');
  assert.deepEqual(
    [mailServer.hosted, mailServer.imapHost, mailServer.submissionHost, mailServer.incomingHost, mailServer.incomingIp],
    [false, 'imap.snca.example', '62.62.10.21', 'mx.snca.example', '62.62.10.20'],
  );
});

test('T09 a code counts once it is made, until another is made, it is withdrawn or thirty days are over', async () => {
  const page = await begin();
  const first = await invite(page);
  const guest = await contact(first);
  const second = await invite(page);
  assert.equal((await guest.get('/registration/form')).location, '/registration', 'what it opened ended with it');
  const old = await new Guest(world).post('/registration', '/registration', { code: first });
  assert.equal(old.status, 401);
  const other = await contact(second);
  await central.post(page, `${page}/invitation/withdraw`, {});
  assert.equal((await other.get('/registration/form')).location, '/registration');
  const third = await invite(page);
  world.setNow(new Date(now.getTime() + 31 * DAY_MS));
  const late = await new Guest(world).post('/registration', '/registration', { code: third });
  assert.equal(late.status, 401);
  assert.match(late.body, /This code is not right, or it counts no longer/);
});

test('T09 a visit ends by itself, by leaving, and with another secret', async () => {
  const code = await invite(await begin());
  const guest = await contact(code);
  world.setNow(new Date(now.getTime() + 3 * 3_600_000));
  assert.equal((await guest.get('/registration/form')).location, '/registration');
  world.setNow(now);
  const left = await contact(code);
  const cookie = left.cookies.get('registration') ?? '';
  await left.post('/registration/form', '/registration/leave', {});
  left.cookies.set('registration', cookie);
  assert.equal((await left.get('/registration/form')).location, '/registration');
  const forged = await contact(code);
  const [id] = (forged.cookies.get('registration') ?? '').split('.');
  forged.cookies.set('registration', `${id}.${'A'.repeat(43)}`);
  assert.equal((await forged.get('/registration/form')).location, '/registration');
});

test('security.md the code stands nowhere but on one answer, and tries of a network are counted', async () => {
  await wholeQuarter();
  const page = await begin();
  const code = await invite(page);
  assert.doesNotMatch((await central.get(page)).body, new RegExp(code));
  const dump = JSON.stringify([
    await world.database.prisma.registrationInvitation.findMany(),
    await world.database.prisma.registrationStep.findMany({ select: { reason: true, actor: true, changes: true } }),
    (await world.database.pool.query('select * from audit_entry')).rows,
  ]);
  assert.doesNotMatch(dump, new RegExp(code.replaceAll('-', '-?')));
  const guesser = new Guest(world, '198.51.100.9');
  for (let n = 0; n < 20; n += 1) await guesser.post('/registration', '/registration', { code: `AAAA-${n}` });
  const refused = await guesser.post('/registration', '/registration', { code });
  assert.equal(refused.status, 429);
  await contact(code, '203.0.113.5');
});

test('security.md the form needs its own visit: a stranger, a clerk and another country see nothing of it', async () => {
  const page = await begin();
  const guest = await contact(await invite(page));
  await fill(guest, HOSTED, 'save');
  const stranger = new Guest(world);
  for (const url of ['/registration/form', '/registration/print'])
    assert.equal((await stranger.get(url)).location, '/registration', url);
  const norway = await contact(await invite(await begin('N')), '192.0.2.7');
  const other = await norway.get('/registration/form');
  assert.match(other.body, /Norway/);
  assert.doesNotMatch(other.body, /Circulation/);
  const unforged = await world.app.inject({
    method: 'POST',
    url: '/registration/form',
    headers: {
      origin: 'http://localhost:8460',
      'content-type': 'application/x-www-form-urlencoded',
      cookie: `registration=${guest.cookies.get('registration')}`,
    },
    payload: 'do=submit&version=2',
  });
  assert.equal(unforged.statusCode, 403);
});

test('T09 two windows: the later one is shown what the other saved, and loses nothing of its own', async () => {
  const guest = await contact(await invite(await begin()));
  const version = versionOf((await guest.get('/registration/form')).body);
  await fill(guest, { ...HOSTED, organisation: 'First window' }, 'save');
  const stale = await guest.post('/registration/form', '/registration/form', {
    ...HOSTED,
    organisation: 'Second window',
    version,
    do: 'save',
  });
  assert.equal(stale.status, 409);
  assert.match(stale.body, /saved elsewhere meanwhile/);
  assert.match(stale.body, /First window/);
  assert.match(stale.body, /value="Second window"/);
});

test('T09 of two decisions at the same moment one holds, and the other is told so', async () => {
  const page = await begin();
  const guest = await contact(await invite(page));
  await fill(guest, HOSTED, 'submit');
  const { database, config, context } = world;
  const session = await findSession(database, config, central.sid, '127.0.0.1', now);
  assert.ok(session);
  const registration = await findRegistration(context, session, page.split('/').at(-1) ?? '');
  const { id } = await database.prisma.mailServer.findFirstOrThrow({ where: { hosted: true } });
  const decisions = await Promise.all(
    Array.from({ length: 6 }, () => acceptRegistration(context, session, registration, registration.version, id)),
  );
  assert.equal(decisions.filter(({ ok }) => ok).length, 1);
  assert.equal(await database.prisma.country.count({ where: { code: 'L' } }), 1);
  assert.equal(await database.prisma.registrationStep.count({ where: { step: 'accepted' } }), 1);
  const again = await central.post(page, `${page}/return`, { version: String(registration.version), reason: 'late' });
  assert.equal(again.status, 409);
  assert.match(again.body, /changed or decided on meanwhile/);
});

test('T09 a country has one form, however often it is begun at the same moment', async () => {
  const pages = await Promise.all(Array.from({ length: 6 }, () => begin('S')));
  assert.equal(new Set(pages).size, 1);
  assert.equal(await world.database.prisma.registration.count({ where: { code: 'S' } }), 1);
});

test('T09 the administrators of a country change its form, and what holds stays until that is accepted', async () => {
  const country = await enteredAdministrator(world, world.elise, 'country');
  assert.match((await country.get('/administration/registration')).body, /No form yet/);
  assert.match((await country.get('/administration/registration/print')).body, /Elise Maes/);
  assert.equal(await world.database.prisma.registration.count(), 0, 'looking writes nothing');
  const change = '/administration/registration/change';
  const page = await country.get(change);
  assert.match(page.body, /value="tcn\.b\.eu-admin\.net"/);
  const fields = { ...HOSTED, domain: 'tcn.b.eu-admin.net', firstName: 'Elise', surname: 'Maes' };
  const sent = await country.post(change, change, { ...fields, version: versionOf(page.body), do: 'submit' });
  assert.equal(sent.location, '/administration/registration', sent.body);
  assert.match((await country.get('/administration/registration')).body, /waits for the decision/);
  const row = await world.database.prisma.registration.findFirstOrThrow({ where: { code: 'B' } });
  const central2 = await central.get(`/administration/registrations/${row.id}`);
  assert.match(central2.body, /The change holds at once/);
  assert.match(central2.body, /What holds until this is accepted/);
  const printed = await country.get('/administration/registration/print');
  assert.match(printed.body, /Administrator of the country: <bdi>Elise\.Maes@/);
  const hosted = await world.database.prisma.mailServer.findFirstOrThrow({ where: { hosted: true } });
  const toOwn = await decide(`/administration/registrations/${row.id}`, 'accept', { mailServer: hosted.id });
  assert.equal(toOwn.location, `/administration/registrations/${row.id}`, toOwn.body);
  const moved = { ...OWN, domain: 'tcn.b.eu-admin.net' };
  const version = versionOf((await country.get(change)).body);
  await country.post(change, change, { ...moved, version, do: 'submit' });
  const refused = await decide(`/administration/registrations/${row.id}`, 'accept', { seen: 'on' });
  assert.equal(refused.status, 409);
  assert.match(refused.body, /mailboxes at a server of the other kind/);
  await world.database.prisma.account.update({ where: { id: world.elise.id }, data: { role: 'clerk' } });
});

test('T09 the history can be added to only', async () => {
  await begin();
  await assert.rejects(world.database.pool.query(`update registration_step set actor = 'x'`), /append-only/);
  await assert.rejects(world.database.pool.query(`delete from registration_step`), /append-only/);
});

test('T09 the trail says who did what, and nothing of what was typed', async () => {
  const page = await begin();
  const guest = await contact(await invite(page));
  await fill(guest, { ...HOSTED, note: 'secret-canary' }, 'submit');
  await decide(page, 'return', { reason: 'reason-canary' });
  const { rows } = await world.database.pool.query('select * from audit_entry order by id desc limit 20');
  const text = JSON.stringify(rows);
  for (const reason of [
    'registration-begun',
    'registration-invited',
    'registration-opened',
    'registration-submitted',
    'registration-returned',
  ])
    assert.ok(text.includes(reason), reason);
  assert.doesNotMatch(text, /canary|Weber/);
  const shown = (await central.get('/administration/audit')).body;
  assert.match(shown, /request form returned[\s\S]*request form handed in[\s\S]*code for a request form made/);
  assert.doesNotMatch(shown, /registration-(begun|invited|opened|submitted|returned)/);
});

test('T09 security.md whoever has the code saves sixty times in a quarter of an hour, and loses nothing that was typed then', async () => {
  await wholeQuarter();
  const { prisma } = world.database;
  const guest = await contact(await invite(await begin()));
  let version = versionOf((await guest.get('/registration/form')).body);
  const save = (fields: Record<string, string>) =>
    guest.post('/registration/form', '/registration/form', { ...fields, version, do: 'save' });
  for (let count = 0; count < 60; count += 1) {
    assert.equal((await save({ organisation: `SNCA ${count}` })).status, 302);
    version = String(Number(version) + 1);
  }
  const steps = await prisma.registrationStep.count();
  const refused = await save({ organisation: 'SNCA, the last' });
  assert.equal(refused.status, 429);
  assert.match(refused.body, /saved too often/);
  assert.match(refused.body, /value="SNCA, the last"/);
  assert.equal(await prisma.registrationStep.count(), steps);
  await prisma.attemptWindow.deleteMany();
  assert.equal((await save({ organisation: 'SNCA, the last' })).status, 302);
});

test('T09 security.md why a form was returned is said however much is saved after it', async () => {
  const page = await begin();
  const guest = await contact(await invite(page));
  await fill(guest, HOSTED, 'submit');
  await decide(page, 'return', { reason: 'Who answers at night?' });
  const { id: registrationId } = await world.database.prisma.registration.findFirstOrThrow();
  const step = {
    registrationId,
    at: now,
    step: 'saved',
    side: 'contact',
    actor: 'Jean Weber',
    reason: '',
    changes: [],
  };
  await world.database.prisma.registrationStep.createMany({ data: Array.from({ length: 201 }, () => step) });
  assert.match((await guest.get('/registration/form')).body, /Who answers at night\?/);
});
