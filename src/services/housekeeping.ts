import { removeCollectionsOfNobody } from './collection/collecting.ts';
import type { Database } from './database/connect.ts';
import { readContactEnds } from './expiry/read-contact-ends.ts';
import { removeOldOffers } from './issuing/offered.ts';
import { removeEndedVisits } from './registration/invitations.ts';
import { removeOldScans } from './scanning/scan-content.ts';
import { removeOldAttempts } from './sessions/attempts.ts';
import { removeEndedSessions } from './sessions/session.ts';

const EVERY_MS = 60_000;

/** What every node may do at any time, since doing it twice changes nothing: old rows that only take room, or lack something. */
export function startHousekeeping(database: Database, now: () => Date): { stop(): void } {
  const tidy = async () => {
    await removeEndedSessions(database, now());
    await removeOldAttempts(database, now());
    await removeOldOffers(database, now());
    await removeEndedVisits(database, now());
    await removeOldScans(database, now());
    await removeCollectionsOfNobody(database);
    await readContactEnds(database);
  };
  // A database that is away for a while is tidied next time.
  const timer = setInterval(() => void tidy().catch(() => {}), EVERY_MS);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
