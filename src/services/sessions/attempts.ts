import { createHmac } from 'node:crypto';
import type { Database } from '../database/connect.ts';

const WINDOW_MS = 15 * 60_000;

export type AttemptKind =
  | 'sign-in-address'
  | 'sign-in-network'
  | 'unlock'
  | 'import'
  | 'second-factor'
  | 'authority'
  | 'hand-over'
  | 'hand-over-network'
  | 'registration'
  | 'mail-server'
  | 'recheck'
  | 'collection';

/**
 * Counts an attempt in a window of 15 minutes that all nodes share, and says whether it is still within the limit.
 * The database sees a keyed hash of the subject, so that the table is no list of addresses.
 * @param key any secret of the installation
 */
export async function countAttempt(
  database: Database,
  kind: AttemptKind,
  subject: string,
  limit: number,
  key: Uint8Array,
  at: Date,
): Promise<{ allowed: boolean; retryAt: Date }> {
  const bucket = bucketOf(kind, subject, key);
  const startedAt = new Date(Math.floor(at.getTime() / WINDOW_MS) * WINDOW_MS);
  const counted = await database.pool.query<{ attempts: number }>(
    `insert into attempt_window (bucket, started_at, attempts) values ($1, $2, 1)
     on conflict (bucket, started_at) do update set attempts = attempt_window.attempts + 1 returning attempts`,
    [bucket, startedAt],
  );
  return {
    allowed: (counted.rows[0]?.attempts ?? 0) <= limit,
    retryAt: new Date(startedAt.getTime() + WINDOW_MS),
  };
}

/** A success clears the count of its own address, so that a person who mistyped is not shut out later. */
export async function forgetAttempts(
  database: Database,
  kind: AttemptKind,
  subject: string,
  key: Uint8Array,
): Promise<void> {
  await database.prisma.attemptWindow.deleteMany({ where: { bucket: bucketOf(kind, subject, key) } });
}

/** Windows that no longer count. */
export async function removeOldAttempts(database: Database, at: Date): Promise<void> {
  await database.prisma.attemptWindow.deleteMany({
    where: { startedAt: { lt: new Date(at.getTime() - 2 * WINDOW_MS) } },
  });
}

function bucketOf(kind: AttemptKind, subject: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(`${kind} ${subject}`).digest('base64url');
}
