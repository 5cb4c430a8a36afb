import type { SpoolHandle } from '../bytes/spool.ts';
import { SpoolFile } from '../bytes/spool-file.ts';
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
  /** In memory when the first answer had all of it, else in a spool */
  bytes: Buffer | SpoolHandle;
  /** To be called when the bytes are no longer needed */
  release(): Promise<void>;
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
 * @param spoolFolder where a large one is kept
 */
export function fetchSource(
  connection: MailboxConnection,
  ref: MessageReference,
  maxBytes: number,
  spoolFolder: string,
): Promise<MailboxResult<MessageSource>> {
  return connection.inFolder(ref.folder, ref.uidValidity, async (open): Promise<MailboxResult<MessageSource>> => {
    const first = await fetchSlice(open, ref.uid, { start: 0, maxLength: FIRST_SLICE_BYTES });
    if (!first.ok) return first;
    const { bytes, ...facts } = first.value;
    if (facts.size > maxBytes) return { ok: false, reason: 'too-large' };
    if (bytes.length < FIRST_SLICE_BYTES) return { ok: true, value: { ...facts, bytes, release: async () => {} } };
    const file = await SpoolFile.open(spoolFolder);
    try {
      const handle = await file.write(allSlices(open, ref.uid, bytes, maxBytes));
      return { ok: true, value: { ...facts, bytes: handle, release: () => file.close() } };
    } catch (error) {
      await file.close();
      if (error instanceof SliceFailure) return error.result;
      throw error;
    }
  });
}

class SliceFailure extends Error {
  readonly result: MailboxResult<never>;

  constructor(result: MailboxResult<never>) {
    super('the message was not given whole');
    this.result = result;
  }
}

async function* allSlices(open: OpenFolder, uid: number, first: Buffer, maxBytes: number): AsyncGenerator<Buffer> {
  yield first;
  let length = first.length;
  // RFC822.SIZE of some servers is an estimate: the end is where a slice comes back short
  for (let got = SLICE_BYTES; got === SLICE_BYTES; ) {
    const next = await fetchSlice(open, uid, { start: length, maxLength: SLICE_BYTES });
    if (!next.ok) throw new SliceFailure(next);
    got = next.value.bytes.length;
    length += got;
    if (length > maxBytes) throw new SliceFailure({ ok: false, reason: 'too-large' });
    yield next.value.bytes;
  }
}

async function fetchSlice(
  { client }: OpenFolder,
  uid: number,
  slice: { start: number; maxLength: number } | null,
): Promise<MailboxResult<MessageFacts & { bytes: Buffer }>> {
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
