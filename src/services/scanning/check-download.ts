import { createHash } from 'node:crypto';
import { isSpool } from '../../bytes/spool.ts';
import { SpoolFile } from '../../bytes/spool-file.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { attachmentOf } from '../mailbox/message-attachment.ts';
import { downloadMessage } from '../mailbox/message-download.ts';
import type { MessageRef } from '../mailbox/message-ref.ts';
import { openingOf, type ReadMessage, readMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';
import { scanAttachment } from './message-scans.ts';
import { recordScan } from './record-scan.ts';
import { scanContent, type Verdict } from './scan-content.ts';

/** Each of them is a job of its own: of a message with more, the rest has no result. */
const MOST_ATTACHMENTS = 100;

/**
 * What keeps a message from being saved as a whole: an attachment, or the message where `index` is null.
 * @property finding what was found in it; null without a result
 */
export type Obstacle = { index: number | null; finding: string | null; isTooLarge?: boolean };

/**
 * The message as it is stored carries its attachments with it, in clear unless all of it is encrypted. The text is given to no scanner,
 * but for a message that is not read to its end: more than we see may be in it.
 * @returns null when it may be saved
 * @throws AppError as `readMessage`
 */
export async function checkDownload(context: Context, session: SignedIn, ref: MessageRef): Promise<Obstacle | null> {
  if (context.scanner === null) return null;
  const message = await openedOrNull(context, session, ref);
  if (message === null) return checkWhole(context, session, ref);
  if (message.closed !== 'none') return null;
  const { opened } = message;
  if (opened.layers.some(({ kind }) => kind === 'encrypted')) return null;
  const whole = opened.readWhole ? null : await checkWhole(context, session, ref);
  if (whole !== null || opened.attachments.length === 0) return whole;
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

/** Null for one that cannot be opened for its size or shape. */
async function openedOrNull(context: Context, session: SignedIn, ref: MessageRef): Promise<ReadMessage | null> {
  try {
    return await readMessage(context, session, ref, { recorded: true });
  } catch (error) {
    if (error instanceof AppError && (error.code === 'message-too-large' || error.code === 'message-too-complex'))
      return null;
    throw error;
  }
}

/** Has all of it scanned as it is stored: clamd takes mail apart itself. What is encrypted in it stays so. */
async function checkWhole(context: Context, session: SignedIn, ref: MessageRef): Promise<Obstacle | null> {
  const verdict = await scanMessage(context, session, ref);
  if (verdict.state === 'off' || verdict.state === 'clean') return null;
  const { sha256 } = verdict;
  if (verdict.state === 'infected') {
    const { finding } = verdict;
    await recordScan(context, session, { sha256, result: 'refused', reason: `save-infected ${finding}` });
    return { index: null, finding };
  }
  if (session.account.country.programme.scannerPolicy === 'refuse')
    return { index: null, finding: null, isTooLarge: verdict.reason === 'too-large' };
  await recordScan(context, session, { sha256, result: 'done', reason: 'saved-unscanned' });
  return null;
}

/** Fetched once; as much as is scanned waits in a spool. */
async function scanMessage(context: Context, session: SignedIn, ref: MessageRef): Promise<Verdict> {
  const most = context.scanner?.maxBytes ?? 0;
  const hash = createHash('sha256');
  let size = 0;
  const source = await downloadMessage(context, session, ref);
  const scanned = async function* () {
    for await (const piece of source) {
      hash.update(piece);
      size += piece.length;
      if (size <= most) yield piece;
    }
  };
  const file = await SpoolFile.open(context.config.spoolFolder);
  try {
    const handle = await file.write(scanned());
    return await scanContent(context, { size, sha256: hash.digest('hex'), read: () => file.read(handle) });
  } finally {
    await file.close();
  }
}
