const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Five days of trying at one server, as long at another, and time for what brings the report back (T05). */
export const REPORTS_COME_FOR_MS = 12 * DAY_MS;

/** For each age of the youngest letter without an end: how long until the next look. */
const STEPS = [
  { youngerThan: 2 * MINUTE_MS, wait: 3 * SECOND_MS },
  { youngerThan: 10 * MINUTE_MS, wait: 15 * SECOND_MS },
  { youngerThan: 6 * HOUR_MS, wait: MINUTE_MS },
];
const SELDOM_MS = 10 * MINUTE_MS;

/** What is out there: when a server took the youngest letter of all, and the youngest without an end. */
export type Awaited = { youngest: Date | null; youngestOpen: Date | null };

/** When to look into the inbox again; null when nothing more is to come. */
export function nextLook({ youngest, youngestOpen }: Awaited, at: Date): Date | null {
  if (youngest === null || at.getTime() - youngest.getTime() > REPORTS_COME_FOR_MS) return null;
  const age = youngestOpen === null ? Number.POSITIVE_INFINITY : at.getTime() - youngestOpen.getTime();
  const wait = STEPS.find((step) => age < step.youngerThan)?.wait ?? SELDOM_MS;
  return new Date(at.getTime() + wait);
}
