import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Context } from '../../context.ts';
import { withConnection } from '../database/borrowed-connection.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;

type Told = { id: string; mailServerId: string | null; countryId: string | null };
type Administrator = {
  id: string;
  role: 'central' | 'country';
  countryId: string;
  mailServerId: string;
  /** Programmes that a central one answers for */
  programmes: string[];
  /** Got or will get one a short while ago */
  resting: boolean;
};

/**
 * Decides which administrators are to be told by mail: once when something has stayed down for long enough, once when it is back. All
 * that is due at a time stands in one mail, and after one an administrator is left alone for as long as something must stay
 * down: what happens meanwhile is told together afterwards.
 */
export function makeAlerts(needs: Needs): Promise<number> {
  const { config, database, now } = needs;
  const at = now();
  const before = new Date(at.getTime() - config.alertAfterMs);
  return withConnection(database.pool, async (client) => {
    try {
      await client.query('begin');
      const made = await make(client, at, before);
      await client.query('commit');
      return made;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  });
}

async function make(client: pg.PoolClient, at: Date, before: Date): Promise<number> {
  const { rows: due } = await client.query<Told>(
    `select i.id, t.mail_server_id as "mailServerId", t.country_id as "countryId"
     from monitor_incident i join monitor_target t on t.id = i.target_id
     where (i.told_down_at is null and i.began_at <= $1::timestamptz
            and (i.ended_at is null or i.ended_at - i.began_at >= $2::timestamptz - $1::timestamptz))
        or (i.told_down_at is not null and i.told_up_at is null and i.ended_at is not null)
     order by i.began_at, i.id for update of i`,
    [before, at],
  );
  if (due.length === 0) return 0;
  const administrators = await readAdministrators(client, before);
  // One who rests keeps the news of all waiting: each thing is told to everybody at the same time, or nobody knows who knows what.
  if (administrators.some(({ resting }) => resting)) return 0;
  const { rows: countries } = await client.query<{ id: string; programmeId: string; mailServerId: string }>(
    'select id, programme_id as "programmeId", mail_server_id as "mailServerId" from country',
  );
  let made = 0;
  for (const administrator of administrators) {
    const ids = due.filter((each) => concerns(each, administrator, countries)).map(({ id }) => id);
    const fresh = await withoutWaiting(client, administrator.id, ids);
    if (fresh.length === 0) continue;
    await client.query(
      `insert into monitor_alert (id, account_id, incident_ids, made_at, next_try_at)
       values ($1, $2, $3, $4::timestamptz, $4::timestamptz)`,
      [randomUUID(), administrator.id, fresh, at],
    );
    made += 1;
  }
  await client.query(
    `update monitor_incident set told_down_at = coalesce(told_down_at, $2::timestamptz),
       told_up_at = case when ended_at is null then null else $2::timestamptz end where id = any ($1::uuid[])`,
    [due.map(({ id }) => id), at],
  );
  return made;
}

/** A mail that still waits will say as well that something is back. */
async function withoutWaiting(client: pg.PoolClient, accountId: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select distinct unnest(incident_ids) as id from monitor_alert where account_id = $1 and sent_at is null`,
    [accountId],
  );
  const waiting = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !waiting.has(id));
}

async function readAdministrators(client: pg.PoolClient, before: Date): Promise<Administrator[]> {
  const { rows } = await client.query<Administrator>(
    `select a.id, a.role, a.country_id as "countryId", c.mail_server_id as "mailServerId",
            array(select c.programme_id union select g.programme_id from programme_grant g where g.account_id = a.id) as programmes,
            exists (select 1 from monitor_alert m where m.account_id = a.id and m.made_at > $1::timestamptz) as resting
     from account a join country c on c.id = a.country_id
     where a.role <> 'clerk' and a.state = 'active' and c.suspended_at is null`,
    [before],
  );
  return rows;
}

/** The installation's own parts, relays and resolvers concern the central administrators; servers and names those of their countries too. */
function concerns(
  told: Told,
  administrator: Administrator,
  countries: readonly { id: string; programmeId: string; mailServerId: string }[],
): boolean {
  const isCentral = administrator.role === 'central';
  if (told.mailServerId === null && told.countryId === null) return isCentral;
  const theirs = countries.filter(
    ({ id, mailServerId }) => id === told.countryId || mailServerId === told.mailServerId,
  );
  return theirs.some(({ id, programmeId }) =>
    isCentral ? administrator.programmes.includes(programmeId) : id === administrator.countryId,
  );
}
