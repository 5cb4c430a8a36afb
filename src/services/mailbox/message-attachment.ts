import { slicesOf } from '../../bytes/byte-source.ts';
import { isSpool } from '../../bytes/spool.ts';
import { SpoolFile } from '../../bytes/spool-file.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { asBuffer } from '../../pki/der.ts';
import type { OpenJob } from '../../smime/worker-jobs.ts';
import type { SignedIn } from '../sessions/session.ts';
import { failedJob } from './read-message.ts';

export type Attachment = {
  name: string;
  type: string;
  size: number;
  slices(): Iterable<Buffer> | AsyncIterable<Buffer>;
  release(): Promise<void>;
};

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

/**
 * One attachment of a message by its position in the list, as it was decrypted: who offers it has it scanned first
 * (`services/scanning`). What is in memory of the job is given away. `release` when its bytes are needed no more.
 * @throws AppError not-found, and as `readMessage`
 */
export async function attachmentOf(
  context: Context,
  session: SignedIn,
  job: Omit<OpenJob, 'kind'>,
  index: number,
): Promise<Attachment> {
  const file = isSpool(job.bytes) ? await SpoolFile.open(context.config.spoolFolder) : null;
  const release = async () => file?.close();
  const into = file === null ? {} : { into: file.fd };
  const question = { kind: 'attachment', ...job, index, ...into } as const;
  const result = await context.workers.run<'attachment'>(question, session.account.id);
  if (!result.ok || result.value === null) {
    await release();
    throw result.ok ? new AppError('not-found') : failedJob(result.code, result.message);
  }
  const { name, type, bytes } = result.value;
  const shared = { name, type: HARMLESS_TYPES.has(type) ? type : 'application/octet-stream', release };
  if (bytes instanceof Uint8Array) return { ...shared, size: bytes.length, slices: () => slicesOf(asBuffer(bytes)) };
  return { ...shared, size: bytes.size, slices: () => (file as SpoolFile).read(bytes) };
}
