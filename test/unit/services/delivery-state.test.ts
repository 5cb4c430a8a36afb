import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  deliveryState,
  type EventRow,
  reportedEvents,
  wasDelayed,
} from '../../../src/services/evidence/delivery-state.ts';
import { nextLook } from '../../../src/services/evidence/look-schedule.ts';

const OWN = new Set(['mail.tcn.fin.eu-admin.net']);
const T0 = Date.parse('2026-11-23T14:02:00Z');
const minutes = (count: number) => new Date(T0 + count * 60_000);

function row(action: string, at: number, more: Partial<EventRow> = {}): EventRow {
  const silent = { signature: null, status: null, remoteMta: null, answer: null, willRetryUntil: null };
  return {
    reportId: `${at}`,
    action,
    proof: 'envelope',
    at: minutes(at),
    recordedAt: minutes(at),
    reportingMta: 'relay.eu-admin.net',
    ...silent,
    ...more,
  };
}

const stateOf = (...rows: EventRow[]) => deliveryState(reportedEvents(rows, OWN));
const byOwn = { reportingMta: 'Mail.TCN.fin.eu-admin.net' };

describe('T24 what reports say of a recipient', () => {
  it('T24 is that the recipient’s own server handed it over, never that it was delivered, when it only relayed it', () => {
    assert.equal(stateOf(row('relayed', 1, byOwn)), 'handed-over');
    assert.equal(stateOf(row('relayed', 1)), 'relayed');
    assert.equal(stateOf(row('expanded', 1, byOwn)), 'relayed');
    assert.equal(stateOf(row('delivered', 1)), 'delivered');
  });

  it('T24 is the last word, whichever report came in between, and in whatever order they came', () => {
    assert.equal(stateOf(), 'none');
    assert.equal(stateOf(row('delayed', 240)), 'delayed');
    assert.equal(stateOf(row('delayed', 240), row('relayed', 250)), 'relayed');
    assert.equal(stateOf(row('relayed', 251, byOwn), row('relayed', 250), row('delayed', 240)), 'handed-over');
    assert.equal(stateOf(row('delayed', 240), row('relayed', 200, byOwn)), 'handed-over');
    assert.equal(stateOf(row('delayed', 240), row('failed', 7200)), 'failed');
    assert.equal(stateOf(row('relayed', 1, byOwn), row('failed', 2)), 'failed');
    assert.equal(stateOf(row('failed', 1), row('delivered', 2)), 'delivered');
  });

  it('T24 is not decided by a report that names no envelope, nor by an action that nobody knows', () => {
    const hints = [row('failed', 1, { proof: 'hint' }), row('delayed', 2, { proof: 'hint' }), row('pondered', 3)];
    assert.equal(stateOf(...hints), 'none');
    assert.equal(stateOf(...hints, row('relayed', 0, byOwn)), 'handed-over');
    const events = reportedEvents(hints, OWN);
    assert.deepEqual(
      events.map(({ kind, hint }) => [kind, hint]),
      [
        ['failed', true],
        ['delayed', true],
      ],
    );
    assert.equal(wasDelayed(events), false);
  });
});

describe('T24 the inbox is looked into for reports', () => {
  const wait = (open: number | null, youngest = open ?? 0, at = 0) => {
    const next = nextLook(
      { youngest: minutes(-youngest), youngestOpen: open === null ? null : minutes(-open) },
      minutes(at),
    );
    return next && (next.getTime() - minutes(at).getTime()) / 1000;
  };

  it('T24 often while a letter is young, seldom later, and no more when nothing can come', () => {
    assert.equal(wait(0), 3);
    assert.equal(wait(5), 15);
    assert.equal(wait(60), 60);
    assert.equal(wait(24 * 60), 600);
    assert.equal(wait(null, 1), 600);
    assert.equal(wait(null, 13 * 24 * 60), null);
    assert.equal(nextLook({ youngest: null, youngestOpen: null }, minutes(0)), null);
  });
});
