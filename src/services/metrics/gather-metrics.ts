import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Context } from '../../context.ts';
import type { Metric, Sample } from './exposition.ts';
import type { RequestDurations } from './request-durations.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now' | 'workers'>;

const NANO = 1e9;
/** Asking more often costs the database more than it tells. */
const COUNTS_KEPT_MS = 10_000;
const COUNT_PATIENCE_MS = 3000;
const LOOP_RESOLUTION_MS = 10;

/** All figures of a node; those of the database are the same at each node. */
export class Metrics {
  readonly #needs: Needs;
  readonly #durations: RequestDurations;
  readonly #loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  #counts: { at: number; counts: Promise<Metric[]> } | null = null;

  constructor(needs: Needs, durations: RequestDurations) {
    this.#needs = needs;
    this.#durations = durations;
    this.#loop.enable();
  }

  async gather(): Promise<Metric[]> {
    const counts = await this.#databaseCounts();
    return [
      ...this.#process(),
      gauge('sealpost_database_up', 'Whether the database answers this node.', [{ value: counts === null ? 0 : 1 }]),
      ...(counts ?? []),
    ];
  }

  close(): void {
    this.#loop.disable();
  }

  #process(): Metric[] {
    const memory = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const { workers, database } = this.#needs;
    const started = this.#needs.now().getTime() / 1000 - process.uptime();
    const delay = this.#loop;
    const quantile = (name: string, value: number) => ({ labels: { quantile: name }, value: lateSeconds(value) });
    const loop = [quantile('0.5', delay.percentile(50)), quantile('0.99', delay.percentile(99))];
    const most = lateSeconds(delay.max);
    // each scrape tells of the time since the one before
    delay.reset();
    return [
      gauge('sealpost_process_start_time_seconds', 'When the node started, in seconds since 1970.', [
        { value: Math.round(started) },
      ]),
      {
        name: 'sealpost_process_cpu_seconds_total',
        help: 'Time that the processor spent on the node.',
        type: 'counter',
        samples: [{ value: (user + system) / 1e6 }],
      },
      gauge('sealpost_process_memory_bytes', 'Memory of the node.', [
        { labels: { kind: 'resident' }, value: memory.rss },
        { labels: { kind: 'heap' }, value: memory.heapUsed },
        { labels: { kind: 'buffers' }, value: memory.arrayBuffers },
      ]),
      {
        name: 'sealpost_event_loop_delay_seconds',
        help: 'By how much the event loop was late since the last scrape.',
        // sum and count would be of the time since the last scrape too, and not go up: they are left out
        type: 'summary',
        samples: [...loop, { labels: { quantile: '1' }, value: most }],
      },
      gauge('sealpost_workers', 'Workers for messages and for files, by what they do.', [
        ...workers.load().flatMap(({ lane, busy, idle }) => [
          { labels: { lane, state: 'busy' }, value: busy },
          { labels: { lane, state: 'idle' }, value: idle },
        ]),
      ]),
      gauge('sealpost_worker_jobs_waiting', 'Jobs that wait for a worker.', [
        ...workers.load().map(({ lane, waiting }) => ({ labels: { lane }, value: waiting })),
      ]),
      gauge('sealpost_database_connections', 'Connections of this node to the database.', [
        { labels: { state: 'busy' }, value: database.pool.totalCount - database.pool.idleCount },
        { labels: { state: 'idle' }, value: database.pool.idleCount },
      ]),
      gauge('sealpost_database_requests_waiting', 'What waits for a connection to the database.', [
        { value: database.pool.waitingCount },
      ]),
      {
        name: 'sealpost_request_duration_seconds',
        help: 'How long requests took, by the first part of their route.',
        type: 'histogram',
        samples: this.#durations.samples(),
      },
    ];
  }

  /** Null while the database does not answer. */
  async #databaseCounts(): Promise<Metric[] | null> {
    const at = performance.now();
    if (this.#counts === null || at - this.#counts.at > COUNTS_KEPT_MS) {
      const counts = countInDatabase(this.#needs);
      counts.catch(() => {
        this.#counts = null;
      });
      this.#counts = { at, counts };
    }
    const late = new Promise<null>((resolve) => setTimeout(resolve, COUNT_PATIENCE_MS, null).unref());
    return Promise.race([this.#counts.counts.catch(() => null), late]);
  }
}

async function countInDatabase({ database, now }: Needs): Promise<Metric[]> {
  const { pool } = database;
  const at = now();
  const [letters, oldest, sessions, targets, alerts, round] = await Promise.all([
    pool.query<{ state: string; count: number }>(
      `select s.state::text, count(l.id)::int as count
       from unnest(enum_range(null::letter_state)) s(state) left join letter l on l.state = s.state group by s.state order by 1`,
    ),
    pool.query<{ state: string; count: number; age: number }>(
      `select w.state, count(l.id)::int as count, coalesce(extract(epoch from $1::timestamptz - min(l.created_at)), 0)::float as age
       from (values ('outbox', false), ('sign-in', true)) w(state, waits)
       left join letter l on l.state = 'queued' and l.waiting_for_sign_in = w.waits group by w.state order by 1`,
      [at],
    ),
    pool.query<{ count: number }>('select count(*)::int as count from session where ends_at > $1', [at]),
    pool.query<{ kind: string; about: string; key: string; state: string; ms: number; at: number }>(
      `select kind, about, key, state, (line->>'milliseconds')::int as ms, extract(epoch from probed_at)::float as at
       from monitor_target order by kind, about, key`,
    ),
    pool.query<{ count: number }>('select count(*)::int as count from monitor_alert where sent_at is null'),
    pool.query<{ at: number | null }>('select extract(epoch from round_at)::float as at from monitor_lease'),
  ]);
  const known = targets.rows.filter(({ state }) => state !== 'unknown');
  const labels = ({ kind, about, key }: { kind: string; about: string; key: string }) => {
    return { kind, name: about, address: key.split(' ')[1] ?? '' };
  };
  return [
    gauge(
      'sealpost_letters',
      'Letters by state.',
      letters.rows.map(({ state, count }) => ({ labels: { state }, value: count })),
    ),
    gauge(
      'sealpost_outbox_waiting',
      'Letters that no mail server has yet, by what they wait for.',
      oldest.rows.map(({ state, count }) => ({ labels: { for: state }, value: count })),
    ),
    gauge(
      'sealpost_outbox_oldest_age_seconds',
      'Age of the oldest of them.',
      oldest.rows.map(({ state, age }) => ({ labels: { for: state }, value: Math.max(0, age) })),
    ),
    gauge('sealpost_sessions', 'Sessions that have not ended.', [{ value: sessions.rows[0]?.count ?? 0 }]),
    gauge(
      'sealpost_watched_up',
      'Whether what the monitor watches works.',
      known.map((row) => ({ labels: labels(row), value: row.state === 'failed' ? 0 : 1 })),
    ),
    gauge(
      'sealpost_watched_duration_seconds',
      'How long the last look took.',
      known.map((row) => ({ labels: labels(row), value: row.ms / 1000 })),
    ),
    gauge('sealpost_monitor_round_time_seconds', 'When the monitor last looked, in seconds since 1970.', [
      { value: round.rows[0]?.at ?? 0 },
    ]),
    gauge('sealpost_monitor_alerts_waiting', 'Mails to administrators that could not go yet.', [
      { value: alerts.rows[0]?.count ?? 0 },
    ]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'gauge', samples };
}

/** @param nanoseconds from one tick of the measuring timer to the next: a loop that is on time has the time of a tick there */
export function lateSeconds(nanoseconds: number): number {
  const late = nanoseconds / NANO - LOOP_RESOLUTION_MS / 1000;
  return Number.isFinite(late) ? Math.max(0, Math.round(late * 1e6) / 1e6) : 0;
}
