import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Account, Programme } from '../../src/generated/prisma/client.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { ANNEX_A } from '../../src/services/accounts/annex-a.ts';
import { addCountry, createProgramme } from '../../src/services/accounts/programmes.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';

const LIST = '/administration/programmes';
const RULES = '/administration/programme';
const COUNTRIES = '/administration/countries';
const SERVERS = '/administration/mail-servers';
const SERVER = {
  name: 'eucaris hosts',
  hosted: false,
  imapHost: 'imap.eucaris.example',
  imapPort: 993,
  imapTls: 'implicit',
  submissionHost: 'imap.eucaris.example',
  submissionPort: 587,
  submissionTls: 'starttls',
  serverName: null,
  caPem: null,
} as const;

let world: TestApp;
let central: Clerk;
let other: Programme;
let nora: Account;

before(async () => {
  world = await startTestApp();
  other = await createProgramme(world.database, {
    code: 'euc',
    name: 'EUCARIS, test phase',
    domainPattern: 'euc.{cc}.eu-admin.net',
  });
  const norway = await addCountry(world.database, other, 'N', SERVER);
  const made = await createHostedAccount(world.database, norway, {
    ...{ firstName: 'Nora', surname: 'Lund', password: 'mailbox-password-canary' },
  });
  assert.ok(made.ok);
  nora = made.account;
});
after(() => world?.stop());
beforeEach(async () => {
  await world.database.prisma.programmeGrant.deleteMany();
  await world.database.prisma.programme.deleteMany({ where: { countries: { none: {} } } });
  central = await enteredAdministrator(world, world.alain, 'central');
});

const make = (fields: Record<string, string>) =>
  central.post(LIST, LIST, {
    code: 'resper',
    name: 'RESPER',
    domainPattern: 'rp.{cc}.eu-admin.net',
    phase: 'test',
    ...fields,
  });

async function choose(clerk: Clerk, id: string): Promise<number> {
  return (await clerk.post(LIST, `${LIST}/${id}/administrate`, {})).status;
}

const trail = async () =>
  (await world.database.pool.query('select reason from audit_entry order by id desc limit 5')).rows.map(
    (row) => row.reason,
  );

test('T04 a programme has its own rules: each change is saved, refused in words, and stands in the trail', async () => {
  const page = await central.get(RULES);
  assert.match(page.body, /Fixed: the addresses of countries follow from it/);
  const rules = {
    ...{ name: 'TACHOnet', phase: 'production', accountLimit: '7', digitalIdDays: '365', keyAlgorithm: 'P-256' },
    ...{
      keyPairs: 'two',
      allowedRecipientDomains: 'partner.example',
      revocationPolicy: 'require',
      markingPolicy: 'decide',
    },
  };
  const wrong = await central.post(RULES, RULES, {
    ...{ ...rules, phase: 'later', keyAlgorithm: 'RSA-512', keyPairs: 'three', digitalIdDays: '0' },
    ...{ allowedRecipientDomains: 'pаrtner.example', domainPattern: 'euc.{cc}.eu-admin.net' },
  });
  assert.equal(wrong.status, 400);
  for (const said of ['Choose one of the two', 'A whole number from 1', 'Domains such as partner.example'])
    assert.ok(wrong.body.includes(said), said);
  const saved = await central.post(RULES, RULES, { ...rules, domainPattern: 'euc.{cc}.eu-admin.net' });
  assert.equal(saved.location, RULES, saved.body);
  const { id } = world.alain;
  const { country } = await world.database.prisma.account.findUniqueOrThrow({
    where: { id },
    include: { country: { include: { programme: true } } },
  });
  const { phase, accountLimit, keyAlgorithm, keyPairs, allowedRecipientDomains, domainPattern } = country.programme;
  assert.deepEqual(
    [phase, accountLimit, keyAlgorithm, keyPairs, allowedRecipientDomains, domainPattern],
    ['production', 7, 'P-256', 'two', ['partner.example'], 'tcn.{cc}.eu-admin.net'],
  );
  assert.match(String(await trail()), /programme: .*phase.*accountLimit/);
});

