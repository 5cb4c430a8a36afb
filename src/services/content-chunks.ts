import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { openSealed, sealUnder } from '../vault/seal.ts';
import type { Database } from './database/connect.ts';

const KiB = 1024;
/** Largest row of bytes. */
export const CHUNK_BYTES = 256 * KiB;
/** Format byte, nonce and tag that sealing adds (src/vault/seal.ts). */
const SEAL_BYTES = 29;
/** A content that nothing refers to may be one that is still being written: it is left alone for this long. */
const ORPHAN_AGE_MS = 24 * 3_600_000;

type Queries = Pick<pg.Pool, 'query'>;

/** Writes bytes as rows of one content. Inside the transaction of `queries` where that is a client in one. */
export async function writeContent(queries: Queries, bytes: Uint8Array): Promise<string> {
  const contentId = randomUUID();
  for (let number = 0, at = 0; at < bytes.length || number === 0; number += 1, at += CHUNK_BYTES) {
    await writeChunk(queries, contentId, number, bytes.subarray(at, at + CHUNK_BYTES));
  }
  return contentId;
}

/** The bytes of a content, one row at a time. @throws Error when rows are missing */
export async function* readContent(queries: Queries, contentId: string, size: number): AsyncGenerator<Buffer> {
  let read = 0;
  for (let number = 0; read < size; number += 1) {
    const chunk = await readChunk(queries, contentId, number);
    if (chunk === null) throw new Error(`content ${contentId} ends after ${read} of ${size} bytes`);
    read += chunk.length;
    yield chunk;
  }
}

export type SealedContent = { contentId: string; size: number; whole: boolean };

/**
 * Seals a stream chunk by chunk under a key of its own and writes it. Each chunk is bound to its content and place, and
 * the size is kept by the caller, so that chunks can be neither swapped nor cut off.
 * @param limitBytes reading goes on beyond it, so that the sender of a form gets an answer, but nothing more is kept
 * @returns `whole: false` when the stream was longer; then no row is left
 */
export async function writeSealedContent(
  database: Database,
  key: Uint8Array,
  source: AsyncIterable<Buffer>,
  limitBytes: number,
): Promise<SealedContent> {
  const contentId = randomUUID();
  const waiting: Buffer[] = [];
  let held = 0;
  let size = 0;
  let number = 0;
  const flush = async (all: boolean) => {
    const room = CHUNK_BYTES - SEAL_BYTES;
    if (held === 0 || (held < room && !all)) return;
    const bytes = Buffer.concat(waiting, held);
    waiting.length = 0;
    let at = 0;
    for (; bytes.length - at >= room || (all && at < bytes.length); at += room, number += 1) {
      const sealed = sealUnder(key, bytes.subarray(at, at + room), chunkContext(contentId, number));
      await writeChunk(database.pool, contentId, number, sealed);
    }
    held = Math.max(0, bytes.length - at);
    if (held > 0) waiting.push(bytes.subarray(at));
  };
  try {
    for await (const piece of source) {
      size += piece.length;
      if (size > limitBytes) continue;
      waiting.push(piece);
      held += piece.length;
      await flush(false);
    }
    if (size <= limitBytes) await flush(true);
  } catch (error) {
    await removeContents(database.pool, [contentId]);
    throw error;
  }
  if (size <= limitBytes) return { contentId, size, whole: true };
  await removeContents(database.pool, [contentId]);
  return { contentId, size, whole: false };
}

/** Opens what `writeSealedContent` wrote. @throws SealBrokenError, Error when rows are missing */
export async function* readSealedContent(
  database: Database,
  key: Uint8Array,
  contentId: string,
  size: number,
): AsyncGenerator<Buffer> {
  let read = 0;
  for (let number = 0; read < size; number += 1) {
    const sealed = await readChunk(database.pool, contentId, number);
    if (sealed === null) throw new Error(`content ${contentId} ends after ${read} of ${size} bytes`);
    const chunk = openSealed(key, sealed, chunkContext(contentId, number));
    read += chunk.length;
    yield chunk;
  }
}

export async function removeContents(queries: Queries, contentIds: readonly string[]): Promise<void> {
  if (contentIds.length === 0) return;
  await queries.query('delete from content_chunk where content_id = any($1::uuid[])', [contentIds]);
}

/** Removes these contents unless an attachment, an envelope or a copy for Sent still needs them. */
export async function removeUnusedContents(database: Database, contentIds: readonly string[]): Promise<void> {
  if (contentIds.length === 0) return;
  await database.pool.query(`delete from content_chunk c where c.content_id = any($1::uuid[]) and ${UNUSED}`, [
    contentIds,
  ]);
}

const UNUSED = `not exists (select 1 from draft_attachment a where a.content_id = c.content_id)
  and not exists (select 1 from envelope e where e.content_id = c.content_id)
  and not exists (select 1 from letter l where l.sent_copy_id = c.content_id)`;

/** What an upload or a node that ended half-way left behind. */
export async function removeOrphanedContents(database: Database, at: Date): Promise<number> {
  const removed = await database.pool.query(`delete from content_chunk c where c.written_at < $1 and ${UNUSED}`, [
    new Date(at.getTime() - ORPHAN_AGE_MS),
  ]);
  return removed.rowCount ?? 0;
}

async function writeChunk(queries: Queries, contentId: string, number: number, bytes: Uint8Array): Promise<void> {
  await queries.query('insert into content_chunk (content_id, number, bytes) values ($1, $2, $3)', [
    contentId,
    number,
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  ]);
}

async function readChunk(queries: Queries, contentId: string, number: number): Promise<Buffer | null> {
  const rows = await queries.query<{ bytes: Buffer }>(
    'select bytes from content_chunk where content_id = $1 and number = $2',
    [contentId, number],
  );
  return rows.rows[0]?.bytes ?? null;
}

function chunkContext(contentId: string, number: number): string {
  return `content ${contentId} ${number}`;
}
