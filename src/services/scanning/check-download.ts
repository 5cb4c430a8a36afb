import { isSpool } from '../../bytes/spool.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { attachmentOf } from '../mailbox/message-attachment.ts';
import type { MessageRef } from '../mailbox/message-ref.ts';
import { openingOf, type ReadMessage, readMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';
import { scanAttachment } from './message-scans.ts';

/** Each of them is a job of its own: of a message with more, the rest has no result. */
const MOST_ATTACHMENTS = 100;

/** An attachment that keeps a message from being saved as a whole: what was found in it; null where the scanner gave no result. */
export type Obstacle = { index: number; finding: string | null };

/**
 * The message as it is stored carries its attachments with it, in clear unless all of it is encrypted. The text is given to no scanner.
 * @returns null when it may be saved
 * @throws AppError as `readMessage`
 */
export async function checkDownload(context: Context, session: SignedIn, ref: MessageRef): Promise<Obstacle | null> {
  if (context.scanner === null) return null;
  const message = await openedOrNull(context, session, ref);
  if (message === null || message.closed !== 'none') return null;
  const { opened } = message;
  if (opened.attachments.length === 0 || opened.layers.some(({ kind }) => kind === 'encrypted')) return null;
  const mayPassUnscanned = session.account.country.programme.scannerPolicy === 'warn';
  const { job, facts, release } = await openingOf(context, session, ref);
  try {
    for (const { index } of opened.attachments.slice(0, MOST_ATTACHMENTS)) {
      const bytes = isSpool(job.bytes) ? job.bytes : new Uint8Array(job.bytes);
      const attachment = await attachmentOf(context, session, { ...job, bytes }, index);
      const verdict = await scanAttachment(context, session, facts, index, attachment);
      await attachment.release();
      if (verdict.state === 'infected') return { index, finding: verdict.finding };
      if (verdict.state === 'unscanned' && !mayPassUnscanned) return { index, finding: null };
    }
  } finally {
    await release();
  }
  const rest = opened.attachments[MOST_ATTACHMENTS];
  if (rest !== undefined && !mayPassUnscanned) return { index: rest.index, finding: null };
  return null;
}

/** Null for one that cannot be opened for its size or shape: it can be saved as it came, through the scanners of the relays. */
async function openedOrNull(context: Context, session: SignedIn, ref: MessageRef): Promise<ReadMessage | null> {
  try {
    return await readMessage(context, session, ref, { recorded: true });
  } catch (error) {
    if (error instanceof AppError && (error.code === 'message-too-large' || error.code === 'message-too-complex'))
      return null;
    throw error;
  }
}
