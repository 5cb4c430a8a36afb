import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import { formatsFor } from '../../src/i18n/formats.ts';
import { translator } from '../../src/i18n/translate.ts';
import { presentEntry } from '../../src/routes/audit-words.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry, createProgramme } from '../../src/services/accounts/programmes.ts';
import { isRunning, newestCheck, startCheck } from '../../src/services/audit/check-trail.ts';
import { exportTrail } from '../../src/services/audit/export-trail.ts';
import { NO_FILTER } from '../../src/services/audit/search-trail.ts';
import { AUDIT_ACTIONS, type AuditEvent } from '../../src/services/audit.ts';
import { findSession } from '../../src/services/sessions/session.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';

const DAY_MS = 86_400_000;
const START = new Date('2026-11-20T10:00:00Z');

const SERVER = {
  hosted: true,
  imapHost: '127.0.0.1',
  imapPort: 1,
  imapTls: 'implicit',
  submissionHost: '127.0.0.1',
  submissionPort: 1,
  submissionTls: 'starttls',
  serverName: null,
  caPem: null,
} as const;

let world: TestApp;
let marta: Account;
let stranger: Account;
before(async () => {
  world = await startTestApp();
  const { database } = world;
  const { programmeId } = await database.prisma.country.findFirstOrThrow();
  const programme = await database.prisma.programme.findUniqueOrThrow({ where: { id: programmeId } });
  const other = await createProgramme(database, { code: 'rsi', name: 'RSI', domainPattern: 'rsi.{cc}.eu-admin.net' });
  const settle = async (of: typeof programme, code: string, firstName: string, surname: string) => {
    const country = await addCountry(database, of, code, { ...SERVER, name: `of ${code} ${of.code}` });
    const made = await createHostedAccount(database, country, { firstName, surname, password: 'mailbox-password' });
    return made.ok ? made.account : assert.fail(made.problem);
  };
  marta = await settle(programme, 'D', 'Marta', 'Schulz');
  stranger = await settle(other, 'F', 'Rene', 'Inconnu');
  world.setNow(START);
});
after(() => world?.stop());

const record = (account: Account | null, event: Partial<AuditEvent>) =>
  world.context.audit.record({
    accountId: account?.id ?? null,
    actor: account?.address ?? 'operator',
    network: '192.0.2.7',
    action: 'sign-in',
    object: 'session',
    result: 'done',
    ...event,
  });
const rowsOf = (html: string) => html.split('<tbody>')[1]?.split('</tbody>')[0]?.match(/<tr>/g)?.length ?? 0;

test('security.md every action of the trail has a text', () => {
  const t = translator('en');
  for (const action of AUDIT_ACTIONS) assert.notEqual(t(`audit.action.${action}`), `audit.action.${action}`);
});

test('security.md what was recorded is read as words, with its detail, and what has no words as it is', () => {
  const formats = formatsFor('en', 'UTC');
  const entry = {
    id: 1n,
    node: 'n',
    number: 1,
    at: START,
    accountId: null,
    actor: 'a',
    network: '',
    hash: Buffer.of(1),
  };
  const read = (reason: string) =>
    presentEntry(
      formats,
      { ...entry, action: 'issue', object: 'o', result: 'done', reason, previousHash: Buffer.of(0) },
      new Map(),
    ).reason;
  assert.equal(read('certificateHold'), 'held for a while');
  assert.equal(read('registration-code too-many-attempts'), 'code of an invitation: too many attempts');
  assert.equal(read('programme: accountLimit, name'), 'rules of the programme: accounts of each country and name');
  assert.equal(read('never heard of'), 'never heard of');
});

test('security.md the trail is read newest first, page by page, and every entry stands on one page', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  // Many at the same millisecond: the order goes on by id.
  for (let n = 0; n < 120; n += 1) await record(world.elise, { action: 'unlock', object: `run ${n}` });
  const seen: string[] = [];
  let url: string | undefined = '/administration/audit?action=unlock';
  let pages = 0;
  while (url !== undefined) {
    const page = await clerk.get(url);
    assert.equal(page.status, 200);
    seen.push(...[...page.body.matchAll(/<bdi>(run \d+)<\/bdi><details/g)].map((match) => match[1] ?? ''));
    url = /<a href="([^"]+)" rel="next">/.exec(page.body)?.[1]?.replaceAll('&amp;', '&');
    pages += 1;
  }
  assert.equal(pages, 3);
  assert.deepEqual(
    seen,
    Array.from({ length: 120 }, (_, n) => `run ${119 - n}`),
  );
});

