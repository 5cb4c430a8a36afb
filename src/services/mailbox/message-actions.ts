import type { Context } from '../../context.ts';
import type { MailboxConnection, MailboxResult } from '../../mail/imap-connection.ts';
import { specialFolder } from '../../mail/imap-folders.ts';
import { deleteMessages, type MessageSet, moveMessages, setFlag } from '../../mail/imap-mailbox.ts';
import type { SignedIn } from '../sessions/session.ts';
import { mailboxOf, valueOrError } from './mailbox.ts';
import type { MessageRef } from './message-ref.ts';
import { forgetVerdictsOf } from './message-verdicts.ts';

export type MessageAction =
  | { do: 'read' | 'unread' | 'archive' | 'delete' }
  /** `to` is the path of a folder */
  | { do: 'move'; to: string };

/**
 * - `none`: nothing was selected
 * - `gone`: all of them were moved or deleted meanwhile, or the folder was made anew
 * - `no-folder`: the folder to move to is not there
 */
export type ActionResult =
  /** `forGood`: they were in the bin already */
  { ok: true; count: number; forGood: boolean } | { ok: false; reason: 'none' | 'gone' | 'no-folder' | 'over-quota' };

type Outcome = { uids: number[]; forGood: boolean };

/** One action on messages of one folder, by UID under the UIDVALIDITY that the page was made with. @throws AppError mail-server-… */
export async function actOnMessages(
  context: Context,
  session: SignedIn,
  refs: readonly MessageRef[],
  action: MessageAction,
): Promise<ActionResult> {
  const first = refs[0];
  if (first === undefined) return { ok: false, reason: 'none' };
  // A list has one UIDVALIDITY; messages of another one are from a page of a folder that is no longer the same.
  const same = refs.filter((ref) => ref.folder === first.folder && ref.uidValidity === first.uidValidity);
  const messages: MessageSet = {
    folder: first.folder,
    uidValidity: first.uidValidity,
    uids: [...new Set(same.map((ref) => ref.uid))],
  };
  const result = await mailboxOf(context, session).run((connection) => perform(connection, messages, action));
  if (!result.ok && result.reason === 'gone') {
    return { ok: false, reason: action.do === 'move' ? await whatIsGone(context, session, messages) : 'gone' };
  }
  if (!result.ok && result.reason === 'over-quota') return { ok: false, reason: 'over-quota' };
  const { uids, forGood } = valueOrError(result);
  if (action.do !== 'read' && action.do !== 'unread') {
    await forgetVerdictsOf(context.database, session.account.id, same);
  }
  return { ok: true, count: uids.length, forGood };
}

async function perform(
  connection: MailboxConnection,
  messages: MessageSet,
  action: MessageAction,
): Promise<MailboxResult<Outcome>> {
  switch (action.do) {
    case 'read':
    case 'unread':
      return kept(await setFlag(connection, messages, 'seen', action.do === 'read'));
    case 'move':
      return kept(await moveMessages(connection, messages, action.to));
    case 'archive': {
      const archive = await specialFolder(connection, 'Archive');
      return archive.ok ? kept(await moveMessages(connection, messages, archive.value)) : archive;
    }
    case 'delete': {
      const deleted = await deleteMessages(connection, messages);
      if (!deleted.ok) return deleted;
      return { ok: true, value: { uids: deleted.value.uids, forGood: deleted.value.movedTo === null } };
    }
  }
}

function kept(result: MailboxResult<number[]>): MailboxResult<Outcome> {
  return result.ok ? { ok: true, value: { uids: result.value, forGood: false } } : result;
}

/** A move says `gone` for the messages and for the destination alike: setting no flag tells them apart. */
async function whatIsGone(context: Context, session: SignedIn, messages: MessageSet): Promise<'gone' | 'no-folder'> {
  const still = await mailboxOf(context, session).run((connection) =>
    connection.inFolder(messages.folder, messages.uidValidity, async ({ client }) => {
      const found = await client.fetchOne(String(messages.uids[0] ?? 0), { uid: true }, { uid: true });
      return { ok: true, value: found !== false };
    }),
  );
  return still.ok && still.value ? 'no-folder' : 'gone';
}
