import type { Context } from '../../context.ts';
import { setFlag } from '../../mail/imap-mailbox.ts';
import type { SignedIn } from '../sessions/session.ts';
import { mailboxOf } from './mailbox.ts';
import type { ReadMessage } from './read-message.ts';

/**
 * Opening a message is reading it, unless it stayed closed because of locked keys. A folder that may only be read is no
 * reason to withhold the message.
 */
export async function markSeen(context: Context, session: SignedIn, message: ReadMessage): Promise<void> {
  if (message.closed !== 'none' || message.facts.flags.has('\\Seen')) return;
  const { folder, uidValidity, uid } = message.ref;
  await mailboxOf(context, session).run((connection) =>
    setFlag(connection, { folder, uidValidity, uids: [uid] }, 'seen', true),
  );
}
