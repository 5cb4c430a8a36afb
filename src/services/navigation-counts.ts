import type { Context } from '../context.ts';
import type { SignedIn } from './sessions/session.ts';

/** From this many days before the end the navigation says how long a Digital ID still lasts (T11). */
const WARN_DAYS = 14;
const DAY_MS = 86_400_000;

export type NavigationCounts = {
  drafts: number;
  /** Letters that the mail server has not taken yet */
  waitingLetters: number;
  rootsToSettle: number;
  /** Days until the first Digital ID in use ends; null while that is far off, and without one */
  digitalIdDays: number | null;
};

/** What the navigation says beside its places: one look at the database for each page. */
export async function navigationCounts(context: Context, session: SignedIn): Promise<NavigationCounts> {
  const { account } = session;
  const counted = await context.database.pool.query<{
    drafts: number;
    waiting: number;
    roots: number;
    ends: Date | null;
  }>(
    `select (select count(*)::int from draft where account_id = $1) as drafts,
            (select count(*)::int from letter where account_id = $1 and state = 'queued') as waiting,
            (select count(distinct one.sha256)::int from trust_anchor one
              where (one.account_id = $1 and one.state = 'offered')
                 or (one.account_id is null and one.programme_id = $2 and one.state = 'trusted' and not exists
                      (select 1 from trust_anchor own where own.account_id = $1 and own.sha256 = one.sha256))) as roots,
            (select min(not_after) from digital_id where account_id = $1 and state = 'active' and not_after > $3) as ends`,
    [account.id, account.country.programmeId, context.now()],
  );
  const { drafts = 0, waiting = 0, roots = 0, ends = null } = counted.rows[0] ?? {};
  const days = ends ? Math.floor((ends.getTime() - context.now().getTime()) / DAY_MS) : null;
  return {
    drafts,
    waitingLetters: waiting,
    rootsToSettle: roots,
    digitalIdDays: days !== null && days <= WARN_DAYS ? days : null,
  };
}
