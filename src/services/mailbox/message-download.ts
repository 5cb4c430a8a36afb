import type { Context } from '../../context.ts';
import { fetchPiece } from '../../mail/message-piece.ts';
import type { SignedIn } from '../sessions/session.ts';
import { mailboxOf, valueOrError } from './mailbox.ts';
import type { MessageRef } from './message-ref.ts';

const MiB = 1024 * 1024;
const FIRST_BYTES = 256 * 1024;
const PIECE_BYTES = 4 * MiB;

/** The beginning of a message as it is stored. @throws AppError message-gone, mail-server-… */
export async function readSource(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  maxBytes: number,
): Promise<{ bytes: Buffer; cut: boolean }> {
  const bytes = await pieceOf(context, session, ref, 0, maxBytes + 1);
  return { bytes: bytes.subarray(0, maxBytes), cut: bytes.length > maxBytes };
}

/**
 * A message of any size, byte for byte, a piece at a time. The first piece is fetched before anything is sent, so that what
 * fails then is still an error page.
 */
export async function downloadMessage(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
): Promise<AsyncIterable<Buffer>> {
  const first = await pieceOf(context, session, ref, 0, FIRST_BYTES);
  return restOf(context, session, ref, first);
}

async function* restOf(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  first: Buffer,
): AsyncGenerator<Buffer, void> {
  yield first;
  let start = first.length;
  for (let asked = FIRST_BYTES, got = first.length; got === asked; start += got) {
    asked = PIECE_BYTES;
    const piece = await pieceOf(context, session, ref, start, asked);
    got = piece.length;
    if (got > 0) yield piece;
  }
}

async function pieceOf(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  start: number,
  length: number,
): Promise<Buffer> {
  return valueOrError(
    await mailboxOf(context, session).run((connection) => fetchPiece(connection, ref, start, length)),
  );
}
