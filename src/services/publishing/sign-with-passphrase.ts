import type { Context } from '../../context.ts';
import type { Authority } from '../../generated/prisma/client.ts';
import { openUnderCount, recordAuthority, type WrongPassphrase } from '../authorities/record-authority.ts';
import { openAuthority, overwriteKey } from '../identities/authorities.ts';
import type { SignedIn } from '../sessions/session.ts';
import { signDirectList } from './publish-lists.ts';

export type SigningResult = { ok: true } | WrongPassphrase;

/**
 * The ceremony: the passphrase of an authority opens its key for as long as its lists are signed. What the lists shall know of is done by
 * `before`, once the passphrase was found right.
 */
export async function signListsWithPassphrase(
  context: Context,
  session: SignedIn,
  row: Authority,
  passphrase: string,
  before: () => Promise<void> = async () => {},
): Promise<SigningResult> {
  const open = () => openAuthority(row, passphrase);
  const opened = await openUnderCount(context, session, row.sha256, open, overwriteKey);
  if (!opened.ok) return opened;
  try {
    await before();
    await signDirectList(context, row, opened.value);
  } finally {
    overwriteKey(opened.value);
  }
  await recordAuthority(context, session, row.sha256, 'done', 'list-signed');
  return { ok: true };
}
