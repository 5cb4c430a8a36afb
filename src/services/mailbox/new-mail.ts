import type { Context } from '../../context.ts';
import type { MailboxConnection } from '../../mail/imap-connection.ts';
import { countSince, inboxUidNext } from '../../mail/inbox-state.ts';
import type { SignedIn } from '../sessions/session.ts';
import { mailboxOf, valueOrError } from './mailbox.ts';

/** Messages that came since the last one told, and a mark from which a later watch can go on. */
export type NewMail = { count: number; mark: number };

type Services = Pick<Context, 'database' | 'mail' | 'now' | 'reports'>;
type Listener = { sessionId: string; mark: number; tell: (news: NewMail) => void; leave: () => void };

const SESSION_CHECK_MS = 30_000;

/** The mailboxes that this node listens to, by account. */
export type MailWatches = Map<string, InboxWatch>;

/**
 * Tells of mail that arrives in the inbox until `ended`, or until the session or the connection ends; then it resolves.
 * The first page of a mailbox holds its session's one IMAP connection, so that this is not closed as idle, but keeps nobody
 * else from using it; further pages, also of other sessions, listen to the same one.
 * @param since the mark of an earlier watch; what came after it is told at once
 */
export async function watchNewMail(
  context: Services,
  watches: MailWatches,
  session: SignedIn,
  since: number | null,
  tell: (news: NewMail) => void,
  ended: AbortSignal,
): Promise<void> {
  const accountId = session.account.id;
  const known = watches.get(accountId);
  const watch = known === undefined || known.isOver ? new InboxWatch(context, session) : known;
  watches.set(accountId, watch);
  try {
    await watch.listen(session, since, tell, ended);
  } finally {
    if (watch.isOver && watches.get(accountId) === watch) watches.delete(accountId);
  }
}

/**
 * The same for a page that cannot be told, and asks again and again.
 * @param since the mark of the last answer; null: only the mark is wanted
 * @throws AppError mail-server-unreachable
 */
export async function countNewMail(context: Services, session: SignedIn, since: number | null): Promise<NewMail> {
  const counted = await mailboxOf(context, session).run(async (connection) => {
    const next = await inboxUidNext(connection);
    if (!next.ok) return next;
    const mark = next.value;
    if (since === null || since >= mark) return { ok: true, value: { count: 0, mark } };
    // Reports about sent letters are no news: they leave the inbox first.
    await context.reports.look(session.account, connection).catch(() => {});
    const left = await countSince(connection, since);
    return left.ok ? { ok: true, value: { count: left.value, mark } } : left;
  });
  return valueOrError(counted);
}

/** One inbox with one connection in IDLE, whoever of its owner's pages waits for it. Over with its last page or its connection. */
class InboxWatch {
  readonly #context: Services;
  readonly #owner: { account: SignedIn['account']; sessionId: string };
  readonly #listeners = new Set<Listener>();
  /** Null when it could not be opened */
  readonly #opened: Promise<MailboxConnection | null>;
  #giveBack = () => {};
  isOver = false;

  constructor(context: Services, session: SignedIn) {
    this.#context = context;
    this.#owner = { account: session.account, sessionId: session.sessionId };
    this.#opened = this.#open(session);
  }

  /** Resolves when this listener is to go: see `watchNewMail`. */
  async listen(
    session: SignedIn,
    since: number | null,
    tell: (news: NewMail) => void,
    ended: AbortSignal,
  ): Promise<void> {
    const gone = Promise.withResolvers<void>();
    const leave = () => gone.resolve();
    const listener = { sessionId: session.sessionId, mark: Number.MAX_SAFE_INTEGER, tell, leave };
    // At once: whoever opened it may leave before this one heard that it is open.
    this.#listeners.add(listener);
    ended.addEventListener('abort', leave);
    try {
      const connection = await this.#opened;
      // The connection is open now: the password is not needed for as long as a page stays open.
      session.forget();
      const start = connection === null ? null : await inboxUidNext(connection);
      if (!start?.ok || ended.aborted) return;
      const from = since !== null && since <= start.value ? since : start.value;
      listener.mark = start.value;
      // The mark goes out first of all, so that a connection that breaks in a quiet hour loses nothing.
      tell({ count: start.value - from, mark: start.value });
      if (!this.isOver) await gone.promise;
    } finally {
      ended.removeEventListener('abort', leave);
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#end();
    }
  }

  /** Holds the connection until nobody listens any more. */
  #open(session: SignedIn): Promise<MailboxConnection | null> {
    return new Promise((resolve) => {
      const holding = mailboxOf(this.#context, session).run(async (connection) => {
        resolve(connection);
        await this.#hold(connection);
        return { ok: true, value: null };
      });
      const over = () => {
        resolve(null);
        this.#end();
      };
      holding.then(over, over);
    });
  }

  #hold(connection: MailboxConnection): Promise<void> {
    return new Promise((resolve) => {
      const unwatch = connection.watchInbox(() => void this.#look(connection).catch(() => {}));
      // At sign-out the connection is closed first of all; the pages of other sessions come back, and one opens its own.
      const forget = connection.onClose(() => this.#end());
      const timer = setInterval(() => void this.#checkSessions().catch(() => {}), SESSION_CHECK_MS);
      timer.unref();
      this.#giveBack = () => {
        clearInterval(timer);
        unwatch();
        forget();
        resolve();
      };
      if (this.isOver || !connection.usable) this.#end();
    });
  }

  async #look(connection: MailboxConnection): Promise<void> {
    const next = await inboxUidNext(connection);
    if (!next.ok) return;
    const behind = [...this.#listeners].filter(({ mark }) => mark < next.value);
    if (behind.length === 0) return;
    const marks = new Map(behind.map((listener) => [listener, listener.mark]));
    for (const listener of behind) listener.mark = next.value;
    await this.#checkSessions().catch(() => {});
    // Reports about sent letters are no news: they leave the inbox first.
    await this.#context.reports.look(this.#owner.account, connection).catch(() => {});
    const counts = new Map<number, number>();
    for (const [listener, mark] of marks) {
      const known =
        counts.get(mark) ?? (await countSince(connection, mark).then((left) => (left.ok ? left.value : null)));
      const count = known ?? next.value - mark;
      counts.set(mark, count);
      if (this.#listeners.has(listener) && count > 0) listener.tell({ count, mark: next.value });
    }
  }

  /** Who signed out is told nothing more. The keys' unlocking gives a session a new id: its page comes back with its new cookie. */
  async #checkSessions(): Promise<void> {
    const { database, now } = this.#context;
    const ids = [this.#owner.sessionId, ...[...this.#listeners].map(({ sessionId }) => sessionId)];
    const open = await database.prisma.session.findMany({
      where: { id: { in: ids }, endsAt: { gt: now() } },
      select: { id: true },
    });
    const isOpen = (sessionId: string) => open.some(({ id }) => id === sessionId);
    for (const listener of [...this.#listeners].filter(({ sessionId }) => !isOpen(sessionId))) {
      this.#listeners.delete(listener);
      listener.leave();
    }
    if (!isOpen(this.#owner.sessionId)) this.#end();
  }

  #end(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const listener of this.#listeners) listener.leave();
    this.#giveBack();
  }
}