test('T04 another programme is begun beside it, with domains that no other one has', async () => {
  const bad = await make({ code: 'RES PER', name: '', domainPattern: 'rp.cc.eu-admin.net', phase: 'x' });
  assert.equal(bad.status, 400);
  assert.match(bad.body, /value="rp\.cc\.eu-admin\.net"/);
  for (const said of ['One to twenty small letters', 'A name of at most 100', 'in the place of the country’s sign'])
    assert.ok(bad.body.includes(said), said);
  assert.match((await make({ code: 'euc' })).body, /Another programme has this short name/);
  assert.match((await make({ domainPattern: 'euc.{cc}.eu-admin.net' })).body, /Another programme has these domains/);
  const crossing = await make({ domainPattern: '{cc}.l.eu-admin.net' });
  assert.match(
    crossing.body,
    /Another programme has these domains/,
    'TCN would be a sign that leads to tcn.l.eu-admin.net',
  );
  assert.equal((await make({})).location, LIST);
  const made = await world.database.prisma.programme.findUniqueOrThrow({ where: { code: 'resper' } });
  assert.equal(await choose(central, made.id), 302);
  const overview = await central.get('/administration');
  assert.match(overview.body, /class="programme">RESPER</);
  assert.doesNotMatch(overview.body, /Belgium/);
  const pattern = { ...made, domainPattern: 'rpx.{cc}.eu-admin.net', allowedRecipientDomains: '' };
  const form = Object.fromEntries(Object.entries(pattern).map(([name, value]) => [name, String(value)]));
  assert.equal((await central.post(RULES, RULES, form)).location, RULES);
  const begun = await central.post(COUNTRIES, COUNTRIES, { code: 'L' });
  assert.match(begun.location ?? '', /registrations/);
  assert.match((await central.get(COUNTRIES)).body, /rpx\.l\.eu-admin\.net/);
  const late = await central.post(RULES, RULES, { ...form, domainPattern: 'rpy.{cc}.eu-admin.net' });
  assert.equal(late.location, RULES);
  const kept = await world.database.prisma.programme.findUniqueOrThrow({ where: { code: 'resper' } });
  assert.equal(kept.domainPattern, 'rpx.{cc}.eu-admin.net', 'fixed by the first country');
  await world.database.prisma.$executeRawUnsafe('alter table registration_step disable trigger all');
  await world.database.prisma.registrationStep.deleteMany();
  await world.database.prisma.$executeRawUnsafe('alter table registration_step enable trigger all');
  await world.database.prisma.registration.deleteMany();
});

test('security.md whoever is suspended while the form is on its way begins no programme, and grants none', async () => {
  const { pool, prisma } = world.database;
  const { programmeId } = await prisma.country.findUniqueOrThrow({ where: { id: world.alain.countryId } });
  const before = await prisma.programme.count();
  await prisma.account.update({ where: { id: nora.id }, data: { role: 'central' } });
  const grant = () =>
    central.post(`${RULES}/administrators`, `${RULES}/administrators`, { administrator: nora.address });
  for (const act of [() => make({}), grant]) {
    const other = await pool.connect();
    await other.query('begin');
    await other.query('select id from programme where id = $1 for update', [programmeId]);
    await other.query("update account set state = 'suspended' where id = $1", [world.alain.id]);
    let answered = false;
    const asked = act().finally(() => {
      answered = true;
    });
    while (!answered && !(await someoneWaits())) await wait(20);
    await other.query('commit');
    other.release();
    const { status } = await asked;
    await prisma.account.update({ where: { id: world.alain.id }, data: { state: 'active' } });
    assert.equal(status, 404);
    central = await enteredAdministrator(world, world.alain, 'central');
  }
  assert.equal(await prisma.programme.count(), before);
  assert.equal(await prisma.programmeGrant.count({ where: { accountId: nora.id } }), 0);
  await prisma.account.update({ where: { id: nora.id }, data: { role: nora.role } });
});

