import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { listPage, type MessagePage } from '../../mail/message-list.ts';
import type { SignedIn } from '../sessions/session.ts';
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
  return { page: listed, ...kept, folders };
}
