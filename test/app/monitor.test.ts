import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { makeAlerts } from '../../src/services/monitor/make-alerts.ts';
import { type Monitor, startMonitor } from '../../src/services/monitor/monitor.ts';
import { monitorLease } from '../../src/services/monitor/monitor-lease.ts';
import { recordRound } from '../../src/services/monitor/record-round.ts';
import { thinHistory } from '../../src/services/monitor/thin-history.ts';
import type { Finding, WatchedState } from '../../src/services/monitor/watched.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';

const PAGE = '/administration/monitor';
const MINUTE_MS = 60_000;
/** At the turn of a quarter, so that no slot of a chart depends on when this runs. */
const START = new Date('2026-11-20T09:00:00Z');

let world: TestApp;
let central: Clerk;
let ofGermany: Clerk;
let germanServer: string;
let martaId: string;
before(async () => {
  world = await startTestApp();
  world.setNow(START);
  const { prisma } = world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const country = await addCountry(world.database, programme, 'D', {
    ...{ name: 'of Germany', hosted: false, serverName: null, caPem: null },
    ...{ imapHost: '127.0.0.1', imapPort: 1, imapTls: 'implicit' as const },
    ...{ submissionHost: '127.0.0.1', submissionPort: 1, submissionTls: 'starttls' as const },
  });
  germanServer = country.mailServerId;
  const person = { firstName: 'Marta', surname: 'Schulz', password: 'mailbox-password' };
  const marta = await createHostedAccount(world.database, country, person);
  assert.ok(marta.ok);
  martaId = marta.account.id;
  central = await enteredAdministrator(world, world.alain, 'central');
  ofGermany = await enteredAdministrator(world, marta.account, 'country');
});
after(() => world?.stop());

const found = (kind: Finding['kind'], key: string, state: WatchedState, more: Partial<Finding> = {}): Finding => ({
  ...{ kind, key, about: key, mailServerId: null, countryId: null, listed: true, state },
  line: {
    code: state === 'failed' ? 'refused' : 'ok',
    facts: { host: key, address: '192.0.2.1', detail: '' },
    said: state === 'failed' ? '' : '220 hello',
    milliseconds: 12,
  },
  ...more,
});
const imapOfGermany = (state: WatchedState) =>
  found('imap', germanServer, state, { about: 'of Germany', mailServerId: germanServer });

async function clear(): Promise<void> {
  const { prisma } = world.database;
  await prisma.monitorTarget.deleteMany();
  await prisma.monitorAlert.deleteMany();
  await prisma.monitorLease.deleteMany();
  world.setNow(START);
  // the clock goes to and fro here, and the door would close
  await prisma.session.updateMany({ data: { administrationUntil: new Date(START.getTime() + 120 * MINUTE_MS) } });
}

/** Rounds one minute apart, each with what was found. */
async function rounds(from: Date, list: readonly Finding[][]): Promise<void> {
  const lease = monitorLease(world.database, 'test');
  assert.ok(await lease.take());
  for (const [index, findings] of list.entries()) {
    const at = new Date(from.getTime() + index * MINUTE_MS);
    assert.ok(await recordRound(world.database, lease, findings, at));
    world.setNow(at);
    await makeAlerts(world.context);
  }
  await lease.release();
}

const alerts = () => world.database.prisma.monitorAlert.findMany({ orderBy: { madeAt: 'asc' } });

