import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { availabilityBars, CHART, latencyChart } from '../../../src/routes/administration/monitor/chart.ts';
import { chooseFormat, writeExposition } from '../../../src/services/metrics/exposition.ts';
import { RequestDurations } from '../../../src/services/metrics/request-durations.ts';
import { writeAlert } from '../../../src/services/monitor/alert-letter.ts';
import type { Slot } from '../../../src/services/monitor/read-monitor.ts';

const slot = (looks: number, failed: number, averageMs = 10, mostMs = 20): Slot => {
  return { from: new Date(0), looks, failed, averageMs, mostMs };
};

test('T24 bars tell by their height alone: low where all worked, to the top where one look failed, a line where nobody looked', () => {
  const [ok, part, failed, none] = [slot(4, 0), slot(60, 1), slot(3, 3), slot(0, 0)];
  const bars = availabilityBars([ok, part, failed, none]);
  assert.deepEqual(
    bars.map(({ look }) => look),
    ['ok', 'ok', 'failed', 'failed', 'none'],
  );
  const tops = bars.map(({ y }) => y);
  assert.ok((tops[0] ?? 0) > 0);
  assert.deepEqual([tops[2], tops[3]], [0, 0]);
  assert.equal(bars[3]?.height, CHART.strip);
});

test('T24 the line of times has gaps where nothing answered, and stays within the chart whatever was measured', () => {
  const chart = latencyChart([slot(1, 0), slot(1, 0), slot(1, 1), slot(1, 0), slot(0, 0), slot(2, 1), slot(1, 0)]);
  assert.equal(chart?.lines.length, 2);
  assert.equal(chart?.dots.length, 1);
  assert.equal(latencyChart([slot(1, 1), slot(0, 0)]), null);
  const anySlot = fc
    .record({ looks: fc.nat(90), failed: fc.nat(90), averageMs: fc.nat(60_000), more: fc.nat(60_000) })
    .map(({ looks, failed, averageMs, more }) => slot(looks, Math.min(looks, failed), averageMs, averageMs + more));
  fc.assert(
    fc.property(fc.array(anySlot, { minLength: 1, maxLength: 130 }), (slots) => {
      const drawn = latencyChart(slots);
      const points = [...(drawn?.lines ?? []), ...(drawn?.bands ?? [])].flatMap((line) => line.split(' '));
      for (const point of points) {
        const [x = Number.NaN, y = Number.NaN] = point.split(',').map(Number);
        assert.ok(x >= 0 && x <= CHART.width && y >= 0 && y <= CHART.height, point);
      }
      for (const bar of availabilityBars(slots)) assert.ok(bar.y >= 0 && bar.y + bar.height <= CHART.strip + 0.1);
    }),
  );
});

test('T24 names of servers cannot break out of a line of figures', () => {
  const sample = { labels: { name: 'a"b\\c\nsealpost_x 1' }, value: 1 };
  const metric = { name: 'sealpost_x', help: 'one\ntwo \\', type: 'gauge', samples: [sample] } as const;
  const text = writeExposition([metric], 'prometheus');
  assert.equal(text.trimEnd().split('\n').length, 3);
  assert.ok(text.includes('sealpost_x{name="a\\"b\\\\c\\nsealpost_x 1"} 1'));
  assert.equal(chooseFormat(undefined), 'prometheus');
  assert.equal(chooseFormat('application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1'), 'openmetrics');
  assert.equal(chooseFormat('text/html, application/openmetrics-textual'), 'prometheus');
});

test('T24 requests are counted in few rows, whatever methods and addresses somebody makes up', () => {
  const durations = new RequestDurations();
  for (let count = 0; count < 1000; count += 1) durations.add(undefined, `METHOD${count}`, 404, 0.01);
  durations.add('/mail/:folder', 'GET', 200, 3);
  durations.add('/mail/:folder/:message', 'GET', 204, 30);
  durations.add('/', 'GET', 302, 0.001);
  const samples = durations.samples();
  assert.equal(samples.length, 3);
  const mail = samples.find(({ labels }) => labels?.['area'] === 'mail');
  assert.equal(mail?.counts.at(-1), 1);
  assert.equal(mail?.sum, 33);
});

test('T24 an alert says in the language of its reader what fails and what is back, and no name can add a header', async () => {
  const line = {
    code: 'refused',
    facts: { host: 'mail.x', port: '993' },
    said: '* BYE\r\nBcc: evil@x',
    milliseconds: 1,
  };
  const told = { targetId: 'id', kind: 'imap', beganAt: new Date('2026-11-28T08:00:00Z'), line } as const;
  const write = (locale: string | null) =>
    writeAlert({
      ...{ id: 'alert', locale, timeZone: 'Europe/Brussels', publicUrl: new URL('https://mail.example') },
      from: { name: 'Sealpost', address: 'a@x.example' },
      to: { name: 'Carla\r\nBcc: evil@x', address: 'a@x.example' },
      incidents: [
        { ...told, about: 'down\r\nX-Evil: 1', endedAt: null },
        { ...told, about: 'back', endedAt: new Date('2026-11-28T08:30:00Z') },
      ],
      at: new Date('2026-11-28T09:00:00Z'),
    });
  for (const [locale, ...words] of [
    [null, /does not work/, /This works again:/, /What to do:/, /09:00/],
    ['fr', /ne fonctionne pas/, /fonctionne de nouveau/, /Que faire/],
    ['de', /funktioniert nicht/, /Dies funktioniert wieder:/, /Was zu tun ist/],
  ] as const) {
    const text = (await write(locale)).toString('utf8');
    const [head = ''] = text.split('\r\n\r\n');
    assert.doesNotMatch(head, /^(Bcc|X-Evil)/im);
    assert.match(head, /^Auto-Submitted: auto-generated$/m);
    const body = text
      .replace(/=\r\n/g, '')
      .replace(/(?:=[0-9A-F]{2})+/g, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString());
    for (const each of words) assert.match(body, each);
    assert.doesNotMatch(body, /monitor\.(?!example)\w|undefined|\{\w+\}/);
    assert.doesNotMatch(body, /^Bcc/m);
  }
});
