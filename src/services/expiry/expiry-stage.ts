import type { Formats } from '../../i18n/formats.ts';

/** Calendar days before its end from which something is warned of (T11); 0: it has ended. */
export const EXPIRY_STAGES = [14, 7, 1, 0] as const;
export type ExpiryStage = (typeof EXPIRY_STAGES)[number];

/** What ends before this moment has reached the stage. */
export type StageBound = { stage: ExpiryStage; endsBefore: Date };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * The stages as moments, for a database that knows nothing of the reader's calendar. Each comes after the one before it:
 * what has reached one has reached those before.
 * @param day which day of the reader a moment falls on
 */
export function stageBounds(at: Date, day: Formats['day']): StageBound[] {
  return EXPIRY_STAGES.map((stage) => ({
    stage,
    // Valid through its last second (RFC 5280 section 4.1.2.5).
    endsBefore: stage === 0 ? new Date(at.getTime() - 999) : startOfDay(at, stage + 1, day),
  }));
}

/** The stage of what ends then; null while its end is further off than the first. */
export function stageOf(notAfter: Date, bounds: readonly StageBound[]): ExpiryStage | null {
  return bounds.findLast(({ endsBefore }) => notAfter < endsBefore)?.stage ?? null;
}

/** When the reader's day so many days after today begins. Searched for, since a zone may set its clocks at midnight. */
function startOfDay(at: Date, daysLater: number, day: Formats['day']): Date {
  const midnightUtcMs = Date.parse(`${day(at)}T00:00:00Z`) + daysLater * DAY_MS;
  const wanted = new Date(midnightUtcMs).toISOString().slice(0, 10);
  // Days begin up to 14 hours before those of UTC, and up to 12 hours after them.
  let before = (midnightUtcMs - 15 * HOUR_MS) / MINUTE_MS;
  let reached = (midnightUtcMs + 13 * HOUR_MS) / MINUTE_MS;
  while (reached - before > 1) {
    const middle = Math.floor((before + reached) / 2);
    if (day(new Date(middle * MINUTE_MS)) < wanted) before = middle;
    else reached = middle;
  }
  return new Date(reached * MINUTE_MS);
}
