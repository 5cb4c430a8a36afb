import type { Context } from '../../context.ts';
import { makeAlerts } from './make-alerts.ts';
import { type MonitorLease, monitorLease } from './monitor-lease.ts';
import { probeEverything } from './probe-round.ts';
import { recordRound } from './record-round.ts';
import { sendAlerts } from './send-alerts.ts';
import { thinHistory } from './thin-history.ts';
import { type Finding, findingOf } from './watched.ts';

export type MonitorNeeds = Pick<Context, 'config' | 'database' | 'now'> & {
  /** Where a look is something else than the real one, as in a test with two nodes */
  probe?: (needs: Pick<Context, 'config' | 'database' | 'now'>) => Promise<Finding[]>;
};

export type Monitor = {
  /** One round at once; false when another node watches, or the database is away */
  round(): Promise<boolean>;
  stop(): Promise<void>;
};

/** Rounds begin up to so much earlier or later, so that no server is asked by all at the same second of each minute. */
const JITTER = 0.1;
/** A day of minutes. */
const OUTAGES_KEPT = 1440;

/** Watches day and night, one node at a time; each node is ready to take over. The first round comes after a first wait. */
export function startMonitor(needs: MonitorNeeds): Monitor {
  const lease = monitorLease(needs.database, needs.config.nodeName);
  const outages: { at: Date; detail: string }[] = [];
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;
  let timer: NodeJS.Timeout;
  const round = async () => {
    try {
      const held = await oneRound(needs, lease, outages);
      outages.length = 0;
      return held;
    } catch (error) {
      // A database that is away cannot be told so; what it missed is added when it is back.
      outages.push({ at: needs.now(), detail: String((error as { code?: string }).code ?? '') });
      if (outages.length > OUTAGES_KEPT) outages.shift();
      return false;
    }
  };
  const wait = () => {
    if (stopped) return;
    const waitMs = needs.config.monitorMs * (1 - JITTER + 2 * JITTER * Math.random());
    timer = setTimeout(() => {
      running = round().finally(wait);
    }, waitMs);
    timer.unref();
  };
  wait();
  return {
    round: () => {
      const next = running.then(round);
      running = next;
      return next;
    },
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      await lease.release();
    },
  };
}

async function oneRound(
  needs: MonitorNeeds,
  lease: MonitorLease,
  outages: readonly { at: Date; detail: string }[],
): Promise<boolean> {
  const { database, config, now } = needs;
  if (!(await lease.take())) return false;
  for (const { at, detail } of outages) await recordRound(database, lease, [databaseAway(detail)], at);
  const findings = await (needs.probe ?? probeEverything)({ config, database, now });
  if (!(await recordRound(database, lease, findings, now()))) return false;
  await thinHistory(database, now());
  await makeAlerts({ database, config, now });
  await sendAlerts({ database, config, now });
  return true;
}

function databaseAway(detail: string): Finding {
  const line = { about: '', state: 'failed', code: 'no-answer', facts: { detail }, said: '', milliseconds: 0 } as const;
  return findingOf('database', { key: '' }, { subject: 'database', ...line });
}
