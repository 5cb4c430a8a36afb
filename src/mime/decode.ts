/** Content-Transfer-Encoding (RFC 2045 section 6), tolerant of what programs and transports do to it. */
import { type ByteSource, freed, partOf, slicesOf } from '../bytes/byte-source.ts';
import { collect, type SpoolScope } from '../bytes/spool.ts';
import { base64Slices } from './base64.ts';
import { base64Source } from './base64-source.ts';
import type { MimeEntity } from './entity.ts';

const LF = 0x0a;
const CR = 0x0d;
const EQUALS = 0x3d;
const SPACE = 0x20;
const TAB = 0x09;

/** The bytes of a part's body without their transfer encoding; a view when there is none. For parts known to be small. */
export function decodeBody(entity: MimeEntity): Buffer {
  return decodeTransfer(entity.source.subarray(entity.bodyStart, entity.end), entity.encoding);
}

/** The same slice by slice as `slicesOf`, for parts of any size; unknown encodings are taken as none. */
export function* decodedSlices(entity: MimeEntity): Generator<Buffer> {
  const slices = slicesOf(entity.source, entity.bodyStart, entity.end);
  switch (entity.encoding) {
    case 'base64':
      yield* freed(base64Slices(slices));
      return;
    case 'quoted-printable':
      yield* quotedPrintableSlices(slices);
      return;
    default:
      yield* slices;
  }
}

/**
 * The decoded body as a source: a stretch of the message where nothing is encoded, else in memory or in a spool.
 * @param lazily base64 in regular lines is decoded where it is read; reading then throws IrregularLinesError when a line in
 * the middle is not regular
 */
export function decodedSource(entity: MimeEntity, scope: SpoolScope | null, lazily = false): ByteSource {
  const { source, bodyStart, end, encoding } = entity;
  if (lazily && encoding === 'base64' && !Buffer.isBuffer(source)) {
    const view = base64Source(source, bodyStart, end);
    if (view !== null) return view;
  }
  if (encoding !== 'base64' && encoding !== 'quoted-printable') return partOf(source, bodyStart, end);
  return Buffer.isBuffer(source) ? decodeBody(entity) : collect(decodedSlices(entity), scope, end - bodyStart);
}

/** The first bytes of the decoded body. */
export function decodedStart(entity: MimeEntity, maxBytes: number): Buffer {
  const slices: Buffer[] = [];
  let length = 0;
  for (const slice of decodedSlices(entity)) {
    slices.push(Buffer.from(slice));
    length += slice.length;
    if (length >= maxBytes) break;
  }
  return Buffer.concat(slices, Math.min(length, maxBytes));
}

/**
 * Bytes after decoding, to be shown: of large base64 in regular lines by their number alone, without a look at those in the
 * middle.
 */
export function decodedSize(entity: MimeEntity): number {
  if (entity.encoding === 'base64' && !Buffer.isBuffer(entity.source)) {
    const view = base64Source(entity.source, entity.bodyStart, entity.end);
    if (view !== null) return view.length;
  }
  let size = 0;
  for (const slice of decodedSlices(entity)) size += slice.length;
  return size;
}

/** Undoes one transfer encoding; unknown names are taken as none. Broken input gives what can be read of it, never an error. */
export function decodeTransfer(bytes: Buffer, encoding: string): Buffer {
  switch (encoding) {
    case 'base64':
      return decodeBase64(bytes);
    case 'quoted-printable':
      return decodeQuotedPrintable(bytes);
    default:
      return bytes;
  }
}

/**
 * Base64 with lines of any length, strange characters between, padding in the middle (lines encoded one by one) and a
 * missing end. Linear in the size of the input.
 */
export function decodeBase64(bytes: Buffer): Buffer {
  return Buffer.concat([...base64Slices([bytes])]);
}

const MAX_WAITING_LINE = 1024 * 1024;

/** Lines are decoded together; one longer than any program writes is cut. */
function* quotedPrintableSlices(slices: Iterable<Buffer>): Generator<Buffer> {
  let waiting: Buffer = Buffer.alloc(0);
  for (const slice of slices) {
    const bytes = waiting.length === 0 ? slice : Buffer.concat([waiting, slice]);
    const lineEnd = bytes.lastIndexOf(LF) + 1;
    const cut = lineEnd > 0 || bytes.length < MAX_WAITING_LINE ? lineEnd : bytes.length;
    if (cut > 0) yield decodeQuotedPrintable(bytes.subarray(0, cut));
    waiting = Buffer.from(bytes.subarray(cut));
  }
  if (waiting.length > 0) yield decodeQuotedPrintable(waiting);
}

/** Quoted-printable; an escape that is none stays as it is written. */
export function decodeQuotedPrintable(bytes: Buffer): Buffer {
  const out = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let index = 0;
  let keptEnd = 0; // white space before a line end is transport padding (RFC 2045 section 6.7 rule 3)
  while (index < bytes.length) {
    const octet = bytes[index] as number;
    if (octet === EQUALS) {
      const next = afterSoftBreak(bytes, index + 1);
      if (next > 0) {
        index = next;
        keptEnd = length;
        continue;
      }
      const value = hexPair(bytes, index + 1);
      out[length++] = value < 0 ? EQUALS : value;
      index += value < 0 ? 1 : 3;
      keptEnd = length;
      continue;
    }
    if (octet === LF || (octet === CR && bytes[index + 1] === LF)) length = keptEnd;
    out[length++] = octet;
    if (octet !== SPACE && octet !== TAB) keptEnd = length;
    index += 1;
  }
  return out.subarray(0, length);
}

/** Where reading goes on after `=` with only padding up to the line end; 0 when it is no soft line break. */
function afterSoftBreak(bytes: Buffer, start: number): number {
  let index = start;
  const limit = Math.min(bytes.length, start + 80);
  while (index < limit && (bytes[index] === SPACE || bytes[index] === TAB)) index += 1;
  if (bytes[index] === LF) return index + 1;
  if (bytes[index] === CR && bytes[index + 1] === LF) return index + 2;
  return index === bytes.length ? index : 0;
}

function hexPair(bytes: Buffer, index: number): number {
  const high = hexDigit(bytes[index]);
  const low = hexDigit(bytes[index + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(octet: number | undefined): number {
  if (octet === undefined) return -1;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * The canonical form that signatures are made over (RFC 8551 section 3.1.1): every line ends with CRLF. Bytes that have
 * that form already are returned as they are.
 */
export function toCanonicalLines(bytes: Buffer): Buffer {
  let bare = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at === 0 || bytes[at - 1] !== CR) bare += 1;
  }
  if (bare === 0) return bytes;
  const out = Buffer.allocUnsafe(bytes.length + bare);
  let length = 0;
  let from = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (at > 0 && bytes[at - 1] === CR) continue;
    length += bytes.copy(out, length, from, at);
    out[length++] = CR;
    from = at;
  }
  bytes.copy(out, length, from);
  return out;
}

/** The canonical form of a stretch, slice by slice as `slicesOf`. */
export function* canonicalSlices(source: ByteSource, start: number, end: number): Generator<Buffer> {
  let lastOctet = 0;
  for (const slice of slicesOf(source, start, end)) {
    // Whether a line feed at the start is bare depends on what came before.
    const begins = slice[0] === LF && lastOctet === CR;
    lastOctet = slice[slice.length - 1] as number;
    if (begins) yield slice.subarray(0, 1);
    yield toCanonicalLines(begins ? slice.subarray(1) : slice);
  }
}