test('T24 a thing that fails is one incident until it works again, and its page tells it in words', async () => {
  await clear();
  assert.match((await central.get(PAGE)).body, /Nothing was looked at yet/);
  const relay = (state: WatchedState) => [found('relay', 'relay4.eu-admin.net 192.0.2.1', state)];
  await rounds(START, [relay('ok'), relay('failed'), relay('failed'), relay('ok'), relay('failed')]);
  const { prisma } = world.database;
  const incidents = await prisma.monitorIncident.findMany({ orderBy: { beganAt: 'asc' } });
  assert.deepEqual(
    incidents.map(({ looks, endedAt }) => [looks, endedAt?.getTime() ?? null]),
    [
      [2, START.getTime() + 3 * MINUTE_MS],
      [1, null],
    ],
  );
  const hour = await prisma.monitorHour.findFirstOrThrow();
  assert.deepEqual([hour.looks, hour.failed, Number(hour.millisecondsSum)], [5, 3, 24]);
  const list = (await central.get(PAGE)).body;
  assert.match(list, /One thing does not work/);
  assert.match(list, />40 %</, 'never rounded up');
  const { id } = await prisma.monitorTarget.findFirstOrThrow();
  for (const period of ['day', 'week', 'month', 'never']) {
    const { body, status } = await central.get(`${PAGE}/${id}?period=${period}`);
    assert.equal(status, 200);
    assert.match(body, /Connection from here to relay4\.eu-admin\.net/);
    assert.match(body, /The connection was refused/);
    assert.match(body, /Ask the operator of this server whether it runs/);
    assert.match(body, /<svg class="latency"[^>]+role="img"/);
    assert.doesNotMatch(body, /style=|undefined|NaN|monitor\.(?!css)\w/);
  }
});

test('T24 pages are in the language of the reader', async () => {
  const { prisma } = world.database;
  const { id } = await prisma.monitorTarget.findFirstOrThrow();
  for (const [locale, words] of [
    ['fr', /Dernières pannes/],
    ['de', /Letzte Ausfälle/],
  ] as const) {
    await prisma.account.update({ where: { id: world.alain.id }, data: { locale } });
    const { body } = await central.get(`${PAGE}/${id}`);
    assert.match(body, words);
    assert.doesNotMatch(body, /monitor\.(?!css)\w|undefined/);
  }
  await prisma.account.update({ where: { id: world.alain.id }, data: { locale: 'en' } });
});

test("T24 a country's administrator sees the own server, and nothing of the installation or of others", async () => {
  await clear();
  const { country } = await world.database.prisma.account.findUniqueOrThrow({
    where: { id: world.alain.id },
    include: { country: true },
  });
  const other = found('imap', country.mailServerId, 'ok', { about: 'of Belgium', mailServerId: country.mailServerId });
  const relay = found('relay', 'relay.eu-admin.net 192.0.2.1', 'failed');
  await rounds(START, [[imapOfGermany('ok'), other, relay]]);
  const own = (await ofGermany.get(PAGE)).body;
  assert.match(own, /of Germany/);
  assert.doesNotMatch(own, /of Belgium|relay\.eu-admin/);
  const all = (await central.get(PAGE)).body;
  for (const name of [/of Germany/, /of Belgium/, /relay\.eu-admin/]) assert.match(all, name);
  for (const { id, kind, about } of await world.database.prisma.monitorTarget.findMany()) {
    const expected = kind === 'imap' && about === 'of Germany' ? 200 : 404;
    assert.equal((await ofGermany.get(`${PAGE}/${id}`)).status, expected, about);
    assert.equal((await central.get(`${PAGE}/${id}`)).status, 200);
  }
  assert.equal((await central.get(`${PAGE}/nonsense`)).status, 404);
});

