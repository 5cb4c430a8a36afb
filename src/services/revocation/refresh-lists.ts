import type { Context } from '../../context.ts';
import type { RevocationPoint } from '../../generated/prisma/client.ts';
import type { RevocationList } from '../../pki/crl.ts';
import { PkiError } from '../../pki/errors.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { FetchFailedError } from './fetch-evidence.ts';
import { refreshAnswers, removeOldAnswers } from './ocsp-answers.ts';
import { removeOldLists, storeFetchedLists } from './revocation-lists.ts';
import { claimDueList } from './revocation-points.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const EVERY_MS = MINUTE_MS;
/** Longer than a fetch may take. */
const LEASE_MS = 5 * MINUTE_MS;
const RETRY_MS = 10 * MINUTE_MS;
/** What was fetched just now is the present state. */
const FRESH_MS = 5 * MINUTE_MS;
/** Some authorities publish at once when somebody is revoked, whatever their list says. */
const LONGEST_MS = 12 * HOUR_MS;

type Needs = Pick<Context, 'database' | 'fetcher' | 'now'>;

/** Fetches listed revocation lists before they end, one node at a time each. */
export function startRefreshingLists(context: Needs): Rounds {
  return startRounds(EVERY_MS, () => refreshDueLists(context));
}

/** Fetches all that is due; gives how many lists were tried. */
export async function refreshDueLists(context: Needs): Promise<number> {
  let tried = 0;
  for (;;) {
    const point = await claimDueList(context.database, context.now(), LEASE_MS);
    if (point === null) break;
    await refresh(context, point);
    tried += 1;
  }
  await refreshAnswers(context);
  await removeOldLists(context.database, context.now());
  await removeOldAnswers(context.database, context.now());
  return tried;
}

/** Fetches what is older than a few minutes although it is not due, because somebody asks for the present state. */
export async function refreshListsNow(context: Needs): Promise<void> {
  const at = context.now();
  const young = new Date(at.getTime() - FRESH_MS);
  await context.database.prisma.revocationPoint.updateMany({
    where: { kind: 'list', OR: [{ fetchedAt: null }, { fetchedAt: { lt: young } }] },
    data: { dueAt: at },
  });
  await refreshDueLists(context).catch(() => {}); // the next round of the job tries again
}

async function refresh({ database, fetcher, now }: Needs, point: RevocationPoint): Promise<void> {
  const where = { id: point.id };
  try {
    const lists = await storeFetchedLists(database, point.id, await fetcher.list(point.url), now());
    await database.prisma.revocationPoint.updateMany({
      where,
      data: { dueAt: nextFetch(lists, now()), claimedUntil: null, fetchedAt: now(), failedAt: null, failure: null },
    });
  } catch (error) {
    // Also one that the database does not take: it must not hold up the others each time anew.
    const expected = error instanceof FetchFailedError || error instanceof PkiError;
    const failure = expected ? error.message.slice(0, 500) : 'the list could not be kept';
    const dueAt = new Date(now().getTime() + RETRY_MS);
    await database.prisma.revocationPoint.updateMany({
      where,
      data: { dueAt, claimedUntil: null, failedAt: now(), failure },
    });
  }
}

/** After two thirds of a list's life, which leaves time for attempts that fail; never sooner than a few minutes. */
export function nextFetch(lists: readonly Pick<RevocationList, 'thisUpdate' | 'nextUpdate'>[], now: Date): Date {
  const wanted = lists.map(({ thisUpdate, nextUpdate }) => {
    if (nextUpdate === null) return now.getTime() + LONGEST_MS;
    return thisUpdate.getTime() + ((nextUpdate.getTime() - thisUpdate.getTime()) * 2) / 3;
  });
  const soonest = Math.min(...wanted, now.getTime() + LONGEST_MS);
  return new Date(Math.max(soonest, now.getTime() + RETRY_MS));
}
