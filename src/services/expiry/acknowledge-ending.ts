import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Formats } from '../../i18n/formats.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type ExpiryStage, stageBounds } from './expiry-stage.ts';
import type { EndingKind } from './expiry-watch.ts';

export type Acknowledged = {
  kind: EndingKind;
  id: string;
  /** As the reader saw it; the page may have stood open since an earlier stage */
  stage: ExpiryStage;
};

/** What each kind is called in the table of acknowledgements, and where the account's own ones are. */
const OWNED: Record<EndingKind, { column: string; from: string }> = {
  own: { column: 'digital_id_id', from: 'digital_id ending where ending.account_id = $2' },
  contact: {
    column: 'contact_certificate_id',
    from: 'contact_certificate ending join contact on contact.id = ending.contact_id where contact.account_id = $2',
  },
  root: { column: 'trust_anchor_id', from: `trust_anchor ending where ending.account_id = $2` },
};

/**
 * The warning stays away until its next stage. A stage that was not reached cannot be put aside, so that no warning is
 * lost by it.
 * @throws AppError not-found, also for what is somebody else's or does not end yet
 */
export async function acknowledgeEnding(
  context: Context,
  session: SignedIn,
  day: Formats['day'],
  { kind, id, stage }: Acknowledged,
): Promise<void> {
  const { column, from } = OWNED[kind];
  const reached = stageBounds(context.now(), day).filter((bound) => bound.stage >= stage);
  const done = await context.database.pool.query(
    `insert into end_acknowledgement (id, ${column}, stage, at)
     select gen_random_uuid(), subject.id, reached.stage, $3
       from (select ending.id, ending.not_after from ${from} and ending.id = $1) subject
       join unnest($4::int[], $5::timestamptz[]) reached (stage, ends_before) on subject.not_after < reached.ends_before
      order by reached.stage limit 1
     on conflict (${column}) do update
        set stage = least(end_acknowledgement.stage, excluded.stage), at = excluded.at`,
    [
      id,
      session.account.id,
      context.now(),
      reached.map((bound) => bound.stage),
      reached.map((bound) => bound.endsBefore),
    ],
  );
  if (done.rowCount === 0) throw new AppError('not-found');
}
