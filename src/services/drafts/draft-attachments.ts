import { createHash, type Hash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { ScanFailure } from '../../mail/clamd.ts';
import { openFrom, sealTo } from '../../vault/sealed-box.ts';
import type { Database } from '../database/connect.ts';
import { readSealedContent, removeUnusedContents, writeSealedContent } from '../letters/content-chunks.ts';
import { recordScan } from '../scanning/record-scan.ts';
import { scanContent, type Verdict } from '../scanning/scan-content.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type DraftKeys, sealingKey } from './drafts.ts';

const Head = z.object({
  name: z.string(),
  type: z.string(),
  key: z.base64(),
  /** Of what was given to a scanner */
  sha256: z.string().optional(),
});
const KEY_BYTES = 32;
export const MAX_ATTACHMENTS = 50;

export type Added =
  | { ok: true }
  | { ok: false; reason: 'too-large' | 'too-many' }
  | { ok: false; reason: 'infected'; finding: string }
  /** The scanner gave no result, and the programme refuses then */
  | { ok: false; reason: 'unscanned'; failure: ScanFailure };

type Needs = Pick<Context, 'database' | 'config' | 'scanner' | 'audit' | 'now'>;

/**
 * Streams a file into sealed rows and has it scanned before any draft refers to them. Needs no unlock: its random key is sealed to the
 * vault's draft key together with the name. A file that is larger than all attachments together may be is read to its end and thrown away.
 * @throws AppError no-vault, not-found when the draft is not this account's
 */
export async function addAttachment(
  context: Needs,
  session: SignedIn,
  draftId: string,
  file: { name: string; type: string; source: AsyncIterable<Buffer> },
): Promise<Added> {
  const { database, config } = context;
  const accountId = session.account.id;
  const publicKey = await sealingKey(database, accountId);
  const draft = await database.prisma.draft.findFirst({
    where: { id: draftId, accountId },
    select: { attachments: { select: { size: true } } },
  });
  if (!draft) throw new AppError('not-found');
  const full = draft.attachments.length >= MAX_ATTACHMENTS;
  const used = draft.attachments.reduce((sum, attachment) => sum + attachment.size, 0);
  const room = full ? 0 : Math.max(0, config.attachmentLimitBytes - used);
  const key = randomBytes(KEY_BYTES);
  try {
    const hash = createHash('sha256');
    const { contentId, size, whole } = await writeSealedContent(database, key, hashed(file.source, hash), room);
    if (full) {
      await removeUnusedContents(database.pool, [contentId]);
      return { ok: false, reason: 'too-many' };
    }
    if (!whole) return { ok: false, reason: 'too-large' };
    const checked = await checkContent(context, session, { contentId, size, key, sha256: hash.digest('hex') });
    if ('refused' in checked) {
      await removeUnusedContents(database.pool, [contentId]);
      return checked.refused;
    }
    const head = { name: file.name, type: file.type, key: key.toString('base64'), ...checked };
    const sealedHead = sealTo(publicKey, Buffer.from(JSON.stringify(head)), headContext(accountId, contentId));
    await database.prisma.draftAttachment.create({
      data: { draftId, contentId, size, sealedHead: new Uint8Array(sealedHead) },
    });
    return { ok: true };
  } finally {
    key.fill(0);
  }
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const bytes of source) {
    hash.update(bytes);
    yield bytes;
  }
}

/** What the scanner and the programme say about a content that nothing refers to yet. */
async function checkContent(
  context: Needs,
  session: SignedIn,
  { contentId, size, key, sha256 }: { contentId: string; size: number; key: Buffer; sha256: string },
): Promise<{ refused: Extract<Added, { ok: false }> } | { sha256?: string }> {
  const read = () => readSealedContent(context.database, key, contentId, size);
  let verdict: Verdict;
  try {
    verdict = await scanContent(context, { size, sha256, read });
  } catch (error) {
    await removeUnusedContents(context.database.pool, [contentId]);
    throw error;
  }
  if (verdict.state === 'off') return {};
  if (verdict.state === 'infected') {
    const { finding } = verdict;
    await recordScan(context, session, { sha256, result: 'refused', reason: `upload-infected ${finding}` });
    return { refused: { ok: false, reason: 'infected', finding } };
  }
  if (verdict.state === 'unscanned' && session.account.country.programme.scannerPolicy === 'refuse')
    return { refused: { ok: false, reason: 'unscanned', failure: verdict.reason } };
  return { sha256 };
}

/** @returns false when it was not there */
export async function removeAttachment(
  database: Database,
  accountId: string,
  draftId: string,
  id: string,
): Promise<boolean> {
  const where = { id, draftId, draft: { accountId } };
  const row = await database.prisma.draftAttachment.findFirst({ where, select: { contentId: true } });
  if (!row) return false;
  await database.prisma.draftAttachment.deleteMany({ where });
  await removeUnusedContents(database.pool, [row.contentId]);
  return true;
}

export type OpenedAttachment = {
  id: string;
  name: string;
  type: string;
  size: number;
  /** Null where it was never given to a scanner */
  sha256: string | null;
  read(): AsyncIterable<Buffer>;
};

/** Name and type of a draft's attachment, and its bytes when asked for. @throws SealBrokenError */
export function openAttachment(
  database: Database,
  accountId: string,
  keys: DraftKeys,
  row: { id: string; sealedHead: Uint8Array; size: number; contentId: string },
): OpenedAttachment {
  const opened = openFrom(keys, row.sealedHead, headContext(accountId, row.contentId));
  const { name, type, key, sha256 = null } = Head.parse(JSON.parse(opened.toString('utf8')));
  const { id, size, contentId } = row;
  const read = () => readSealedContent(database, Buffer.from(key, 'base64'), contentId, size);
  return { id, name, type, size, sha256, read };
}

function headContext(accountId: string, contentId: string): string {
  return `draft attachment ${accountId} ${contentId}`;
}
