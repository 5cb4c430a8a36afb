import { setTimeout } from 'node:timers/promises';
import type { Context } from '../../context.ts';
import { connectMailbox, type MailboxConnection } from '../../mail/imap-connection.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type Collected, type Collector, collectReports } from './collect-reports.ts';
import { claimLook, endLook, isBeingLooked } from './report-looks.ts';

/** Reads the reports about sent letters: of hosted accounts in the background, of others while their owner is signed in. */
export type ReportWatch = {
  /** A country's own server: looks with this session's connection, when it is due. */
  attend(session: SignedIn): void;
  /** Looks now, with a connection at hand: what is a report has left the inbox afterwards. */
  look(account: Collector, connection: MailboxConnection): Promise<void>;
  stop(): Promise<void>;
};

export type ReportWatchOptions = Omit<Context, 'reports' | 'outbox' | 'fetcher' | 'scanner'> & {
  /** How often this node asks for due inboxes; milliseconds */
  everyMs?: number;
};

const EVERY_MS = 2_000;
const LEASE_MS = 60_000;
const OTHERS_MS = 5_000;
const OTHERS_LOOK_MS = 250;
const ACCOUNT = { country: { include: { mailServer: true } } } as const;

export function startReportWatch(options: ReportWatchOptions): ReportWatch {
  const { config, database, mail } = options;
  const running = new Set<Promise<unknown>>();
  let stopping = false;
  let background = false;

  const hold = (work: Promise<unknown>) => {
    // A database or a mail server that is away for a while is asked again at the next look.
    const guarded = work.catch(() => {}).finally(() => running.delete(guarded));
    running.add(guarded);
  };
  const wake = () => {
    if (stopping || background || config.serviceMail === null) return;
    background = true;
    hold(
      lookThroughHosted(options, () => stopping).finally(() => {
        background = false;
      }),
    );
  };
  const attend = (session: SignedIn) => {
    const { account, sessionId } = session;
    if (stopping || (account.country.mailServer.hosted && config.serviceMail !== null)) return;
    // The session's secrets are overwritten when its request ends; this copy ends with the look.
    const credential = { user: account.address, password: session.mailboxPassword() };
    const connect = () => connectMailbox(mailServerOf(account.country.mailServer), credential);
    hold(
      lookInto(options, account, async (collect) => {
        const done = await mail.use(sessionId, connect, async (connection) => {
          return { ok: true, value: await collect(connection) };
        });
        return done.ok ? done.value : done;
      }),
    );
  };
  const look = async (account: Collector, connection: MailboxConnection) => {
    await lookInto(options, account, (collect) => collect(connection), true);
    // Another node may be at it: what it moves shall be gone when this answers.
    for (let waited = 0; waited < OTHERS_MS && (await isBeingLooked(database, account.id)); waited += OTHERS_LOOK_MS) {
      await setTimeout(OTHERS_LOOK_MS);
    }
  };

  const timer = setInterval(wake, options.everyMs ?? EVERY_MS);
  timer.unref();
  wake();
  return {
    attend,
    look,
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

type Collect = (connection: MailboxConnection) => Promise<Collected>;

/** One look into the inbox of an account that nobody else looks into; null when it is not due, or somebody does. */
async function lookInto(
  options: ReportWatchOptions,
  account: Collector,
  within: (collect: Collect) => Promise<Collected>,
  whenever = false,
): Promise<Collected | null> {
  const { database, now } = options;
  const look = await claimLook(database, { accountId: account.id, leaseMs: LEASE_MS, at: now(), whenever });
  if (look === null) return null;
  return finish(database, account.id, now, () =>
    within((connection) => collectReports(options, account, connection, look)),
  );
}

/** All hosted inboxes that are due, one after the other, with the service credential. */
async function lookThroughHosted(options: ReportWatchOptions, stopping: () => boolean): Promise<void> {
  const { config, database, now } = options;
  const service = config.serviceMail;
  while (service !== null && !stopping()) {
    const look = await claimLook(database, { accountId: null, leaseMs: LEASE_MS, at: now() });
    if (look === null) return;
    const { accountId } = look;
    await finish(database, accountId, now, async () => {
      const account = await database.prisma.account.findUniqueOrThrow({ where: { id: accountId }, include: ACCOUNT });
      const credential = { ...service, authorizationUser: account.address };
      const connected = await connectMailbox(mailServerOf(account.country.mailServer), credential);
      if (!connected.ok) return connected;
      try {
        return await collectReports(options, account, connected.connection, look);
      } finally {
        await connected.connection.close();
      }
    });
  }
}

/** The claim is given back whatever happened: one message that cannot be read must not end the looking. */
async function finish(
  database: Database,
  accountId: string,
  now: () => Date,
  work: () => Promise<Collected>,
): Promise<Collected> {
  let collected: Collected = { ok: false, reason: 'failed' };
  try {
    collected = await work();
    return collected;
  } finally {
    await endLook(database, accountId, collected, now());
  }
}