test('T24 looks are kept for two days, hours for thirty, incidents up to a number, and what nobody names any more not at all', async () => {
  await clear();
  const { prisma, pool } = world.database;
  await rounds(START, [[found('queue', '', 'ok'), found('relay', 'gone 192.0.2.1', 'ok', { listed: true })]]);
  const { id } = await prisma.monitorTarget.findFirstOrThrow({ where: { kind: 'queue' } });
  await pool.query(
    `insert into monitor_sample select $1, $2::timestamptz - n * interval '1 minute', false, 5 from generate_series(1, 6000) n`,
    [id, START],
  );
  await pool.query(
    `insert into monitor_hour select $1, $2::timestamptz - n * interval '1 hour', 60, 0, 300, 9 from generate_series(1, 1000) n`,
    [id, START],
  );
  await pool.query(
    `insert into monitor_incident (id, target_id, began_at, ended_at, line)
     select gen_random_uuid(), $1, $2::timestamptz - n * interval '1 minute', $2::timestamptz - n * interval '1 minute', '{}'
     from generate_series(1, 500) n`,
    [id, START],
  );
  await pool.query(`update monitor_target set listed_at = $1::timestamptz - interval '25 hours' where kind = 'relay'`, [
    START,
  ]);
  await thinHistory(world.database, START);
  assert.equal(await prisma.monitorSample.count(), 2 * 24 * 60 + 1);
  assert.equal(await prisma.monitorHour.count(), 30 * 24 + 1);
  assert.equal(await prisma.monitorIncident.count(), 200);
  assert.equal(await prisma.monitorTarget.count(), 1);
});

test('T24 administrators are told once when something stays down, and once when it is back', async () => {
  await clear();
  const down = [imapOfGermany('failed')];
  const up = [imapOfGermany('ok')];
  await rounds(START, [up, down, down, up, up]);
  assert.equal((await alerts()).length, 0, 'two minutes are too short');
  const from = new Date(START.getTime() + 10 * MINUTE_MS);
  await rounds(
    from,
    Array.from({ length: 30 }, () => down),
  );
  const told = await alerts();
  assert.deepEqual(told.map(({ accountId }) => accountId).sort(), [world.alain.id, martaId].sort());
  assert.deepEqual([...new Set(told.map(({ madeAt }) => madeAt.getTime() - from.getTime()))], [5 * MINUTE_MS]);
  await world.database.prisma.monitorAlert.updateMany({ data: { sentAt: world.context.now() } });
  await rounds(
    new Date(from.getTime() + 30 * MINUTE_MS),
    Array.from({ length: 30 }, () => up),
  );
  assert.equal((await alerts()).length, 4);
});

test('T24 a mail that could not go yet tells as well that the thing is back: there is no second one', async () => {
  await clear();
  await rounds(START, [
    ...Array.from({ length: 10 }, () => [imapOfGermany('failed')]),
    ...Array.from({ length: 20 }, () => [imapOfGermany('ok')]),
  ]);
  assert.equal((await alerts()).length, 2);
  const page = async () => (await central.get(PAGE)).body;
  assert.doesNotMatch(await page(), /wait to be sent/);
  await world.database.prisma.monitorAlert.updateMany({ data: { tries: 3, failure: 'connect ECONNREFUSED' } });
  assert.match(await page(), /2 mails about this wait to be sent[^<]*<bdi class="mono">connect ECONNREFUSED/);
  assert.doesNotMatch((await ofGermany.get(PAGE)).body, /to be sent/);
});

test('T24 when many things fail together or one after the other, one mail lists them: there is no storm', async () => {
  await clear();
  const relays = (failing: number) =>
    Array.from({ length: 12 }, (_, index) =>
      found('relay', `relay${index}.eu-admin.net 192.0.2.${index}`, index < failing ? 'failed' : 'ok'),
    );
  // three at once, then one more each minute
  await rounds(START, [
    ...Array.from({ length: 10 }, (_, minute) => relays(3 + minute)),
    ...Array.from({ length: 10 }, () => relays(12)),
  ]);
  const told = await alerts();
  assert.ok(
    told.every(({ accountId }) => accountId === world.alain.id),
    'relays concern the central administrators',
  );
  assert.ok(told.length <= 3, `${told.length} mails in 20 minutes`);
  assert.equal(new Set(told.flatMap(({ incidentIds }) => incidentIds)).size, 12, 'each is told');
  assert.equal(told.flatMap(({ incidentIds }) => incidentIds).length, 12, 'and once');
});

