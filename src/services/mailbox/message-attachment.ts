import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { MessageRef } from './message-ref.ts';
import { failedJob, openingOf } from './read-message.ts';

export type Attachment = { name: string; type: string; bytes: Uint8Array };

/** Types that a program on the desk opens by name; everything else is plain bytes. All are only ever saved. */
const HARMLESS_TYPES = new Set([
  'application/pdf',
  'application/zip',
  'application/pkcs7-mime',
  'application/x-pkcs7-certificates',
  'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'message/rfc822',
  'text/csv',
  'text/plain',
]);

/** One attachment by its position in the list of the message. @throws AppError not-found, and as `readMessage` */
export async function readAttachmentOf(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  index: number,
): Promise<Attachment> {
  const { job } = await openingOf(context, session, ref);
  const result = await context.workers.run<'attachment'>({ kind: 'attachment', ...job, index }, session.account.id);
  if (!result.ok) throw failedJob(result.code, result.message);
  if (result.value === null) throw new AppError('not-found');
  const { name, type, bytes } = result.value;
  return { name, type: HARMLESS_TYPES.has(type) ? type : 'application/octet-stream', bytes };
}
