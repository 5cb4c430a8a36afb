import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { connectMailbox, type MailboxConnection, type MailboxResult } from '../../mail/imap-connection.ts';
import type { SessionMailboxResult } from '../../mail/mailbox-connections.ts';
import { mailServerOf } from '../accounts/mail-server.ts';
import type { SignedIn } from '../sessions/session.ts';

export type Mailbox = {
  /** Runs a task on the session's kept connection; what failed is data. */
  run<T>(task: (connection: MailboxConnection) => Promise<MailboxResult<T>>): Promise<SessionMailboxResult<T>>;
};

/** The mailbox of a signed-in person, over the one connection that this node keeps for the session. */
export function mailboxOf(context: Pick<Context, 'mail'>, session: SignedIn): Mailbox {
  const server = mailServerOf(session.account.country.mailServer);
  const connect = () => connectMailbox(server, { user: session.account.address, password: session.mailboxPassword() });
  return { run: (task) => context.mail.use(session.sessionId, connect, task) };
}

/** The value, or the AppError that a page shows for this failure. */
export function valueOrError<T>(
  result: SessionMailboxResult<T>,
  gone: 'message-gone' | 'folder-gone' = 'message-gone',
): T {
  if (result.ok) return result.value;
  switch (result.reason) {
    case 'gone':
      throw new AppError(gone);
    case 'too-large':
      throw new AppError('message-too-large');
    case 'refused':
    case 'over-quota':
      throw new AppError('mail-server-refused');
    default:
      throw new AppError('mail-server-unreachable');
  }
}
