import { createHash } from 'node:crypto';
import { isSpool } from '../../bytes/spool.ts';
import type { Context } from '../../context.ts';
import type { MessageFacts } from '../../mail/message-source.ts';
import type { AttachmentSummary } from '../../smime/verdict.ts';
import type { Database } from '../database/connect.ts';
import { type Attachment, attachmentOf } from '../mailbox/message-attachment.ts';
import type { MessageRef } from '../mailbox/message-ref.ts';
import { openingOf, type ReadMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type ReleaseState, readReleases } from './releases.ts';
import { knownResults, PAGE_PATIENCE_MS, scanContent, type Verdict } from './scan-content.ts';

const MiB = 1024 * 1024;
/** So much is scanned before a page shows it; what is larger when somebody saves it. */
const SCANNED_FOR_PAGE = { bytes: MiB, attachments: 5 };
/** The page goes without the result that is not there by then. */
const PAGE_WAITS_MS = 3_000;

/** What the page of a message says beside an attachment; `unknown` is scanned when it is saved. */
export type AttachmentState =
  | { state: 'clean' | 'unknown' | 'no-answer' }
  | { state: 'infected'; finding: string; release: ReleaseState | null };

/** An attachment with what the scanner thinks of it; its bytes may be read again. */
export type CheckedAttachment = { attachment: Attachment; verdict: Verdict };

/**
 * Opens one attachment and has it scanned: nothing leaves a message in any other way. `attachment.release` when it was read.
 * @throws AppError not-found, and as `readMessage`
 */
export async function checkAttachment(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  index: number,
): Promise<CheckedAttachment> {
  const { job, facts, release } = await openingOf(context, session, ref);
  try {
    const attachment = await attachmentOf(context, session, job, index);
    return { attachment, verdict: await scanAttachment(context, session, facts, index, attachment) };
  } finally {
    await release();
  }
}

/** Scans an opened attachment, and remembers for the page of its message which content it is. The attachment is released when that fails. */
export async function scanAttachment(
  context: Context,
  session: SignedIn,
  facts: Pick<MessageFacts, 'size' | 'internalDate'>,
  index: number,
  attachment: Attachment,
): Promise<Verdict> {
  try {
    const verdict = await scanContent(context, { size: attachment.size, read: () => attachment.slices() });
    if (verdict.state === 'off') return verdict;
    const key = attachmentKey(facts, { ...attachment, index });
    await keepContent(context.database, session.account.id, key, verdict.sha256, context.now());
    return verdict;
  } catch (error) {
    await attachment.release();
    throw error;
  }
}

/** What is known of each attachment, in their order; null where no scanner is set up or the message is closed. */
export async function attachmentStates(
  context: Context,
  session: SignedIn,
  { opened, facts, ref, closed }: ReadMessage,
): Promise<AttachmentState[] | null> {
  const { scanner } = context;
  if (scanner === null || closed !== 'none') return null;
  const { attachments } = opened;
  if (attachments.length === 0) return [];
  const asked = await scanner.version(PAGE_PATIENCE_MS);
  const version = asked.ok ? asked.version : null;
  const keys = attachments.map((attachment) => attachmentKey(facts, attachment));
  const look = async () => {
    const contents = await contentsOf(context.database, session.account.id, keys);
    return { contents, known: await knownResults(context, [...contents.values()], version) };
  };
  let { contents, known } = await look();
  const open = attachments.filter((_, at) => !known.has(contents.get(keys[at] ?? '') ?? ''));
  if (version !== null && isQuick(open)) {
    await scanInTime(context, session, ref, open);
    ({ contents, known } = await look());
  }
  const releases = await readReleases(context.database, session.account.id, [...contents.values()]);
  return keys.map((key) => {
    const sha256 = contents.get(key) ?? '';
    const finding = known.get(sha256);
    if (finding === undefined) return { state: version === null ? 'no-answer' : 'unknown' };
    if (finding === null) return { state: 'clean' };
    return { state: 'infected', finding, release: releases.get(sha256) ?? null };
  });
}

function isQuick(attachments: readonly AttachmentSummary[]): boolean {
  if (attachments.length === 0 || attachments.length > SCANNED_FOR_PAGE.attachments) return false;
  return attachments.reduce((sum, { size }) => sum + size, 0) <= SCANNED_FOR_PAGE.bytes;
}

/** Goes on after the page stopped waiting: the next one knows more. */
async function scanInTime(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  attachments: readonly AttachmentSummary[],
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PAGE_WAITS_MS);
  });
  // The page says "not scanned yet" whatever went wrong; whoever saves the attachment learns more.
  const work = scanAll(context, session, ref, attachments).catch(() => {});
  await Promise.race([work, patience]);
  clearTimeout(timer);
}

async function scanAll(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  attachments: readonly AttachmentSummary[],
): Promise<void> {
  const { job, facts, release } = await openingOf(context, session, ref);
  try {
    for (const { index } of attachments) {
      // What is given to a worker is gone: each gets its own copy.
      const bytes = isSpool(job.bytes) ? job.bytes : new Uint8Array(job.bytes);
      const attachment = await attachmentOf(context, session, { ...job, bytes }, index);
      await scanAttachment(context, session, facts, index, attachment);
      await attachment.release();
    }
  } finally {
    await release();
  }
}

/** Names an attachment wherever its message is filed. Two that share it would only share what a page says before they are scanned. */
function attachmentKey(
  { size, internalDate }: Pick<MessageFacts, 'size' | 'internalDate'>,
  attachment: Pick<AttachmentSummary, 'index' | 'name' | 'size'>,
): string {
  const facts = [size, internalDate.toISOString(), attachment.index, attachment.size, attachment.name];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

async function contentsOf(
  database: Database,
  accountId: string,
  keys: readonly string[],
): Promise<Map<string, string>> {
  const rows = await database.prisma.attachmentScan.findMany({
    where: { accountId, attachmentKey: { in: [...keys] } },
  });
  return new Map(rows.map((row) => [row.attachmentKey, row.sha256]));
}

async function keepContent(database: Database, accountId: string, key: string, sha256: string, at: Date) {
  await database.pool.query(
    `insert into attachment_scan (account_id, attachment_key, sha256, seen_at) values ($1, $2, $3, $4)
     on conflict (account_id, attachment_key) do update set sha256 = excluded.sha256, seen_at = excluded.seen_at`,
    [accountId, key, sha256, at],
  );
}