test('security.md the trail is searched by person, action, result, object, country and day', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const sha256 = 'ab'.repeat(32);
  world.setNow(new Date(START.getTime() + DAY_MS));
  await record(marta, { action: 'trust', object: sha256, reason: 'root-trusted' });
  await record(marta, { action: 'decrypt', object: sha256, result: 'failed', reason: 'no-key-fits' });
  const long = `https://crl.example/${'x'.repeat(450)}`;
  await record(world.elise, { action: 'administration', object: `${long}a` });
  await record(world.elise, { action: 'administration', object: `${long}b` });
  world.setNow(START);
  const count = async (query: Record<string, string>) => {
    const page = await clerk.get(`/administration/audit?${new URLSearchParams(query)}`);
    assert.equal(page.status, 200, page.body);
    return rowsOf(page.body);
  };
  assert.equal(await count({ person: 'schulz' }), 2);
  assert.equal(await count({ person: marta.address.toUpperCase() }), 2);
  assert.equal(await count({ person: 'schulz', result: 'failed' }), 1);
  assert.equal(await count({ person: 'nobody at all' }), 0);
  assert.equal(await count({ object: sha256.toUpperCase().replaceAll(/(....)/g, '$1 ') }), 2);
  assert.equal(await count({ object: sha256, action: 'trust' }), 1);
  assert.equal(await count({ object: sha256, person: 'dupont' }), 0);
  assert.equal(await count({ object: `${long}a` }), 1, 'an object longer than its index');
  assert.equal(await count({ country: 'D' }), 2);
  assert.equal(await count({ country: 'F' }), 0);
  assert.equal(await count({ country: 'D', from: '2026-11-21', until: '2026-11-21' }), 2);
  assert.equal(await count({ country: 'D', until: '2026-11-20' }), 0);
  assert.equal(await count({ person: "';--%_\\" }), 0);
  const wrong = await clerk.get('/administration/audit?from=yesterday&person=schulz');
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /Not a day/);
  assert.match(wrong.body, /value="yesterday"/);
  assert.match(wrong.body, /value="schulz"/);
  for (const before of ['1-', 'x', '999999999999999-1', '1-999999999999999999', ['1-1', '2-2'].join('&before=')])
    assert.equal((await clerk.get(`/administration/audit?before=${before}`)).status, 200, before);
});

test('security.md an administrator of a country sees what concerns its accounts, and nothing of others', async () => {
  const clerk = await enteredAdministrator(world, world.elise, 'country');
  await record(null, { action: 'administration', object: 'installation secret', reason: 'programme: name' });
  await record(marta, { action: 'administration', object: world.alain.id, reason: 'second-factor-reset' });
  await record(stranger, { object: 'foreign programme' });
  const all = (await clerk.get('/administration/audit')).body;
  assert.match(all, /second-factor-reset/, 'what was done about an account of the country');
  for (const query of ['', '?person=schulz', '?country=D', '?object=installation+secret', '?person=inconnu']) {
    const { body } = await clerk.get(`/administration/audit${query}`);
    assert.doesNotMatch(body, /installation secret<|foreign programme|root-trusted|root trusted/, query);
  }
  assert.doesNotMatch(all, /name="country"|audit\/check/);
  const csv = await clerk.post('/administration/audit', '/administration/audit/export', { form: 'csv', country: 'D' });
  assert.equal(csv.body.trim().split('\r\n').length, 1, 'only the heading');
  const central = await enteredAdministrator(world, world.alain, 'central');
  const { body } = await central.get('/administration/audit');
  assert.match(body, /installation secret/);
  assert.doesNotMatch(body, /foreign programme/, 'another programme');
});

test('security.md a person sees the own recent activity and nobody else’s', async () => {
  await record(world.alain, { action: 'administration', object: marta.id, network: '10.9.9.9', reason: 'left' });
  const clerk = await Clerk.signIn(world, marta);
  assert.match((await clerk.get('/settings')).body, /href="\/settings\/activity"/);
  const { body } = await clerk.get('/settings/activity');
  assert.match(body, /Message decrypted/);
  assert.match(body, /no key fits/);
  assert.match(body, /by the administration/);
  assert.doesNotMatch(body, /10\.9\.9\.9/, 'not from where an administrator works');
  assert.doesNotMatch(body, /run \d/);
  await clerk.post('/settings', '/settings', {
    timeZone: 'Europe/Berlin',
    lockMinutes: '30',
    locale: '',
    theme: '',
    signatureText: '',
  });
  assert.match(
    (await clerk.get('/settings/activity')).body,
    /Settings changed<[^>]+><bdi>changed: .*time until keys lock/,
  );
});

