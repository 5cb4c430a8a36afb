import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { openFrom, sealTo } from '../../vault/sealed-box.ts';
import type { Database } from '../database/connect.ts';
import { readSealedContent, removeUnusedContents, writeSealedContent } from '../letters/content-chunks.ts';
import { type DraftKeys, sealingKey } from './drafts.ts';

const Head = z.object({ name: z.string(), type: z.string(), key: z.base64() });
const KEY_BYTES = 32;
export const MAX_ATTACHMENTS = 50;

export type Added = { ok: true } | { ok: false; reason: 'too-large' | 'too-many' };

/**
 * Streams a file into sealed rows. Needs no unlock: its random key is sealed to the vault's draft key together with the name.
 * @param limitBytes for all attachments of the draft together; a larger file is read to its end and thrown away
 * @throws AppError no-vault, not-found when the draft is not this account's
 */
export async function addAttachment(
  database: Database,
  accountId: string,
  draftId: string,
  file: { name: string; type: string; source: AsyncIterable<Buffer> },
  limitBytes: number,
): Promise<Added> {
  const publicKey = await sealingKey(database, accountId);
  const draft = await database.prisma.draft.findFirst({
    where: { id: draftId, accountId },
    select: { attachments: { select: { size: true } } },
  });
  if (!draft) throw new AppError('not-found');
  const full = draft.attachments.length >= MAX_ATTACHMENTS;
  const room = full ? 0 : limitBytes - draft.attachments.reduce((sum, attachment) => sum + attachment.size, 0);
  const key = randomBytes(KEY_BYTES);
  try {
    const { contentId, size, whole } = await writeSealedContent(database, key, file.source, Math.max(0, room));
    if (full) {
      await removeUnusedContents(database, [contentId]);
      return { ok: false, reason: 'too-many' };
    }
    if (!whole) return { ok: false, reason: 'too-large' };
    const head = Buffer.from(JSON.stringify({ name: file.name, type: file.type, key: key.toString('base64') }));
    await database.prisma.draftAttachment.create({
      data: {
        draftId,
        contentId,
        size,
        sealedHead: new Uint8Array(sealTo(publicKey, head, headContext(accountId, contentId))),
      },
    });
    return { ok: true };
  } finally {
    key.fill(0);
  }
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
  await removeUnusedContents(database, [row.contentId]);
  return true;
}

export type OpenedAttachment = { id: string; name: string; type: string; size: number; read(): AsyncIterable<Buffer> };

/** Name and type of a draft's attachment, and its bytes when asked for. @throws SealBrokenError */
export function openAttachment(
  database: Database,
  accountId: string,
  keys: DraftKeys,
  row: { id: string; sealedHead: Uint8Array; size: number; contentId: string },
): OpenedAttachment {
  const opened = openFrom(keys, row.sealedHead, headContext(accountId, row.contentId));
  const { name, type, key } = Head.parse(JSON.parse(opened.toString('utf8')));
  const { id, size, contentId } = row;
  return { id, name, type, size, read: () => readSealedContent(database, Buffer.from(key, 'base64'), contentId, size) };
}

function headContext(accountId: string, contentId: string): string {
  return `draft attachment ${accountId} ${contentId}`;
}