/** Whether a transaction waits for another one. */
async function someoneWaits(): Promise<boolean> {
  const { rows } = await world.database.pool.query(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows.length > 0;
}

test('security.md a programme is administrated by its own and by those to whom it was granted, as long as it is', async () => {
  assert.equal(await choose(central, other.id), 404);
  assert.doesNotMatch((await central.get(LIST)).body, /EUCARIS/);
  const theirs = await world.database.prisma.country.findFirstOrThrow({ where: { code: 'N' } });
  for (const url of [`${COUNTRIES}/${theirs.id}`, `${SERVERS}/${theirs.mailServerId}`])
    assert.equal((await central.get(url)).status, 404, url);
  const norwegian = await enteredAdministrator(world, nora, 'central');
  const page = `${RULES}/administrators`;
  const unknown = await norwegian.post(page, page, { administrator: world.elise.address });
  assert.equal(unknown.status, 400);
  assert.match(unknown.body, /No central administrator of another programme/);
  assert.equal((await norwegian.post(page, page, { administrator: world.alain.address })).location, page);
  assert.equal(await choose(central, other.id), 302);
  assert.match((await central.get('/administration')).body, /Norway \(N\)[\s\S]*|EUCARIS/);
  assert.equal((await central.get(`${COUNTRIES}/${theirs.id}`)).status, 200);
  const withdrawn = await norwegian.post(page, `${page}/${world.alain.id}/withdraw`, {});
  assert.equal(withdrawn.location, page);
  assert.equal((await central.get(`${COUNTRIES}/${theirs.id}`)).status, 404, 'at once');
  assert.match((await central.get('/administration')).body, /Belgium/);
  assert.equal(await choose(central, other.id), 404);
  const [latest] = await trail();
  assert.equal(latest, 'programme-withdrawn: euc');
});

test('security.md nobody leaves a programme without an administrator, not even two at the same moment', async () => {
  await make({});
  const made = await world.database.prisma.programme.findUniqueOrThrow({ where: { code: 'resper' } });
  await choose(central, made.id);
  const page = `${RULES}/administrators`;
  const alone = await central.post(page, `${page}/${world.alain.id}/withdraw`, {});
  assert.equal(alone.location, page);
  assert.match((await central.get(page)).body, /Nobody else administers this programme/);
  const norwegian = await enteredAdministrator(world, nora, 'central');
  await central.post(page, page, { administrator: nora.address });
  await choose(norwegian, made.id);
  await Promise.all([
    central.post(page, `${page}/${nora.id}/withdraw`, {}),
    norwegian.post(page, `${page}/${world.alain.id}/withdraw`, {}),
  ]);
  assert.equal(await world.database.prisma.programmeGrant.count({ where: { programmeId: made.id } }), 1);
});

test('T28 all 29 countries of Annex A stand there in ASCII, with their names in three languages', async () => {
  assert.equal(ANNEX_A.length, 29);
  assert.ok(ANNEX_A.every(({ code }) => /^[A-Z]{1,3}$/.test(code)));
  for (const [locale, names] of [
    ['en', ['Germany (D)', 'Liechtenstein (FL)', 'Slovenia (SLO)', 'United Kingdom (GB)']],
    ['fr', ['Allemagne (D)', 'Royaume-Uni (GB)']],
    ['de', ['Deutschland (D)', 'Vereinigtes Königreich (GB)']],
  ] as const) {
    await world.database.prisma.account.update({ where: { id: world.alain.id }, data: { locale } });
    const page = await central.get(COUNTRIES);
    for (const name of names) assert.ok(page.body.includes(name), name);
    for (const { code } of ANNEX_A) assert.ok(page.body.includes(`(${code})`), `${locale} ${code}`);
  }
  await world.database.prisma.account.update({ where: { id: world.alain.id }, data: { locale: null } });
});

test('T28 look-alikes are refused by name, and further countries are added by their ISO code', async () => {
  const begin = (code: string, iso = '') => central.post(COUNTRIES, COUNTRIES, { code, iso });
  for (const [typed, said] of [
    ['Α', /Greek letter that only looks like the Latin A/],
    ['Р', /Cyrillic letter that only looks like the Latin P/],
    ['м', /Cyrillic letter that only looks like the Latin M/],
    ['É', /One to three Latin letters/],
    ['ABCD', /One to three Latin letters/],
    ['<b>', /One to three Latin letters/],
    ['B', /takes part already/],
  ] as const) {
    const answer = await begin(typed);
    assert.ok([400, 409].includes(answer.status), typed);
    assert.match(answer.body, said, typed);
  }
  assert.match((await begin('UA')).body, /Two letters of ISO 3166/);
  assert.match((await begin('UA', 'ZZ')).body, /Two letters of ISO 3166/);
  assert.match((await begin('AT', 'AT')).body, /under the sign A\./);
  assert.match((await begin('L', 'DE')).body, /under the sign D\./);
  const added = await begin('ua', 'ua');
  assert.match(added.location ?? '', /registrations/, added.body);
  assert.match((await central.get(COUNTRIES)).body, /Ukraine \(UA\)/);
  assert.match((await begin('UKR', 'UA')).body, /in the programme already, under another sign/);
});

test('security.md where a hosted server is nobody says on a page: it is shown the service credential', async () => {
  const hosted = await world.database.prisma.mailServer.findFirstOrThrow({ where: { hosted: true } });
  const page = `${SERVERS}/${hosted.id}`;
  const shown = await central.get(page);
  assert.match(shown.body, /Only the operator of the installation says where it is/);
  const fields = { ...mailServer(), imapHost: 'evil.example', hosted: 'on' };
  assert.equal((await central.upload(SERVERS, page, fields, null)).status, 404);
  const made = await central.upload(SERVERS, SERVERS, { ...fields, kind: 'hosted' }, null);
  const id = made.location?.split('/').at(-1) ?? '';
  const row = await world.database.prisma.mailServer.findUniqueOrThrow({ where: { id } });
  assert.equal(row.hosted, false);
  assert.equal(
    (await world.database.prisma.mailServer.findUniqueOrThrow({ where: { id: hosted.id } })).imapHost,
    hosted.imapHost,
  );
  await world.database.prisma.mailServer.delete({ where: { id } });
});

const mailServer = () => ({
  ...{ name: 'Luxembourg', imapHost: 'imap.snca.example', imapPort: '993', imapTls: 'implicit' },
  ...{ submissionHost: '62.62.10.21', submissionPort: '587', submissionTls: 'starttls', serverName: '' },
  ...{ incomingHost: '', incomingIp: '', caPem: '' },
});

test('T09 a mail server is entered with what it needs, and connects to nothing that is none', async () => {
  const page = `${SERVERS}/new`;
  const wrong = await central.upload(
    page,
    SERVERS,
    {
      ...mailServer(),
      ...{ name: '', imapHost: 'localhost', imapPort: '6379', submissionHost: '::ffff:169.254.169.254' },
      ...{ submissionPort: '25', serverName: '127.0.0.1', incomingIp: '224.0.0.1', caPem: 'nothing' },
    },
    null,
  );
  assert.equal(wrong.status, 400);
  assert.equal(wrong.body.match(/class="fault"/g)?.length, 8);
  assert.match(wrong.body, /value="::ffff:169\.254\.169\.254"/);
  const made = await central.upload(page, SERVERS, mailServer(), null);
  assert.match(made.location ?? '', /mail-servers\//, made.body);
  const taken = await central.upload(page, SERVERS, mailServer(), null);
  assert.equal(taken.status, 409);
  assert.match(taken.body, /Another server has this name/);
  const url = made.location ?? '';
  const tested = await central.post(url, `${url}/test`, {});
  assert.match(tested.body, /IMAP:<\/b> The name is not known/);
  await world.database.prisma.mailServer.delete({ where: { id: url.split('/').at(-1) ?? '' } });
});

test('T09 a country is moved to another server only while no mailbox would be left behind', async () => {
  const own = await world.database.prisma.mailServer.create({
    data: {
      ...{ name: 'own', imapHost: 'a.example', imapPort: 993, imapTls: 'implicit' },
      ...{ submissionHost: 'a.example', submissionPort: 587, submissionTls: 'starttls' },
      programmeId: (await world.database.prisma.programme.findUniqueOrThrow({ where: { code: 'tcn' } })).id,
    },
  });
  const belgium = await world.database.prisma.country.findFirstOrThrow({ where: { code: 'B' } });
  const page = `${COUNTRIES}/${belgium.id}`;
  assert.equal((await central.post(page, `${page}/mail-server`, { mailServer: own.id })).location, page);
  assert.match((await central.get(page)).body, /Not changed: the accounts of this country/);
  const theirs = await world.database.prisma.mailServer.findUniqueOrThrow({ where: { name: SERVER.name } });
  assert.equal((await central.post(page, `${page}/mail-server`, { mailServer: theirs.id })).status, 404);
  await world.database.prisma.mailServer.delete({ where: { id: own.id } });
});
