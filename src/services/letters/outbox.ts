import type { Config } from '../../config.ts';
import type { AuditTrail } from '../audit.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { removeOrphanedContents } from './content-chunks.ts';
import { claimLetter, holdClaim, postpone } from './outbox-claims.ts';
import { sendsInBackground } from './outbox-enqueue.ts';
import { type LoginFor, type SubmissionHooks, workOn } from './outbox-work.ts';

/** What waits to be submitted and filed; any node works on it. */
export type Outbox = {
  /** Work on what is due: after a letter was committed, and at intervals. */
  wake(): void;
  /** A country's own server: letters that wait for their sender's sign-in can go now, with this session's credential. */
  attend(session: SignedIn): void;
  /** Lets what is being submitted finish, and takes up nothing more. */
  stop(): Promise<void>;
};

export type OutboxOptions = {
  config: Config;
  database: Database;
  audit: AuditTrail;
  now: () => Date;
  /** How long another node leaves a letter alone whose node no longer answers; milliseconds */
  leaseMs?: number;
  /** Letters that this node works on at once */
  concurrency?: number;
} & SubmissionHooks;

const LEASE_MS = 20_000;
const CONCURRENCY = 4;
const LOOK_EVERY_MS = 5_000;
const TIDY_EVERY_MS = 3_600_000;

/** Starts to work on what is due, on this node. See docs/decisions/007-outbox-rows-are-the-jobs.md. */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  const { config, database, now } = options;
  const leaseMs = options.leaseMs ?? LEASE_MS;
  const running = new Set<Promise<void>>();
  const attended = new Set<string>();
  let background = 0;
  let stopping = false;

  /** Takes letters one after the other until none is due. Gives whether there was one. */
  const drain = async (accountId: string | null, login: LoginFor): Promise<void> => {
    while (!stopping) {
      const claim = await claimLetter(database, { owner: config.nodeName, accountId, leaseMs, at: now() });
      if (claim === null) return;
      const hold = holdClaim(database, claim, leaseMs);
      try {
        await workOn({ ...options, stopping: () => stopping }, claim, login, hold.signal);
      } catch {
        // One that cannot be worked on must not keep the others waiting.
        await postpone(database, claim, new Date(now().getTime() + config.retryMs));
      } finally {
        await hold.release();
      }
    }
  };
  const start = (work: Promise<void>) => {
    // A database that is away for a while is asked again at the next look; the lease ends by itself.
    const guarded = work.catch(() => {}).finally(() => running.delete(guarded));
    running.add(guarded);
  };
  const wake = () => {
    const service = config.serviceMail;
    if (stopping || service === null || background >= (options.concurrency ?? CONCURRENCY)) return;
    background += 1;
    const login: LoginFor = (address) => ({ ...service, authorizationUser: address });
    start(
      drain(null, login).finally(() => {
        background -= 1;
      }),
    );
  };
  const attend = (session: SignedIn) => {
    const { account } = session;
    if (stopping || sendsInBackground(config, account) || attended.has(account.id)) return;
    attended.add(account.id);
    // The session's secrets are overwritten when its request ends; this copy ends with the work.
    const password = session.mailboxPassword();
    start(drain(account.id, (address) => ({ user: address, password })).finally(() => attended.delete(account.id)));
  };

  const look = setInterval(wake, Math.min(config.retryMs, LOOK_EVERY_MS));
  const tidy = setInterval(() => void removeOrphanedContents(database, now()).catch(() => {}), TIDY_EVERY_MS);
  look.unref();
  tidy.unref();
  wake();
  return {
    wake,
    attend,
    stop: async () => {
      stopping = true;
      clearInterval(look);
      clearInterval(tidy);
      await Promise.all(running);
    },
  };
}
