import type { MailboxConnection, MailboxResult, OpenFolder } from './imap-connection.ts';
import { toDate } from './message-list.ts';

/** A message by what IMAP promises to keep: folder, UIDVALIDITY and UID (RFC 9051 section 2.3.1.1). */
export interface MessageReference {
  folder: string;
  uidValidity: bigint;
  uid: number;
}

export interface MessageFacts {
  uid: number;
  /** When the message arrived: the time at which its signature is judged */
  internalDate: Date;
  /** Bytes, as the server says */
  size: number;
  flags: Set<string>;
}

export interface MessageSource extends MessageFacts {
  bytes: Buffer;
}

const KiB = 1024;
const MiB = 1024 * KiB;
/** Nearly every letter without attachment comes whole with the first answer. */
const FIRST_SLICE_BYTES = 256 * KiB;
/** imapflow takes 2.6 s for 25 MB in slices of 64 KiB, 0.3 s in slices of 4 MiB; larger ones keep the event loop busy. */
const SLICE_BYTES = 4 * MiB;

/** Flags, size and arrival of a message, without its bytes. */
export function fetchFacts(connection: MailboxConnection, ref: MessageReference): Promise<MailboxResult<MessageFacts>> {
  return connection.inFolder(ref.folder, ref.uidValidity, (open) => fetchSlice(open, ref.uid, null));
}

/**
 * The message byte for byte, without marking it as read.
 * @param maxBytes larger messages are refused as `too-large` before they are loaded
 */
export function fetchSource(
  connection: MailboxConnection,
  ref: MessageReference,
  maxBytes: number,
): Promise<MailboxResult<MessageSource>> {
  return connection.inFolder(ref.folder, ref.uidValidity, async (open) => {
    const first = await fetchSlice(open, ref.uid, { start: 0, maxLength: FIRST_SLICE_BYTES });
    if (!first.ok) return first;
    if (first.value.size > maxBytes) return { ok: false, reason: 'too-large' };
    if (first.value.bytes.length < FIRST_SLICE_BYTES) return first;
    const whole = new GrowingBytes(first.value.size);
    whole.add(first.value.bytes);
    // RFC822.SIZE of some servers is an estimate: the end is where a slice comes back short
    for (let got = SLICE_BYTES; got === SLICE_BYTES; ) {
      const next = await fetchSlice(open, ref.uid, { start: whole.length, maxLength: SLICE_BYTES });
      if (!next.ok) return next;
      got = next.value.bytes.length;
      whole.add(next.value.bytes);
      if (whole.length > maxBytes) return { ok: false, reason: 'too-large' };
    }
    return { ok: true, value: { ...first.value, bytes: whole.bytes() } };
  });
}

/** Slices are copied as they come: joining 60 MB at the end would keep everybody else waiting. */
class GrowingBytes {
  length = 0;
  #buffer: Buffer;

  constructor(expected: number) {
    this.#buffer = Buffer.allocUnsafeSlow(expected);
  }

  add(slice: Buffer): void {
    const needed = this.length + slice.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(needed + SLICE_BYTES);
      this.#buffer.copy(larger, 0, 0, this.length);
      this.#buffer = larger;
    }
    this.length += slice.copy(this.#buffer, this.length);
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}

async function fetchSlice(
  { client }: OpenFolder,
  uid: number,
  slice: { start: number; maxLength: number } | null,
): Promise<MailboxResult<MessageSource>> {
  const query = { uid: true, flags: true, internalDate: true, size: true };
  const message = await client.fetchOne(String(uid), slice === null ? query : { ...query, source: slice }, {
    uid: true,
  });
  if (!message || message.uid !== uid) return { ok: false, reason: 'gone' };
  const value = {
    uid,
    internalDate: toDate(message.internalDate) ?? new Date(0),
    size: message.size ?? 0,
    flags: message.flags ?? new Set<string>(),
    bytes: message.source ?? Buffer.alloc(0),
  };
  return { ok: true, value };
}
