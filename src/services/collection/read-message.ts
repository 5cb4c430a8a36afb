import { createHash, type Hash } from 'node:crypto';
import { SpoolFile } from '../../bytes/spool-file.ts';
import type { Config } from '../../config.ts';
import { type Listed, type Pop3Connection, Pop3Error } from '../../mail/pop3-connection.ts';

/**
 * Why the hosted mailbox cannot hold a message as it is:
 * - `too-large`: larger than any page opens
 * - `zero-byte`: IMAP knows no zero bytes (RFC 9051 section 4.3), its server would write something else
 * - `empty`: there is nothing in it
 */
export type UnfitReason = 'too-large' | 'zero-byte' | 'empty';

export type FitMessage = { sha256: string; octets: number; bytes(): AsyncIterable<Uint8Array> };

type Read = { release(): Promise<void> } & (({ ok: true } & FitMessage) | { ok: false; reason: UnfitReason });

/** Up to this size it is kept in memory. */
const MEMORY_BYTES = 256 * 1024;

type Counted = { hash: Hash; octets: number; hasZero: boolean };

/** A message with its hash; a large one lies in a nameless file until it is released. */
export async function readMessage(
  pop3: Pop3Connection,
  entry: Listed,
  { spoolFolder, messageLimitBytes }: Pick<Config, 'spoolFolder' | 'messageLimitBytes'>,
): Promise<Read> {
  if (entry.octets > messageLimitBytes) return unfit('too-large');
  const counted: Counted = { hash: createHash('sha256'), octets: 0, hasZero: false };
  const isSmall = entry.octets <= MEMORY_BYTES;
  const source = count(pop3.retrieve(entry.number), counted, 2 * (isSmall ? MEMORY_BYTES : messageLimitBytes));
  if (isSmall) {
    const pieces: Buffer[] = [];
    for await (const piece of source) pieces.push(piece);
    return fit(
      counted,
      () => whole(pieces),
      async () => {},
    );
  }
  const file = await SpoolFile.open(spoolFolder);
  try {
    const handle = await file.write(source);
    return await fit(
      counted,
      () => file.read(handle),
      () => file.close(),
    );
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @throws Pop3Error where far more comes than was said; some servers count a line end as one */
async function* count(source: AsyncIterable<Buffer>, counted: Counted, most: number): AsyncGenerator<Buffer> {
  for await (const piece of source) {
    counted.hash.update(piece);
    counted.octets += piece.length;
    counted.hasZero ||= piece.includes(0);
    if (counted.octets > most) throw new Pop3Error('gone');
    yield piece;
  }
}

async function fit(counted: Counted, bytes: FitMessage['bytes'], release: () => Promise<void>): Promise<Read> {
  const { hash, octets, hasZero } = counted;
  if (!hasZero && octets > 0) return { ok: true, sha256: hash.digest('hex'), octets, bytes, release };
  await release();
  return unfit(hasZero ? 'zero-byte' : 'empty');
}

function unfit(reason: UnfitReason): Read {
  return { ok: false, reason, release: async () => {} };
}

async function* whole(pieces: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