test('security.md the export has what the search shows, is recorded, and starts no formula in a spreadsheet', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const evil = '=HYPERLINK("http://evil.example";"x")';
  await record(null, { actor: evil, object: '+1,=2;@SUM(A1)\t-3', action: 'lock' });
  const csv = await clerk.post('/administration/audit', '/administration/audit/export', {
    form: 'csv',
    action: 'lock',
  });
  assert.equal(csv.status, 200);
  assert.match(String(csv.headers['content-type']), /^text\/csv/);
  assert.match(String(csv.headers['content-disposition']), /^attachment; filename="audit-2026-11-20\.csv"/);
  assert.equal(csv.bytes.subarray(0, 3).toString('hex'), 'efbbbf');
  const lines = csv.body.replace('\ufeff', '').trim().split('\r\n');
  assert.equal(lines.length, 2);
  assert.match(lines[0] ?? '', /^"at","node","number","actor"/);
  assert.match(lines[1] ?? '', /"'=HYPERLINK\(""http:/);
  for (const cell of (lines[1] ?? '').split(/[",;\t]/)) assert.doesNotMatch(cell, /^\s*[=+\-@]/);
  const jsonl = await clerk.post('/administration/audit', '/administration/audit/export', {
    form: 'jsonl',
    person: 'schulz',
    result: 'failed',
  });
  assert.match(String(jsonl.headers['content-type']), /^application\/jsonl/);
  const entries = jsonl.body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(entries.length, 1);
  assert.equal(entries[0].reason, 'no-key-fits');
  assert.match(entries[0].hash, /^[0-9a-f]{64}$/);
  const { body } = await clerk.get('/administration/audit?object=audit-trail');
  assert.match(body, /audit trail exported as a table/);
  assert.match(body, /audit trail exported for programs/);
  assert.equal(
    (await clerk.post('/administration/audit', '/administration/audit/export', { form: 'xls' })).status,
    400,
  );
});

test('security.md an export that is longer than allowed says that it is incomplete', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const session = await findSession(world.database, world.config, clerk.sid, '127.0.0.1', world.context.now());
  assert.ok(session);
  const stream = await exportTrail(world.context, session, { ...NO_FILTER, action: 'unlock' }, 'jsonl', { most: 100 });
  const lines = (await stream.toArray()).join('').trim().split('\n');
  assert.equal(lines.length, 101);
  assert.deepEqual(JSON.parse(lines[100] ?? ''), { incomplete: true });
});

test('security.md the check says on its page that the trail is whole, and finds what was changed or cut since', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const session = await findSession(world.database, world.config, clerk.sid, '127.0.0.1', world.context.now());
  assert.ok(session);
  const page = '/administration/audit/check';
  assert.match((await clerk.get(page)).body, /was not verified on this page yet/);
  assert.equal((await clerk.post(page, page, {})).location, page);
  const finished = async () => {
    for (;;) {
      const check = await newestCheck(world.context);
      if (check?.finishedAt) return check;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const first = await finished();
  assert.equal(first.whole, true, first.problems.join());
  const { body } = await clerk.get(page);
  assert.match(body, /The trail is whole/);
  const last = await world.database.prisma.auditEntry.findFirstOrThrow({ orderBy: { number: 'desc' } });
  assert.ok(body.includes(Buffer.from(last.hash).toString('hex')) || last.number > first.entries);
  // The end that the check saw is cut off: the chain alone would not show it.
  const { pool } = world.database;
  await pool.query('alter table audit_entry disable trigger user');
  const [head] = (await finished()).heads as { number: number }[];
  await pool.query('delete from audit_entry where number >= $1', [head?.number]);
  await pool.query('alter table audit_entry enable trigger user');
  world.setNow(new Date(START.getTime() + 60_000));
  await (await startCheck(world.context, session))?.done;
  const broken = await clerk.get(page);
  assert.match(broken.body, /The trail is not whole/);
  assert.match(broken.body, /was the end of this chain at an earlier check/);
  assert.equal((await clerk.get('/administration/audit?result=failed')).body.includes('is not whole'), true);
});

test('security.md a check whose node was killed is said to have ended, and another one may begin', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const at = new Date(START.getTime() + 10 * 60_000);
  world.setNow(at);
  await world.database.prisma.auditCheck.create({
    data: { accountId: world.alain.id, startedAt: at, aliveAt: at, expected: 100, entries: 40 },
  });
  const page = '/administration/audit/check';
  const running = await clerk.get(page);
  assert.match(running.body, /40 % done/);
  assert.equal(running.headers['refresh'], '2');
  const more = await Promise.all([clerk.post(page, page, {}), clerk.post(page, page, {})]);
  assert.deepEqual(
    more.map(({ location }) => location),
    [page, page],
  );
  assert.match((await clerk.get(page)).body, /40 % done/, 'one at a time');
  world.setNow(new Date(at.getTime() + 2 * 60_000));
  const check = await newestCheck(world.context);
  assert.ok(check && !isRunning(check, world.context.now()));
  assert.match((await clerk.get(page)).body, /came to no end/);
  assert.match((await clerk.post(page, page, {})).location ?? '', /check$/);
  assert.notEqual((await newestCheck(world.context))?.id, check.id);
});
