import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { sameAddress } from '../../mail/address.ts';
import { listPage, type MessagePage, type MessageRow } from '../../mail/message-list.ts';
import { subjectsOfLetters } from '../letters/letter-head.ts';
import type { SignedIn } from '../sessions/session.ts';
import { hidesItsSubject } from './hidden-subject.ts';
import { mailboxOf, valueOrError } from './mailbox.ts';
import { type Kept, keptOf } from './message-verdicts.ts';
import { type FolderPlace, readFolderPlaces } from './read-folders.ts';

export type ListedMessages = Kept & {
  page: MessagePage;
  /** The navigation's folders, read after the page so that its counts are those of the list */
  folders: FolderPlace[] | null;
};

/**
 * One page of a folder, newest first, with what was found in those that were opened before.
 * @throws AppError folder-gone, mail-server-…
 */
export async function listMessages(
  context: Context,
  session: SignedIn,
  folder: string,
  page: number,
  formats: Formats,
): Promise<ListedMessages> {
  const listed = valueOrError(
    await mailboxOf(context, session).run((connection) => listPage(connection, folder, page)),
    'folder-gone',
  );
  const uids = listed.rows.map((row) => row.uid);
  const [folders, kept] = await Promise.all([
    readFolderPlaces(context, session, formats, folder),
    keptOf(context.database, session, { folder, uidValidity: listed.uidValidity, uids }),
  ]);
  const subjects = await withOwnSubjects(context, session, listed, kept.subjects);
  return { page: listed, ...kept, subjects, folders };
}

/** What one wrote oneself need not be opened first to be found. */
async function withOwnSubjects(
  context: Context,
  session: SignedIn,
  { rows }: MessagePage,
  known: Kept['subjects'],
): Promise<Kept['subjects']> {
  const isOwn = ({ from }: MessageRow) => from !== null && sameAddress(from.address, session.account.address);
  const hidden = rows.filter((row) => isOwn(row) && hidesItsSubject(row) && !known.has(row.uid));
  const messageIds = hidden.flatMap(({ messageId }) => (messageId === null ? [] : [messageId]));
  if (session.masterKey === null || messageIds.length === 0) return known;
  const own = await subjectsOfLetters(context.database, session.account.id, session.masterKey, messageIds);
  const found = hidden.flatMap(({ uid, messageId }) => {
    const subject = own.get(messageId ?? '');
    return subject === undefined ? [] : [[uid, subject] as const];
  });
  return new Map([...known, ...found]);
}
