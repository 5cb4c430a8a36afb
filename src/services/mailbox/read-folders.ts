import type { Context } from '../../context.ts';
import type { Formats } from '../../i18n/formats.ts';
import { type Folder, listFolders, type SpecialUse } from '../../mail/imap-folders.ts';
import type { SignedIn } from '../sessions/session.ts';
import { mailboxOf } from './mailbox.ts';

/** A folder as the navigation shows it. */
export type FolderPlace = {
  path: string;
  id: string;
  href: string;
  name: string;
  icon: string;
  specialUse: SpecialUse | null;
  unread: number;
  total: number;
  current: boolean;
  note?: string;
};

/** Order and icon by special use (RFC 6154); names in the reader's language, since servers name them in theirs. */
const SPECIAL: Partial<Record<SpecialUse, { icon: string; key: string; order: number }>> = {
  Inbox: { icon: 'inbox', key: 'common.folder.inbox', order: 0 },
  Drafts: { icon: 'draft', key: 'common.folder.drafts', order: 1 },
  Sent: { icon: 'sent', key: 'common.folder.sent', order: 2 },
  Archive: { icon: 'archive', key: 'common.folder.archive', order: 3 },
  Junk: { icon: 'junk', key: 'common.folder.junk', order: 4 },
  Trash: { icon: 'bin', key: 'common.folder.trash', order: 5 },
};

/** Folder paths go into addresses as base64url: they may hold any character, also `/` and `..`. */
export function folderId(path: string): string {
  return Buffer.from(path, 'utf8').toString('base64url');
}

export function folderPath(id: string): string {
  return Buffer.from(id, 'base64url').toString('utf8');
}

/** The folders with counts, or null when the mail server does not answer: the rest of the page is still of use. */
export async function readFolderPlaces(
  context: Context,
  session: SignedIn,
  formats: Formats,
  current: string | null,
): Promise<FolderPlace[] | null> {
  const folders = await mailboxOf(context, session).run(listFolders);
  if (!folders.ok) return null;
  return folders.value
    .filter((folder) => folder.selectable)
    .map((folder) => placeOf(folder, formats, current))
    .sort((a, b) => orderOf(a) - orderOf(b) || a.name.localeCompare(b.name, formats.locale));
}

function placeOf(folder: Folder, formats: Formats, current: string | null): FolderPlace {
  const special = folder.specialUse ? SPECIAL[folder.specialUse] : undefined;
  // Drafts of this product live in the database, sealed; the server's folder holds those of other programs.
  const ownDrafts = folder.specialUse === 'Drafts';
  return {
    path: folder.path,
    id: folderId(folder.path),
    href: ownDrafts ? '/drafts' : `/mail/${folderId(folder.path)}`,
    name: special ? formats.t(special.key) : folder.name,
    icon: special?.icon ?? 'folder',
    specialUse: folder.specialUse,
    unread: ownDrafts ? 0 : folder.unseen,
    total: ownDrafts ? 0 : folder.messages,
    current: folder.path === current,
  };
}

function orderOf(place: FolderPlace): number {
  return (place.specialUse ? SPECIAL[place.specialUse]?.order : undefined) ?? 10;
}
