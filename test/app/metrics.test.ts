import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lateSeconds } from '../../src/services/metrics/gather-metrics.ts';
import { monitorLease } from '../../src/services/monitor/monitor-lease.ts';
import { recordRound } from '../../src/services/monitor/record-round.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { findTool } from '../support/tool.ts';

const TOKEN = 'metrics-token-of-this-test-0123456789';

let world: TestApp;
before(async () => {
  world = await startTestApp();
  world.config.metricsToken = TOKEN;
  const lease = monitorLease(world.database, 'test');
  await lease.take();
  const line = { code: 'ok', facts: {}, said: '', milliseconds: 7 };
  const own = { mailServerId: null, countryId: null, listed: true, state: 'ok', line } as const;
  const about = 'relay.eu-admin.net';
  await recordRound(
    world.database,
    lease,
    [
      { kind: 'relay', key: `${about} 192.0.2.17`, about, ...own },
      { kind: 'queue', key: '', about: '', ...own, state: 'failed' },
    ],
    new Date(),
  );
  await lease.release();
});
after(() => world?.stop());

const scrape = (headers: Record<string, string> = {}) =>
  world.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}`, ...headers } });

/** The samples that are there: of each name its labels, of each label its values. */
async function samplesThere(): Promise<Map<string, Map<string, Set<string>>>> {
  const { body } = await scrape();
  const there = new Map<string, Map<string, Set<string>>>();
  for (const [, name = '', labels = ''] of body.matchAll(/^([a-z_:][\w:]*)(?:\{(.*)\})? /gim)) {
    const known = there.get(name) ?? new Map<string, Set<string>>();
    for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
      known.set(label, (known.get(label) ?? new Set()).add(value));
    there.set(name, known);
  }
  return there;
}

/** Labels of the targets themselves, which Prometheus adds to each sample. */
const OF_TARGETS = ['instance', 'job'];
/** Labels whose values come with what is asked for. */
const OPEN_LABELS = ['area', 'method', 'status'];

/** What an expression of PromQL asks for is there: names, labels that are matched with their values, labels that are grouped by or shown. */
async function assertAsked(expression: string, shown = ''): Promise<void> {
  const there = await samplesThere();
  const names = namesIn(expression);
  for (const name of names) assert.ok(there.has(name), `${name} in ${expression}`);
  for (const [, name = '', matchers = ''] of expression.matchAll(/\b(sealpost_\w+)\{([^}]*)\}/g)) {
    for (const [, label = '', operator, value = ''] of matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)) {
      const values = there.get(name)?.get(label);
      assert.ok(values, `${label} of ${name} in ${expression}`);
      if (operator === '=' && !OPEN_LABELS.includes(label))
        assert.ok(values.has(value), `${label}="${value}" of ${name}`);
    }
  }
  const [grouped] = [...expression.matchAll(/\bby \(([^)]*)\)/g)].map(([, list = '']) => list.split(/,\s*/));
  for (const label of grouped ?? [])
    for (const name of names)
      assert.ok(there.get(name)?.has(label) || OF_TARGETS.includes(label), `${label} of ${name} in ${expression}`);
  const given = grouped ?? [...names.flatMap((name) => [...(there.get(name)?.keys() ?? [])]), ...OF_TARGETS];
  for (const [, label = ''] of shown.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g))
    assert.ok(given.includes(label), `${label} is shown of ${expression}`);
}

/** What Prometheus' own checker says; null, and said so, where it is not installed. */
function promtool(t: TestContext, args: readonly string[], input = ''): string | null {
  const tool = findTool('promtool');
  if (tool === null) {
    t.diagnostic('not asked of promtool: this machine has none (package prometheus)');
    return null;
  }
  const { status, stdout, stderr } = spawnSync(tool, args, { input, encoding: 'utf8' });
  return `exit status ${status}\n${stdout}${stderr}`;
}

test('T24 figures are for who says the token; for everybody else, and without a token in the settings, nothing is there', async () => {
  assert.equal((await scrape()).statusCode, 200);
  for (const authorization of ['', 'Bearer ', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN]) {
    const answer = await scrape({ authorization });
    assert.equal(answer.statusCode, 404, authorization);
    assert.match(answer.body, /<h1>Nothing is here<\/h1>/);
  }
  world.config.metricsToken = null;
  for (const authorization of ['', 'Bearer ', `Bearer ${TOKEN}`])
    assert.equal((await scrape({ authorization })).statusCode, 404);
  world.config.metricsToken = TOKEN;
});

test('T24 the format is the one that is asked for, and each line is well-formed', async () => {
  await world.app.inject({ url: '/sign-in' });
  const old = await scrape({ accept: 'text/plain' });
  assert.match(String(old.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  const open = await scrape({ accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5' });
  assert.match(String(open.headers['content-type']), /^application\/openmetrics-text; version=1\.0\.0/);
  assert.ok(open.body.endsWith('# EOF\n'));
  for (const { body } of [old, open]) {
    const described = new Set<string>();
    for (const line of body.trimEnd().split('\n')) {
      const [, name] = /^# TYPE (\w+) (?:gauge|counter|histogram|summary)$/.exec(line) ?? [];
      if (name) {
        assert.ok(!described.has(name), `${name} stands once`);
        described.add(name);
      } else if (!line.startsWith('# ')) {
        assert.match(line, /^[a-z_]+(\{([a-z]+="[^"\n]*")(,[a-z]+="[^"\n]*")*\})? (-?[\d.]+(e[+-]?\d+)?|\+Inf|NaN)$/);
        const family = /^[a-z_]+/.exec(line)?.[0] ?? '';
        const known = [family, family.replace(/_(total|bucket|sum|count)$/, '')];
        assert.ok(
          known.some((each) => described.has(each)),
          line,
        );
      }
    }
  }
  assert.match(
    old.body,
    /^sealpost_watched_up\{kind="relay",name="relay\.eu-admin\.net",address="192\.0\.2\.17"\} 1$/m,
  );
  assert.match(old.body, /^sealpost_watched_up\{kind="queue",name="",address=""\} 0$/m);
  assert.match(old.body, /^sealpost_process_cpu_seconds_total \d/m);
  assert.match(open.body, /^# TYPE sealpost_process_cpu_seconds counter$/m);
});

test("T24 Prometheus' own checker takes the figures without a complaint", async (t) => {
  await world.app.inject({ url: '/sign-in' });
  const { body } = await scrape({ accept: 'text/plain' });
  const said = promtool(t, ['check', 'metrics'], body);
  if (said !== null) assert.equal(said, 'exit status 0\n');
  // what it knows best is looked at without it, too: these labels belong to summaries and histograms
  for (const [, name = '', type = ''] of body.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    const samples = body
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name}_bucket{`));
    if (type !== 'summary') assert.ok(!samples.some((line) => /[{,]quantile=/.test(line)), `${name} is no summary`);
    if (type !== 'histogram') assert.ok(!samples.some((line) => /[{,]le=/.test(line)), `${name} is no histogram`);
  }
});

