import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { openSealed, sealUnder } from '../../vault/seal.ts';
import type { Database } from '../database/connect.ts';
import { copiedBytes } from '../database/copied-bytes.ts';

const KiB = 1024;
/** Largest row of bytes. */
export const CHUNK_BYTES = 256 * KiB;
/** Format byte, nonce and tag that sealing adds (src/vault/seal.ts). */
const SEAL_BYTES = 29;
/** What fits into one row when it is sealed. */
const SEALED_BYTES = CHUNK_BYTES - SEAL_BYTES;
/** A content that nothing refers to may be one that is still being written: it is left alone for this long. */
const ORPHAN_AGE_MS = 24 * 3_600_000;

/** Rows that are written or read together: the way there and back counts for more than their bytes. */
const ROWS_AT_ONCE = 4;

type Queries = Pick<pg.ClientBase | pg.Pool, 'query'>;
type Pool = Database['pool'];

/** Writes bytes as rows of one content, inside the transaction of `client` where it is in one. */
export async function writeContent(
  client: Queries,
  slices: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<string> {
  const contentId = randomUUID();
  let number = 0;
  let rows: Uint8Array[] = [];
  const flush = async () => {
    await client.query(insertion(rows.length), [contentId, ...valuesOf(number, rows)]);
    number += rows.length;
    rows = [];
  };
  for await (const chunk of piecesOf(slices, CHUNK_BYTES, Number.POSITIVE_INFINITY)) {
    rows.push(chunk);
    if (rows.length === ROWS_AT_ONCE) await flush();
  }
  // Also what is empty has a row.
  if (rows.length > 0 || number === 0) {
    if (rows.length === 0) rows.push(new Uint8Array(0));
    await flush();
  }
  return contentId;
}

/** The bytes of a content, a row at a time. @throws Error when rows are missing */
export async function* readContent(pool: Pool, contentId: string, size: number): AsyncGenerator<Buffer> {
  let read = 0;
  for await (const chunk of chunkRows(pool, contentId, Math.ceil(size / CHUNK_BYTES))) {
    read += chunk.length;
    yield chunk;
  }
  if (read < size) throw new Error(`content ${contentId} ends after ${read} of ${size} bytes`);
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
  const rows = new RowsWhileReading(database.pool, contentId);
  let size = 0;
  let number = 0;
  try {
    for await (const chunk of piecesOf(source, SEALED_BYTES, limitBytes)) {
      size += chunk.length;
      // What is too long is not kept, and not sealed in vain.
      if (size > limitBytes) continue;
      await rows.add(sealUnder(key, chunk, chunkContext(contentId, number)));
      number += 1;
    }
    if (size <= limitBytes) await rows.end();
  } catch (error) {
    await rows.settled();
    await removeContents(database.pool, [contentId]);
    throw error;
  }
  if (size <= limitBytes) return { contentId, size, whole: true };
  await rows.settled();
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
  let number = 0;
  for await (const sealed of chunkRows(database.pool, contentId, Math.ceil(size / SEALED_BYTES))) {
    const chunk = openSealed(key, sealed, chunkContext(contentId, number));
    number += 1;
    read += chunk.length;
    yield chunk;
  }
  if (read < size) throw new Error(`content ${contentId} ends after ${read} of ${size} bytes`);
}

export async function removeContents(queries: Pick<pg.Pool, 'query'>, contentIds: readonly string[]): Promise<void> {
  if (contentIds.length === 0) return;
  await queries.query('delete from content_chunk where content_id = any($1::uuid[])', [contentIds]);
}

/** Removes these contents unless an attachment, an envelope or a copy for Sent still needs them. */
export async function removeUnusedContents(queries: Queries, contentIds: readonly string[]): Promise<void> {
  if (contentIds.length === 0) return;
  await queries.query(`delete from content_chunk c where c.content_id = any($1::uuid[]) and ${UNUSED}`, [contentIds]);
}

/** A letter `l` that has its end, and its copy in Sent, needs no bytes, though its rows go on naming them. */
const ENDED = `(l.state = 'cancelled' or (l.state in ('done', 'failed') and l.filed_at is not null))`;

const UNUSED = `not exists (select 1 from draft_attachment a where a.content_id = c.content_id)
  and not exists (select 1 from envelope e join letter l on l.id = e.letter_id where e.content_id = c.content_id and not ${ENDED})
  and not exists (select 1 from letter l where l.sent_copy_id = c.content_id and not ${ENDED})`;

/** What an upload or a node that ended half-way left behind. */
export async function removeOrphanedContents(database: Database, at: Date): Promise<number> {
  const removed = await database.pool.query(`delete from content_chunk c where c.written_at < $1 and ${UNUSED}`, [
    new Date(at.getTime() - ORPHAN_AGE_MS),
  ]);
  return removed.rowCount ?? 0;
}

/** Pieces of one size, the last one shorter. Beyond the limit only lengths matter: pieces are passed on as they come. */
async function* piecesOf(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  size: number,
  limitBytes: number,
): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let held = 0;
  let passed = 0;
  for await (const piece of source) {
    if (passed + held > limitBytes) {
      yield piece;
      continue;
    }
    waiting.push(piece);
    held += piece.length;
    if (held < size) continue;
    const bytes = Buffer.concat(waiting, held);
    let at = 0;
    for (; held - at >= size; at += size) yield bytes.subarray(at, at + size);
    passed += at;
    held -= at;
    waiting = held > 0 ? [bytes.subarray(at)] : [];
  }
  if (held > 0) yield Buffer.concat(waiting, held);
}

