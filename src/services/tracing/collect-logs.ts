import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type pg from 'pg';
import type { Config } from '../../config.ts';
import { type LogLine, readLogLine } from '../../mail/postfix-log.ts';
import { withConnection } from '../database/borrowed-connection.ts';
import type { Database } from '../database/connect.ts';
import { type Rounds, startRounds } from '../rounds.ts';

type Needs = { config: Pick<Config, 'relayLogs'>; database: Database; now: () => Date };
type Place = { head_bytes: number; head_sha256: string; position: string };
/** A log as it lies there now; `rest` is what the file before it still had when it was renamed. */
type Piece = { lines: LogLine[]; next: { headBytes: number; headSha256: string; position: number } };

const EVERY_MS = 5_000;
const HEAD_BYTES = 1024;
const PIECE_BYTES = 1024 * 1024;
const INSERT_AT_ONCE = 2_000;
const KEPT_MS = 90 * 24 * 3_600_000;
/** Names that logrotate and others give to the file before this one. */
const ROTATED = ['.1', '.0', '-1'];

/** Reads the relays' logs on, as long as the node runs. */
export function startCollectingLogs(needs: Needs): Rounds {
  if (needs.config.relayLogs.length === 0) return { stop: async () => {} };
  return startRounds(EVERY_MS, () => collectLogs(needs));
}

/** Reads what is new in each log, one node at a time each. */
export async function collectLogs(needs: Needs): Promise<void> {
  for (const { relay, file } of needs.config.relayLogs) {
    while ((await collectPiece(needs, relay, file)) === 'more');
  }
  const old = new Date(needs.now().getTime() - KEPT_MS);
  await needs.database.prisma.relayLogLine.deleteMany({ where: { at: { lt: old } } });
}

/** Lines and position are one transaction: a line is there once, whenever a node ends. */
function collectPiece({ database, now }: Needs, relay: string, file: string): Promise<'more' | 'done'> {
  return withConnection(database.pool, async (client) => {
    await client.query('insert into relay_log_place (relay) values ($1) on conflict do nothing', [relay]);
    try {
      await client.query('begin');
      const found = await client.query<Place>(
        'select head_bytes, head_sha256, position from relay_log_place where relay = $1 for update skip locked',
        [relay],
      );
      const place = found.rows[0];
      const outcome = place === undefined ? 'done' : await readOn(client, { relay, file, place, at: now() });
      await client.query('commit');
      return outcome;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  });
}

async function readOn(
  client: pg.PoolClient,
  { relay, file, place, at }: { relay: string; file: string; place: Place; at: Date },
): Promise<'more' | 'done'> {
  let handle: FileHandle;
  try {
    handle = await open(file);
  } catch (error) {
    const failure = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    await client.query('update relay_log_place set failure = $2 where relay = $1', [relay, failure]);
    return 'done';
  }
  try {
    if (!(await isSameFile(handle, place))) return await changeFile(client, { relay, file, place, at });
    const piece = await nextPiece(handle, place, at);
    await insertLines(client, relay, piece.lines);
    await keepPlace(client, relay, piece.next, at);
    return piece.next.position - Number(place.position) >= PIECE_BYTES / 2 ? 'more' : 'done';
  } finally {
    await handle.close();
  }
}

/** The log was rotated: what the old file still had is read first, where it lies beside the new one. */
async function changeFile(
  client: pg.PoolClient,
  { relay, file, place, at }: { relay: string; file: string; place: Place; at: Date },
): Promise<'more'> {
  const start = { headBytes: 0, headSha256: '', position: 0 };
  for (const suffix of ROTATED) {
    const handle = await open(`${file}${suffix}`).catch(() => null);
    if (handle === null) continue;
    try {
      if (!(await isSameFile(handle, place))) continue;
      const piece = await nextPiece(handle, place, at);
      await insertLines(client, relay, piece.lines);
      const isEnd = piece.next.position === Number(place.position);
      await keepPlace(client, relay, isEnd ? start : piece.next, at);
      return 'more';
    } finally {
      await handle.close();
    }
  }
  await keepPlace(client, relay, start, at);
  await client.query('update relay_log_place set gap_at = $2 where relay = $1', [relay, at]);
  return 'more';
}

/** Known by its first bytes; a file that was never read, or is shorter than what was read, is told apart by that too. */
async function isSameFile(handle: FileHandle, place: Place): Promise<boolean> {
  const { size } = await handle.stat();
  if (size < Number(place.position)) return false;
  return place.head_bytes === 0 || (await headOf(handle, place.head_bytes)) === place.head_sha256;
}

async function headOf(handle: FileHandle, bytes: number): Promise<string> {
  return createHash('sha256')
    .update(await readAt(handle, 0, bytes))
    .digest('hex');
}

async function nextPiece(handle: FileHandle, place: Place, at: Date): Promise<Piece> {
  const from = Number(place.position);
  const bytes = await readAt(handle, from, PIECE_BYTES);
  // A line that is still being written is read next time; one without an end in all of this is none.
  const whole = bytes.lastIndexOf(0x0a) + 1 || (bytes.length === PIECE_BYTES ? bytes.length : 0);
  const texts = bytes.subarray(0, whole).toString('utf8').split('\n');
  const lines = texts.flatMap((line) => readLogLine(line, at) ?? []);
  const position = from + whole;
  const headBytes = Math.min(HEAD_BYTES, position);
  return { lines, next: { headBytes, headSha256: headBytes === 0 ? '' : await headOf(handle, headBytes), position } };
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(buffer, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

async function insertLines(client: pg.PoolClient, relay: string, lines: readonly LogLine[]): Promise<void> {
  for (let from = 0; from < lines.length; from += INSERT_AT_ONCE) {
    const some = lines.slice(from, from + INSERT_AT_ONCE);
    await client.query(
      `insert into relay_log_line (relay, at, queue_id, service, text, message_id)
       select $1, * from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[])`,
      [
        relay,
        some.map((line) => line.at),
        some.map((line) => line.queueId),
        some.map((line) => line.service),
        some.map((line) => line.text.replaceAll('\0', '')),
        some.map((line) => line.messageId?.replaceAll('\0', '') ?? null),
      ],
    );
  }
}

async function keepPlace(client: pg.PoolClient, relay: string, next: Piece['next'], at: Date): Promise<void> {
  await client.query(
    'update relay_log_place set head_bytes = $2, head_sha256 = $3, position = $4, read_at = $5, failure = null where relay = $1',
    [relay, next.headBytes, next.headSha256, next.position, at],
  );
}
