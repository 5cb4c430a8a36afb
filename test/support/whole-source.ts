import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpoolSource } from '../../src/bytes/spool.ts';
import type { MailboxConnection, MailboxResult } from '../../src/mail/imap-connection.ts';
import { fetchSource, type MessageFacts, type MessageReference } from '../../src/mail/message-source.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-spool-'));

/** A message whole in memory, for a test that compares it. */
export async function wholeSource(
  connection: MailboxConnection,
  ref: MessageReference,
  maxBytes: number,
): Promise<MailboxResult<MessageFacts & { bytes: Buffer }>> {
  const source = await fetchSource(connection, ref, maxBytes, folder);
  if (!source.ok) return source;
  const { bytes, release, ...facts } = source.value;
  const whole = Buffer.isBuffer(bytes) ? bytes : new SpoolSource(bytes).subarray(0, bytes.size);
  await release();
  return { ok: true, value: { ...facts, bytes: whole } };
}
