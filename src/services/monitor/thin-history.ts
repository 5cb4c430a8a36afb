import type { Database } from '../database/connect.ts';
import { REMEMBERED_MS } from './probe-round.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long each look is kept, and how long what is summed up. */
export const LOOKS_KEPT_MS = 2 * DAY_MS;
export const HISTORY_KEPT_MS = 30 * DAY_MS;
/** Of one thing that comes and goes the whole time. */
export const INCIDENTS_KEPT = 200;

/**
 * Rows stay bounded: for each thing two days of looks, thirty days of hours and so many incidents. What nobody names any more is
 * forgotten with all of its own.
 */
export async function thinHistory({ pool }: Database, at: Date): Promise<void> {
  const before = (ms: number) => new Date(at.getTime() - ms);
  await pool.query('delete from monitor_sample where at < $1', [before(LOOKS_KEPT_MS)]);
  await pool.query('delete from monitor_hour where hour < $1', [before(HISTORY_KEPT_MS)]);
  await pool.query('delete from monitor_target where listed_at < $1', [before(REMEMBERED_MS)]);
  await pool.query('delete from monitor_alert where made_at < $1', [before(HISTORY_KEPT_MS)]);
  await pool.query(
    `delete from monitor_incident where id in (
       select id from (
         select id, ended_at, row_number() over (partition by target_id order by began_at desc) as place from monitor_incident
       ) i where i.ended_at is not null and (i.ended_at < $1 or i.place > $2))`,
    [before(HISTORY_KEPT_MS), INCIDENTS_KEPT],
  );
}
