import type { Context } from '../context.ts';
import type { Formats } from '../i18n/formats.ts';
import { stageBounds, stageOf } from './expiry/expiry-stage.ts';
import type { SignedIn } from './sessions/session.ts';

export type NavigationCounts = {
  drafts: number;
  /** Letters that the mail server has not taken yet */
  waitingLetters: number;
  /** Letters that did not reach somebody, as a report says that their sender has not seen */
  undelivered: number;
  rootsToSettle: number;
  /** Days until there is none left to sign with or to be encrypted to, `over` after it; null while that is far off (T11) */
  digitalIdDays: number | 'over' | null;
};

/** What the navigation says beside its places: one look at the database for each page. */
export async function navigationCounts(
  context: Context,
  session: SignedIn,
  formats: Pick<Formats, 'day' | 'daysBetween'>,
): Promise<NavigationCounts> {
  const { account } = session;
  const counted = await context.database.pool.query<{
    drafts: number;
    waiting: number;
    undelivered: number;
    roots: number;
    ends: Date | null;
  }>(
    `select (select count(*)::int from draft where account_id = $1) as drafts,
            (select count(*)::int from letter where account_id = $1 and state = 'queued') as waiting,
            (select count(distinct l.id)::int from letter l join letter_report p on p.letter_id = l.id
               join recipient_event v on v.report_id = p.id
              where l.account_id = $1 and v.action = 'failed' and v.proof = 'envelope'
                and (l.reports_seen_at is null or p.recorded_at > l.reports_seen_at)) as undelivered,
            (select count(distinct one.sha256)::int from trust_anchor one
              where (one.account_id = $1 and one.state = 'offered')
                 or (one.account_id is null and one.programme_id = $2 and one.state = 'trusted' and not exists
                      (select 1 from trust_anchor own where own.account_id = $1 and own.sha256 = one.sha256))) as roots,
            (select least(max(not_after) filter (where can_sign), max(not_after) filter (where can_encrypt))
               from digital_id where account_id = $1 and state = 'active') as ends`,
    [account.id, account.country.programmeId],
  );
  const { drafts = 0, waiting = 0, undelivered = 0, roots = 0, ends = null } = counted.rows[0] ?? {};
  return {
    drafts,
    waitingLetters: waiting,
    undelivered,
    rootsToSettle: roots,
    digitalIdDays: ends && daysLeft(ends, context.now(), formats),
  };
}

function daysLeft(
  ends: Date,
  now: Date,
  { day, daysBetween }: Pick<Formats, 'day' | 'daysBetween'>,
): NavigationCounts['digitalIdDays'] {
  const stage = stageOf(ends, stageBounds(now, day));
  if (stage === null) return null;
  return stage === 0 ? 'over' : daysBetween(now, ends);
}
