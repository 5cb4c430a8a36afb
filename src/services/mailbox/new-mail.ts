import type { Context } from '../../context.ts';
import type { MailboxConnection } from '../../mail/imap-connection.ts';
import { countSince, inboxUidNext } from '../../mail/inbox-state.ts';
import type { SignedIn } from '../sessions/session.ts';
import { mailboxOf } from './mailbox.ts';

/** Messages that came since the last one told, and a mark from which a later watch can go on. */
export type NewMail = { count: number; mark: number };

const SESSION_CHECK_MS = 30_000;

/**
 * Tells of mail that arrives in the inbox until `ended`, or until the session or the connection ends; then it resolves.
 * It holds the session's one IMAP connection, so that this is not closed as idle, but keeps nobody else from using it.
 * @param since the mark of an earlier watch; what came after it is told at once
 * @returns `session` when the person signed out or the time was over
 */
export async function watchNewMail(
  context: Context,
  session: SignedIn,
  since: number | null,
  tell: (news: NewMail) => void,
  ended: AbortSignal,
): Promise<'session' | 'connection' | 'ended'> {
  const { sessionId } = session;
  let reason: 'session' | 'connection' | 'ended' = 'connection';
  await mailboxOf(context, session).run(async (connection) => {
    // The connection is open now: the password is not needed for as long as a page stays open.
    session.forget();
    const collect = () => context.reports.look(session.account, connection).catch(() => {});
    reason = await watchOn(connection, {
      since,
      tell,
      collect,
      ended,
      isSessionOpen: () => isOpen(context, sessionId),
    });
    return { ok: true, value: null };
  });
  return reason;
}

type Watch = {
  since: number | null;
  tell: (news: NewMail) => void;
  /** Reports about sent letters are no news: they leave the inbox first */
  collect: () => Promise<void>;
  ended: AbortSignal;
  isSessionOpen: () => Promise<boolean>;
};

async function watchOn(
  connection: MailboxConnection,
  { since, tell, collect, ended, isSessionOpen }: Watch,
): Promise<'session' | 'connection' | 'ended'> {
  const start = await inboxUidNext(connection);
  if (!start.ok) return 'connection';
  let mark = since !== null && since <= start.value ? since : start.value;
  const look = async () => {
    const next = await inboxUidNext(connection);
    if (!next.ok || next.value <= mark) return;
    const from = mark;
    mark = next.value;
    await collect();
    const left = await countSince(connection, from);
    const count = left.ok ? left.value : mark - from;
    tell({ count, mark });
  };
  // The mark goes out with the first event too, so that a connection that breaks in a quiet hour loses nothing.
  tell({ count: start.value - mark, mark: start.value });
  mark = start.value;
  return new Promise((resolve) => {
    const unwatch = connection.watchInbox(() => void look());
    const check = async () => {
      if (!(await isSessionOpen().catch(() => true))) finish('session');
    };
    const timer = setInterval(() => void check(), SESSION_CHECK_MS);
    timer.unref();
    const finish = (reason: 'session' | 'connection' | 'ended') => {
      clearInterval(timer);
      unwatch();
      forget();
      ended.removeEventListener('abort', onEnd);
      resolve(reason);
    };
    const onEnd = () => finish('ended');
    ended.addEventListener('abort', onEnd);
    // At sign-out the connection is closed first of all: then the session is gone too, and nobody needs to come back.
    const forget = connection.onClose(() => void check().then(() => finish('connection')));
    if (ended.aborted) onEnd();
    if (!connection.usable) finish('connection');
  });
}

/** The keys' unlocking gives the session a new id: the page that watches then comes back with its new cookie. */
async function isOpen(context: Context, sessionId: string): Promise<boolean> {
  const row = await context.database.prisma.session.findUnique({ where: { id: sessionId }, select: { endsAt: true } });
  return row !== null && row.endsAt > context.now();
}
