/** Content-Transfer-Encoding (RFC 2045 section 6), tolerant of what programs and transports do to it. */
import type { MimeEntity } from './parse.ts';

const LF = 0x0a;
const CR = 0x0d;
const EQUALS = 0x3d;
const SPACE = 0x20;
const TAB = 0x09;

/** The bytes of a part's body without their transfer encoding; a view when there is none. */
export function decodeBody(entity: MimeEntity): Buffer {
  return decodeTransfer(entity.source.subarray(entity.bodyStart, entity.end), entity.encoding);
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
  const firstPad = bytes.indexOf(EQUALS);
  if (firstPad < 0 || !hasMoreAfter(bytes, firstPad)) return Buffer.from(bytes.toString('latin1'), 'base64');
  const pieces: Buffer[] = [];
  let start = 0;
  while (start < bytes.length) {
    const pad = bytes.indexOf(EQUALS, start);
    const end = pad < 0 ? bytes.length : pad;
    if (end > start) pieces.push(Buffer.from(bytes.toString('latin1', start, end), 'base64'));
    start = end + 1;
  }
  return Buffer.concat(pieces);
}

function hasMoreAfter(bytes: Buffer, pad: number): boolean {
  for (let index = pad; index < bytes.length; index += 1) {
    const octet = bytes[index] as number;
    if (octet !== EQUALS && octet > SPACE) return true;
  }
  return false;
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
