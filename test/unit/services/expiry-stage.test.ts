import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatsFor } from '../../../src/i18n/formats.ts';
import { type ExpiryStage, stageBounds, stageOf } from '../../../src/services/expiry/expiry-stage.ts';

const DAY_MS = 86_400_000;

function stage(at: string, notAfter: string, zone = 'Europe/Brussels'): ExpiryStage | null {
  return stageOf(new Date(notAfter), stageBounds(new Date(at), formatsFor('en', zone).day));
}

describe('the stages of a warning', () => {
  test('T11 begin 14, 7 and 1 calendar days before the end, whatever the hour', () => {
    const ends = '2026-12-15T11:00:00Z';
    const cases: [string, ExpiryStage | null][] = [
      ['2026-11-30T22:59:59Z', null],
      ['2026-11-30T23:00:00Z', 14],
      ['2026-12-01T22:00:00Z', 14],
      ['2026-12-07T22:59:59Z', 14],
      ['2026-12-07T23:00:00Z', 7],
      ['2026-12-13T22:59:59Z', 7],
      ['2026-12-13T23:00:00Z', 1],
      ['2026-12-15T10:59:59Z', 1],
    ];
    for (const [at, expected] of cases) assert.equal(stage(at, ends), expected, at);
  });

  test('T11 a Digital ID is valid through its last second, and over after it', () => {
    assert.equal(stage('2026-12-15T11:00:00Z', '2026-12-15T11:00:00Z'), 1);
    assert.equal(stage('2026-12-15T11:00:00.999Z', '2026-12-15T11:00:00Z'), 1);
    assert.equal(stage('2026-12-15T11:00:01Z', '2026-12-15T11:00:00Z'), 0);
    assert.equal(stage('2028-01-01T00:00:00Z', '2026-12-15T11:00:00Z'), 0);
  });

  test('T11 days are those of the reader: the same moment is another day in Auckland and in Honolulu', () => {
    const ends = '2026-12-15T11:00:00Z';
    assert.equal(stage('2026-12-01T10:30:00Z', ends, 'Pacific/Auckland'), null, 'there it ends on the 16th');
    assert.equal(stage('2026-12-01T11:00:00Z', ends, 'Pacific/Auckland'), 14);
    assert.equal(stage('2026-12-01T09:59:59Z', ends, 'Pacific/Honolulu'), null, 'there it is still 30 November');
    assert.equal(stage('2026-12-01T10:00:00Z', ends, 'Pacific/Honolulu'), 14);
    assert.equal(stage('2026-11-30T23:30:00Z', '2026-12-14T23:30:00Z', 'Pacific/Kiritimati'), 14);
  });

  test('T11 a day of 23 or 25 hours is one day, also where the clocks are set at midnight', () => {
    // Brussels, 28 March and 31 October 2027
    assert.equal(stage('2027-03-21T23:30:00Z', '2027-03-29T21:30:00Z'), 7, '22 to 29 March, 6 days and 22 hours');
    assert.equal(stage('2027-03-21T22:30:00Z', '2027-03-28T22:30:00Z'), 14, '21 to 29 March');
    assert.equal(
      stage('2027-10-24T22:00:00Z', '2027-11-01T22:59:59Z'),
      7,
      '25 October to 1 November, 8 days and an hour',
    );
    assert.equal(stage('2027-10-24T21:59:59Z', '2027-11-01T22:59:59Z'), 14);
    // Cairo, where 30 April 2027 begins at one o'clock
    assert.equal(stage('2027-04-27T22:00:00Z', '2027-04-29T21:59:59Z', 'Africa/Cairo'), 1, 'until 29 April 23:59:59');
    assert.equal(stage('2027-04-27T22:00:00Z', '2027-04-29T22:00:00Z', 'Africa/Cairo'), 7, 'until 30 April 01:00');
  });

  test('T11 for any moments and zones the stage is that of the days between', () => {
    const zones = ['UTC', 'Europe/Brussels', 'Africa/Cairo', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia'];
    const all = new Map(zones.map((zone) => [zone, formatsFor('en', zone)]));
    const moments = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2029, 0, 1) });
    const lives = fc.integer({ min: -3 * DAY_MS, max: 17 * DAY_MS });
    fc.assert(
      fc.property(moments, lives, fc.constantFrom(...zones), (atMs, lifeMs, zone) => {
        const formats = all.get(zone) ?? assert.fail(zone);
        const [at, ends] = [new Date(atMs), new Date(Math.floor((atMs + lifeMs) / 1000) * 1000)];
        const days = formats.daysBetween(at, ends);
        const over = at.getTime() >= ends.getTime() + 1000;
        const expected = over ? 0 : days <= 1 ? 1 : days <= 7 ? 7 : days <= 14 ? 14 : null;
        assert.equal(stageOf(ends, stageBounds(at, formats.day)), expected);
      }),
      { numRuns: 300 },
    );
  });
});
