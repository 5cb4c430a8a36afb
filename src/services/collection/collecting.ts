import type { Context } from '../../context.ts';
import type { WireTimes } from '../../mail/wire.ts';
import { type CollectedAccount, collectMailbox, type Outcome, type Round } from './collect-mailbox.ts';
import {
  ClaimLostError,
  type CollectionClaim,
  claimCollection,
  endCollection,
  holdCollection,
} from './collection-claims.ts';
import { PASSWORD_TRIES } from './collections.ts';

export type CollectingOptions = Pick<Context, 'config' | 'database' | 'audit' | 'now'> & {
  /** How often this node asks for due mailboxes; milliseconds */
  everyMs?: number;
  leaseMs?: number;
  /** Between two rounds of one mailbox */
  betweenMs?: number;
  times?: WireTimes;
};

const EVERY_MS = 2_000;
const LEASE_MS = 60_000;
const MINUTE_MS = 60_000;
const BETWEEN_MS = 5 * MINUTE_MS;
/** Between tries that fail, at most. */
const LONGEST_MS = 6 * 60 * MINUTE_MS;
/** Mailboxes that this node collects at the same time: one slow server does not hold up the others. */
const AT_ONCE = 4;
/** Nothing that a further try would change. */
const FINAL: ReadonlySet<Outcome> = new Set(['no-uidl', 'uidl-unstable', 'no-password', 'not-allowed']);
const ACCOUNT = { server: true, account: { include: { country: { include: { mailServer: true } } } } } as const;

/** Collects the mailboxes that are due, one node at a time each, as long as the node runs (T23). */
export function startCollecting(options: CollectingOptions): { stop(): Promise<void> } {
  const { config } = options;
  const running = new Set<Promise<unknown>>();
  const stopping = new AbortController();
  const wake = () => {
    if (stopping.signal.aborted || config.serviceMail === null || running.size >= AT_ONCE) return;
    // A database that is away for a while is asked again at the next turn.
    const work = collectDue(options, stopping.signal)
      .catch(() => {})
      .finally(() => running.delete(work));
    running.add(work);
  };
  const timer = setInterval(wake, options.everyMs ?? EVERY_MS);
  timer.unref();
  wake();
  return {
    stop: async () => {
      clearInterval(timer);
      stopping.abort();
      await Promise.all(running);
    },
  };
}

/** All that is due, one after the other. */
async function collectDue(options: CollectingOptions, stopping: AbortSignal): Promise<void> {
  const { database, now, leaseMs = LEASE_MS } = options;
  while (!stopping.aborted) {
    const claim = await claimCollection(database, { leaseMs, at: now() });
    if (claim === null) return;
    await collectClaimed(options, claim, stopping);
  }
}

/** One round under a claim; what comes of it is written down and said in the trail. */
export async function collectClaimed(
  options: CollectingOptions,
  claim: CollectionClaim,
  stopping: AbortSignal = new AbortController().signal,
): Promise<Round | null> {
  const { database } = options;
  const held = holdCollection(database, claim);
  try {
    const where = { accountId: claim.accountId };
    const row = await database.prisma.collection.findUniqueOrThrow({ where, include: ACCOUNT });
    const signal = AbortSignal.any([held.signal, stopping]);
    let round: Round = { outcome: 'failed', collected: 0, deleted: 0, signedIn: false };
    try {
      round = await collectMailbox(options, row, claim, signal);
    } catch (error) {
      // Somebody else has it, or has changed it.
      if (error instanceof ClaimLostError) return null;
    }
    // Not its own failure: whoever comes next goes on at once.
    if (stopping.aborted) await giveBack(options, claim);
    else if (!held.signal.aborted) await finish(options, row, claim, round);
    return round;
  } finally {
    held.stop();
  }
}

/** At once, unless a message is on its way: its mailbox's server may just be storing it, and nobody shall look for it too early. */
async function giveBack({ database }: CollectingOptions, { accountId, claim }: CollectionClaim): Promise<void> {
  await database.pool.query(
    `update collection c set claim = null, claimed_until = case when exists (
         select 1 from collected_message m where m.account_id = c.account_id and m.state = 'appending')
       then clock_timestamp() + interval '5 seconds' end
     where account_id = $1 and claim = $2`,
    [accountId, claim],
  );
}

async function finish(
  options: CollectingOptions,
  row: CollectedAccount,
  claim: CollectionClaim,
  round: Round,
): Promise<void> {
  const { database, now, betweenMs = BETWEEN_MS } = options;
  const { outcome } = round;
  const at = now();
  // A server that ends in the middle, and from which something came all the same, is asked again soon.
  const isNew = outcome !== row.outcome || round.collected > 0 || row.lastCount > 0;
  const failures = outcome === 'ok' ? 0 : isNew ? 1 : row.failures + 1;
  const refusals = outcome === 'refused' ? row.refusals + 1 : round.signedIn ? 0 : row.refusals;
  const isFinal = FINAL.has(outcome) || refusals >= PASSWORD_TRIES;
  // A wrong password is tried slowly: whose account is locked gets no mail anywhere.
  const slower = Math.min(LONGEST_MS, betweenMs * 2 ** Math.min(failures + (outcome === 'refused' ? 1 : 0), 12));
  const dueAt = isFinal ? null : new Date(at.getTime() + (outcome === 'ok' ? betweenMs : slower));
  const collected = await endCollection(database, claim, { outcome, failures, refusals, dueAt, at });
  if (collected !== null) await record(options, row, { ...round, collected }, isFinal);
}

/** What was done in somebody's name; a failure when it is new. */
async function record(
  { audit }: CollectingOptions,
  { accountId, outcome: before }: CollectedAccount,
  { outcome, collected, deleted }: Round,
  isFinal: boolean,
): Promise<void> {
  const event = { accountId, actor: 'system', network: '', action: 'collection', object: accountId } as const;
  if (collected > 0) await audit.record({ ...event, result: 'done', reason: `collected ${collected}` });
  if (deleted > 0) await audit.record({ ...event, result: 'done', reason: `collected-deleted ${deleted}` });
  if (outcome === 'ok' || (outcome === before && !isFinal)) return;
  const reason = `${isFinal ? 'collection-stopped' : 'collection-failed'} collection-${outcome}`;
  await audit.record({ ...event, result: 'failed', reason });
}

/** Who is no longer there has no password here either. */
export async function removeCollectionsOfNobody({ prisma }: CollectingOptions['database']): Promise<void> {
  await prisma.collection.deleteMany({ where: { account: { state: 'removed' } } });
}
