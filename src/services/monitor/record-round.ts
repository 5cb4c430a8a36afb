import type pg from 'pg';
import { withConnection } from '../database/borrowed-connection.ts';
import type { Database } from '../database/connect.ts';
import type { MonitorLease } from './monitor-lease.ts';
import type { Finding } from './watched.ts';

/**
 * Keeps what one round found, in one transaction: how things stand, the look itself, its hour, and what began or ended. False when
 * another node watches by now: then nothing is kept.
 * @param at when it was found; a second time for the same moment changes nothing
 */
export function recordRound(
  database: Database,
  lease: MonitorLease,
  findings: readonly Finding[],
  at: Date,
): Promise<boolean> {
  return withConnection(database.pool, async (client) => {
    try {
      await client.query('begin');
      const held = await lease.isHeld(client);
      if (held) await keep(client, lease, findings, at);
      await client.query('commit');
      return held;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  });
}

/** The findings as rows, joined to what is watched. */
const FOUND = `from jsonb_to_recordset($1::jsonb) as f(
  kind text, key text, about text, "mailServerId" uuid, "countryId" uuid, state text, line jsonb, milliseconds int)`;
const LOOKS = `${FOUND} join monitor_target t on t.kind = f.kind and t.key = f.key where f.state <> 'unknown'`;

async function keep(client: pg.PoolClient, lease: MonitorLease, findings: readonly Finding[], at: Date): Promise<void> {
  const found = JSON.stringify(findings.map((each) => ({ ...each, milliseconds: each.line.milliseconds })));
  await client.query(
    `insert into monitor_target (id, kind, key, about, mail_server_id, country_id, listed_at, state, state_since, probed_at, line)
     select gen_random_uuid(), f.kind, f.key, f.about, f."mailServerId", f."countryId", $2::timestamptz, f.state, $2::timestamptz, $2::timestamptz, f.line
     ${FOUND}
     -- a server that was removed while it was looked at
     where (f."mailServerId" is null or exists (select 1 from mail_server s where s.id = f."mailServerId"))
       and (f."countryId" is null or exists (select 1 from country c where c.id = f."countryId"))
     on conflict (kind, key) do update set
       listed_at = case when monitor_target.key = any ($3::text[]) then monitor_target.listed_at else excluded.listed_at end,
       about = excluded.about, mail_server_id = excluded.mail_server_id, country_id = excluded.country_id,
       state = excluded.state, probed_at = excluded.probed_at, line = excluded.line,
       state_since = case
         when (monitor_target.state in ('ok', 'notice')) = (excluded.state in ('ok', 'notice'))
          and (monitor_target.state = 'unknown') = (excluded.state = 'unknown') then monitor_target.state_since
         else excluded.state_since end
     where monitor_target.probed_at < excluded.probed_at`,
    [found, at, findings.filter(({ listed }) => !listed).map(({ key }) => key)],
  );
  const looks = await client.query(
    `insert into monitor_sample (target_id, at, failed, milliseconds)
     select t.id, $2::timestamptz, f.state = 'failed', f.milliseconds ${LOOKS} on conflict do nothing returning target_id`,
    [found, at],
  );
  if (looks.rowCount === 0) return;
  await client.query(
    `insert into monitor_hour (target_id, hour, looks, failed, milliseconds_sum, milliseconds_most)
     select target_id, date_trunc('hour', at, 'UTC'), 1, failed::int,
            case when failed then 0 else milliseconds end, case when failed then 0 else milliseconds end
     from monitor_sample where at = $1::timestamptz and target_id = any ($2::uuid[])
     on conflict (target_id, hour) do update set
       looks = monitor_hour.looks + 1, failed = monitor_hour.failed + excluded.failed,
       milliseconds_sum = monitor_hour.milliseconds_sum + excluded.milliseconds_sum,
       milliseconds_most = greatest(monitor_hour.milliseconds_most, excluded.milliseconds_most)`,
    [at, looks.rows.map((row: { target_id: string }) => row.target_id)],
  );
  await client.query(
    `update monitor_incident i set ended_at = $2::timestamptz ${LOOKS} and f.state <> 'failed' and i.target_id = t.id
       and i.ended_at is null`,
    [found, at],
  );
  await client.query(
    `insert into monitor_incident (id, target_id, began_at, line)
     select gen_random_uuid(), t.id, $2::timestamptz, f.line ${LOOKS} and f.state = 'failed'
     on conflict (target_id) where ended_at is null do update set looks = monitor_incident.looks + 1, line = excluded.line`,
    [found, at],
  );
  await client.query('update monitor_lease set round_at = $2 where held_by = $1', [lease.owner, at]);
}