/**
 * Rows of an upload, written while its next bytes are read and sealed. Each statement commits for itself and does not wait
 * for the disk: the row that names the content is committed after them, and that commit waits for all of the log before it.
 */
class RowsWhileReading {
  readonly #pool: Pool;
  readonly #contentId: string;
  #number = 0;
  #rows: Uint8Array[] = [];
  #writing: Promise<unknown> = Promise.resolve();

  constructor(pool: Pool, contentId: string) {
    this.#pool = pool;
    this.#contentId = contentId;
  }

  async add(row: Uint8Array): Promise<void> {
    this.#rows.push(row);
    if (this.#rows.length === ROWS_AT_ONCE) await this.#flush();
  }

  async end(): Promise<void> {
    if (this.#rows.length > 0) await this.#flush();
    await this.#writing;
  }

  /** After a failure: nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => {});
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const rows = this.#rows;
    const values = [this.#contentId, ...valuesOf(this.#number, rows)];
    this.#number += rows.length;
    this.#rows = [];
    this.#writing = this.#pool.query(`${insertion(rows.length)} ${WITHOUT_DISK}`, values);
    // Told by the next `add` or by `end`.
    this.#writing.catch(() => {});
  }
}

/** For this statement's own transaction only. */
const WITHOUT_DISK = `where (select set_config('synchronous_commit', 'off', true)) is not null`;

function insertion(rows: number): string {
  const list = Array.from({ length: rows }, (_, row) => `($${2 * row + 2}::integer, $${2 * row + 3}::bytea)`).join(
    ', ',
  );
  return `insert into content_chunk (content_id, number, bytes)
    select $1::uuid, number, bytes from (values ${list}) as chunk (number, bytes)`;
}

function valuesOf(first: number, rows: readonly Uint8Array[]): (number | Buffer)[] {
  return rows.flatMap((row, at) => [first + at, Buffer.from(row.buffer, row.byteOffset, row.byteLength)]);
}

/** Rows in order; the next ones are on their way while these are used. @throws Error when there are fewer */
async function* chunkRows(pool: Pool, contentId: string, count: number): AsyncGenerator<Buffer> {
  let next = someRows(pool, contentId, 0, count);
  for (let number = 0; number < count; number += ROWS_AT_ONCE) {
    const rows = await next;
    if (number + ROWS_AT_ONCE < count) next = someRows(pool, contentId, number + ROWS_AT_ONCE, count);
    yield* rows;
  }
}

function someRows(pool: Pool, contentId: string, first: number, count: number): Promise<Buffer[]> {
  if (!UUID.test(contentId)) throw new TypeError('not the id of a content');
  const end = Math.min(count, first + ROWS_AT_ONCE);
  const chosen = `content_id = '${contentId}' and number >= ${first} and number < ${end}`;
  const rows = copiedBytes(pool, `select bytes from content_chunk where ${chosen} order by number`).then((found) => {
    if (found.length === end - first) return found;
    throw new Error(`content ${contentId} has not all of its rows ${first} to ${end - 1}`);
  });
  // Nobody may be waiting any more when it fails.
  rows.catch(() => {});
  return rows;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function chunkContext(contentId: string, number: number): string {
  return `content ${contentId} ${number}`;
}