test('T24 of two nodes one looks; when it ends the other takes over', async () => {
  await clear();
  const asked: string[] = [];
  const node = (name: string): Monitor =>
    startMonitor({
      config: { ...world.config, nodeName: name, monitorMs: 3_600_000 },
      database: world.database,
      now: () => new Date(),
      probe: async () => {
        asked.push(name);
        return [found('queue', '', 'ok')];
      },
    });
  const [first, second] = [node('first'), node('second')];
  try {
    const won = await Promise.all([first.round(), second.round()]);
    assert.equal(won.filter(Boolean).length, 1);
    const [winner = ''] = asked;
    for (let count = 0; count < 3; count += 1) await Promise.all([first.round(), second.round()]);
    assert.deepEqual([...new Set(asked)], [winner]);
    const [ending, staying, name] = winner === 'first' ? [first, second, 'second'] : [second, first, 'first'];
    await ending.stop();
    assert.equal(await staying.round(), true);
    assert.equal(asked.at(-1), name);
    assert.equal((await world.database.prisma.monitorLease.findFirstOrThrow()).node, name);
  } finally {
    await first.stop();
    await second.stop();
  }
});

test('T24 what a node found after it lost the right to look is not kept', async () => {
  await clear();
  const lease = monitorLease(world.database, 'slow');
  assert.ok(await lease.take());
  await world.database.pool.query("update monitor_lease set held_until = now() - interval '1 second'");
  const other = monitorLease(world.database, 'other');
  assert.ok(await other.take());
  assert.equal(await recordRound(world.database, lease, [found('queue', '', 'ok')], START), false);
  assert.equal(await world.database.prisma.monitorTarget.count(), 0);
  await lease.release();
  await other.release();
});

test('T24 a database that was away is told afterwards, for the minutes in which it was asked in vain', async () => {
  await clear();
  let away = false;
  let minute = 0;
  const real = world.database.pool;
  const pool = new Proxy(real, {
    get: (target, name) => {
      if (away && (name === 'query' || name === 'connect'))
        return () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' }));
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const monitor = startMonitor({
    config: { ...world.config, monitorMs: 3_600_000 },
    database: { ...world.database, pool },
    now: () => new Date(START.getTime() + minute * MINUTE_MS),
    probe: async () => [found('database', '', 'ok')],
  });
  try {
    for (minute = 0; minute < 10; minute += 1) {
      away = minute >= 2 && minute < 9;
      assert.equal(await monitor.round(), !away);
    }
    const incident = await world.database.prisma.monitorIncident.findFirstOrThrow();
    assert.equal(incident.looks, 7);
    assert.equal(incident.beganAt.getTime(), START.getTime() + 2 * MINUTE_MS);
    assert.equal(incident.endedAt?.getTime(), START.getTime() + 9 * MINUTE_MS);
    assert.equal((await alerts()).length, 1, 'seven minutes are worth a mail');
  } finally {
    await monitor.stop();
  }
});

test('T24 history of thirty days is read within its bounds', async () => {
  await clear();
  await rounds(START, [[found('queue', '', 'ok')]]);
  const { id } = await world.database.prisma.monitorTarget.findFirstOrThrow();
  await world.database.pool.query(
    `insert into monitor_hour select $1, $2::timestamptz - n * interval '1 hour', 60, case when n % 50 = 0 then 1 else 0 end, 300, 9
     from generate_series(1, 700) n`,
    [id, START],
  );
  world.setNow(new Date(START.getTime() + MINUTE_MS));
  const body = (await central.get(`${PAGE}/${id}?period=month`)).body;
  assert.match(body, /Availability: 99\.9\d %/);
  assert.equal(body.match(/<tr><th scope="row"/g)?.length, 118);
  world.setNow(new Date(START.getTime() + 10 * MINUTE_MS));
  assert.match((await central.get(PAGE)).body, /No node has looked for a while/);
});
