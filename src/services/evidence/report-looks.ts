import type { ReportLook } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import type { Collected } from './collect-reports.ts';
import { type Awaited, nextLook, REPORTS_COME_FOR_MS } from './look-schedule.ts';

const RETRY_MS = 30_000;

/** A letter was submitted: its reports may come from now on. */
export async function expectReports(database: Database, accountId: string, at: Date): Promise<void> {
  await database.pool.query(
    `insert into report_look (account_id, due_at) values ($1, $2)
     on conflict (account_id) do update set due_at = least(report_look.due_at, excluded.due_at)`,
    [accountId, at],
  );
}

/**
 * Takes the inbox that is due for longest, for this node alone.
 * @param by.accountId this account's, whether or not it is hosted; null: of hosted accounts, which any node may look into
 * @param by.whenever also before it is due: something came
 */
export async function claimLook(
  database: Database,
  by: { accountId: string | null; leaseMs: number; at: Date; whenever?: boolean },
): Promise<ReportLook | null> {
  const claimed = await database.pool.query<{ account_id: string }>(
    `update report_look set claimed_until = clock_timestamp() + $2 * interval '1 millisecond'
     where account_id = (
       select l.account_id from report_look l
         join account a on a.id = l.account_id join country c on c.id = a.country_id
         join mail_server s on s.id = c.mail_server_id
       where (l.due_at <= $1 or ($4 and l.due_at is not null)) and (l.claimed_until is null or l.claimed_until < clock_timestamp())
         and case when $3::uuid is null then s.hosted and a.state <> 'removed' else a.id = $3 end
       order by l.due_at limit 1 for update of l skip locked)
     returning account_id`,
    [by.at, by.leaseMs, by.accountId, by.whenever ?? false],
  );
  const accountId = claimed.rows[0]?.account_id;
  return accountId === undefined ? null : database.prisma.reportLook.findUnique({ where: { accountId } });
}

export async function isBeingLooked(database: Database, accountId: string): Promise<boolean> {
  const { rowCount } = await database.pool.query(
    'select 1 from report_look where account_id = $1 and claimed_until > clock_timestamp()',
    [accountId],
  );
  return rowCount === 1;
}

/** Gives it back with how far it was looked through, and when next. */
export async function endLook(database: Database, accountId: string, collected: Collected, at: Date): Promise<void> {
  const where = { accountId };
  if (!collected.ok) {
    const data = { claimedUntil: null, dueAt: new Date(at.getTime() + RETRY_MS), failure: collected.reason };
    await database.prisma.reportLook.updateMany({ where, data });
    return;
  }
  const { uidValidity, lastUid } = collected.until;
  const dueAt = nextLook(await awaited(database, accountId, at), at);
  const looked = { uidValidity, lastUid: BigInt(lastUid), lookedAt: at, failure: null };
  await database.prisma.reportLook.updateMany({ where, data: { ...looked, claimedUntil: null, dueAt } });
}

/** Where a signed receipt was asked for, one that anybody can write ends nothing. */
async function awaited(database: Database, accountId: string, at: Date): Promise<Awaited> {
  const { rows } = await database.pool.query<Awaited>(
    `select max(r.at) as "youngest", max(r.at) filter (where not exists (
              select 1 from recipient_event v where v.envelope_id = r.envelope_id and v.address = r.address
                and v.proof = 'envelope' and v.action in ('failed', 'delivered', 'relayed', 'expanded'))
              or (l.receipt_asked and not exists (
                select 1 from recipient_event v where v.envelope_id = r.envelope_id and v.address = r.address
                  and (v.action = 'failed' or v.action like 'receipt-%'
                    and (v.proof = 'envelope' or l.receipt_content_id is null))))) as "youngestOpen"
     from letter l join envelope e on e.letter_id = l.id join envelope_recipient r on r.envelope_id = e.id
     where l.account_id = $1 and r.state = 'accepted' and r.at > $2`,
    [accountId, new Date(at.getTime() - REPORTS_COME_FOR_MS)],
  );
  return rows[0] ?? { youngest: null, youngestOpen: null };
}
