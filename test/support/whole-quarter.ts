import { setTimeout as wait } from 'node:timers/promises';

const QUARTER_MS = 15 * 60_000;
const NEEDED_MS = 20_000;

/** Tries are counted by the quarter of an hour: a test that counts them waits for the next one when little is left of this one. */
export async function wholeQuarter(): Promise<void> {
  const leftMs = QUARTER_MS - (Date.now() % QUARTER_MS);
  if (leftMs < NEEDED_MS) await wait(leftMs + 50);
}