test("T24 Prometheus' own checker takes the example alerts", (t) => {
  const file = fileURLToPath(new URL('../../deploy/prometheus/alerts.yml', import.meta.url));
  const said = promtool(t, ['check', 'rules', file]);
  if (said !== null) assert.match(said, /^exit status 0\n.*SUCCESS: \d+ rules found/s);
});

test('T24 buckets add up, and labels stay few and name nobody, whatever is asked for', async () => {
  const cookie = await world.cookieFor(world.alain);
  for (let count = 0; count < 30; count += 1) {
    await world.app.inject({ url: `/contacts/${crypto.randomUUID()}?to=${world.alain.address}`, headers: { cookie } });
    await world.app.inject({ url: `/x${count}/${world.alain.address}` });
  }
  const { body } = await scrape();
  assert.doesNotMatch(body, /@|alain|dupont|elise/i);
  const of = (area: string) =>
    [
      ...body.matchAll(new RegExp(`^sealpost_request_duration_seconds_bucket\\{area="${area}",.*\\} (\\d+)$`, 'gm')),
    ].map(([, value]) => Number(value));
  const contacts = of('contacts');
  assert.equal(contacts.length, 12);
  assert.deepEqual(
    contacts,
    [...contacts].sort((one, other) => one - other),
  );
  assert.equal(contacts.at(-1), 30);
  assert.equal(new Set([...body.matchAll(/area="([^"]*)"/g)].map(([, area]) => area)).size < 10, true);
});

test('T24 an event loop that is on time is late by nothing', () => {
  // ticks of ten milliseconds are measured, a little early or late
  assert.deepEqual([9.1e6, 10e6, 260e6, Number.NaN].map(lateSeconds), [0, 0, 0.25, 0]);
});

test('T24 while the database is away the other figures are there, and say so', async () => {
  // one that has counted nothing less than ten seconds ago
  const other = await startTestApp();
  const { pool } = other.database;
  const real = pool.query;
  try {
    other.config.metricsToken = TOKEN;
    pool.query = (() => Promise.reject(new Error('away'))) as never;
    const { body } = await other.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}` } });
    const ready = await other.app.inject('/health/ready');
    assert.match(body, /^sealpost_database_up 0$/m);
    assert.match(body, /^sealpost_process_memory_bytes/m);
    assert.doesNotMatch(body, /sealpost_sessions/);
    assert.equal(ready.statusCode, 503);
    assert.deepEqual(ready.json(), { status: 'not ready' });
  } finally {
    pool.query = real;
    await other.stop();
  }
});

test('T24 a node that is about to end lives but is not ready, and says nothing of why', async () => {
  assert.equal((await world.app.inject('/health/ready')).statusCode, 200);
  world.app.readiness.ending = true;
  const answer = await world.app.inject('/health/ready');
  assert.equal(answer.statusCode, 503);
  assert.deepEqual(answer.json(), { status: 'not ready' });
  assert.equal((await world.app.inject('/health/live')).statusCode, 200);
  world.app.readiness.ending = false;
});

/** Those of ours in an expression of PromQL. */
const namesIn = (expression: string) => [...expression.matchAll(/\bsealpost_\w+/g)].map(([name]) => name);

test('T24 the dashboard for Grafana asks only for figures that are there', async () => {
  const file = new URL('../../deploy/prometheus/grafana-dashboard.json', import.meta.url);
  type Panel = { id: number; title: string; targets?: { expr: string; legendFormat: string }[]; gridPos: object };
  const dashboard = JSON.parse(fs.readFileSync(file, 'utf8')) as { uid: string; panels: Panel[] };
  const there = [...(await samplesThere()).keys()];
  const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);
  const expressions = targets.map(({ expr }) => expr);
  assert.ok(expressions.length >= 12);
  for (const { expr, legendFormat } of targets) {
    assert.ok(namesIn(expr).length > 0, expr);
    await assertAsked(expr, legendFormat);
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  const asked = new Set(expressions.flatMap(namesIn).map((name) => name.replace(/_bucket$/, '')));
  for (const name of there) {
    if (name.startsWith('sealpost_request') || name === 'sealpost_process_start_time_seconds') continue;
    assert.ok(asked.has(name), `${name} is on the dashboard`);
  }
});

test('T24 the example alerts ask only for figures that are there, and each says what to do', async () => {
  const text = fs.readFileSync(new URL('../../deploy/prometheus/alerts.yml', import.meta.url), 'utf8');
  const rules = text.split(/^ {6}- alert: /m).slice(1);
  assert.ok(rules.length >= 8);
  for (const rule of rules) {
    const [name = ''] = rule.split('\n');
    assert.match(name, /^Sealpost[A-Za-z]+$/);
    const expression = /^ {8}expr: (.+)$/m.exec(rule)?.[1] ?? assert.fail(name);
    assert.match(rule, /^ {8}for: \d+[sm]$/m, name);
    assert.match(rule, /^ {10}severity: (critical|warning)$/m, name);
    assert.match(rule, /^ {10}summary: ["'].+["']$/m, name);
    assert.match(rule, /^ {10}description: ["'].+["']$/m, name);
    await assertAsked(expression, rule);
    const open = expression.match(/[({[]/g)?.length ?? 0;
    assert.equal(expression.match(/[)}\]]/g)?.length ?? 0, open, name);
  }
});
