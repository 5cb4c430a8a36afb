import type { Context } from '../../context.ts';
import { writeAddress } from '../drafts/compose-reply.ts';
import { createDraft, type DraftContent, NEW_ORIGIN } from '../drafts/drafts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { removeContents } from './content-chunks.ts';
import { giveBackAttachments, NOBODY_HAS_IT } from './kept-attachments.ts';
import { type LetterView, readLetter } from './letters.ts';

/**
 * Takes a letter back that nobody has got yet: it becomes a draft again, with its attachments, in one transaction.
 * @returns the draft's id, or null when it is too late: a node works on it, or a server may have it
 * @throws AppError not-found
 */
export async function cancelLetter(
  context: Context,
  session: SignedIn,
  masterKey: Uint8Array,
  id: string,
): Promise<string | null> {
  const { database } = context;
  const accountId = session.account.id;
  const letter = await readLetter(context, session, masterKey, id);
  const taken = await database.prisma.$transaction(async (tx) => {
    const [cancelled] = await tx.$queryRawUnsafe<{ sentCopyId: string }[]>(
      `update letter l set state = 'cancelled', due_at = null, waiting_for_sign_in = false
       where id = $1::uuid and account_id = $2::uuid and ${NOBODY_HAS_IT}
         and (claimed_until is null or claimed_until < clock_timestamp())
       returning sent_copy_id as "sentCopyId"`,
      id,
      accountId,
    );
    if (!cancelled) return null;
    const origin = letter.head.origin ?? NEW_ORIGIN;
    const draft = await createDraft({ prisma: tx }, accountId, contentOf(letter), origin, context.now());
    await giveBackAttachments(tx, id, draft.id);
    const envelopes = await tx.envelope.findMany({ where: { letterId: id }, select: { contentId: true } });
    return { draftId: draft.id, contents: [cancelled.sentCopyId, ...envelopes.map(({ contentId }) => contentId)] };
  });
  if (taken === null) return null;
  // Of many copies that takes its time; of a node that dies meanwhile the outbox finds them later.
  await removeContents(database.pool, taken.contents);
  await context.audit.record({
    accountId,
    actor: session.account.address,
    network: session.network,
    action: 'send-state',
    object: id,
    result: 'done',
    reason: 'cancelled',
  });
  return taken.draftId;
}

function contentOf({ head, signed, encrypted, receiptAsked }: LetterView): DraftContent {
  return {
    to: head.to.map(writeAddress).join(', '),
    cc: head.cc.map(writeAddress).join(', '),
    bcc: head.bcc.map(writeAddress).join(', '),
    subject: head.subject,
    text: head.text,
    sign: signed,
    encrypt: encrypted,
    askReceipt: receiptAsked,
    ...(head.marking ? { marking: head.marking } : {}),
  };
}
