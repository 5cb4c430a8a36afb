/**
 * MIME structure (RFC 2045, 2046, 5322) as offsets into the bytes of the message, tolerant of bare line feeds, missing
 * boundaries and broken headers. Bounded in levels, parts and header fields; never throws on foreign bytes.
 */
import { type ByteSource, indexIn } from '../bytes/byte-source.ts';
import { decodeUnlabelled } from './charset.ts';
import type { HeaderDispute, HeaderField, MimeEntity, ParameterisedValue } from './entity.ts';
import { isContradictory } from './header-dispute.ts';
import { parseParameterised, withoutComments } from './headers.ts';

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
const COLON = 0x3a;
const MAX_LEVELS = 20;
const MAX_PARTS = 2_000;
const MAX_FIELDS = 2_000;
const MAX_HEADER_BYTES = 2 * 1024 * 1024;
const MAX_BOUNDARY = 200;
/** Two tokens (RFC 2045 section 5.1); what is no media type could not stand in the header of an answer either. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`{|}~0-9a-z-]{1,127}\/[!#$%&'*+.^_`{|}~0-9a-z-]{1,127}$/;

/** Reads the structure of one entity: a message, or a body part with its header. */
export function parseEntity(bytes: ByteSource, partPath = '1'): MimeEntity {
  const budget = { parts: MAX_PARTS };
  return readEntity(
    { source: bytes, start: 0, end: bytes.length, partPath, level: 0, fallbackType: 'text/plain' },
    budget,
  );
}

/** The first field of that name (lower case), or null. */
export function headerValue(entity: Pick<MimeEntity, 'headers'>, name: string): string | null {
  return entity.headers.find((field) => field.name === name)?.value ?? null;
}

interface Region {
  source: ByteSource;
  start: number;
  end: number;
  partPath: string;
  level: number;
  fallbackType: string;
}

function readEntity(region: Region, budget: { parts: number }): MimeEntity {
  const { source, start, end, partPath } = region;
  const { headers, bodyStart, tooLong } = readHeaders(source, start, end);
  const find = (name: string) => headers.find((field) => field.name === name)?.value ?? null;
  const contentType = contentTypeOf(find('content-type'), region.fallbackType);
  const dispositionField = find('content-disposition');
  const disposition = dispositionField === null ? null : parseParameterised(dispositionField);
  const contradictory = isContradictory(headers, [contentType, disposition]);
  const headerDispute: HeaderDispute | null = tooLong ? 'too-long' : contradictory ? 'contradictory' : null;
  const shell = {
    source,
    start,
    bodyStart,
    end,
    headers,
    headerDispute,
    contentType,
    disposition,
    encoding: withoutComments(find('content-transfer-encoding') ?? '7bit')
      .trim()
      .toLowerCase(),
    contentId: find('content-id')?.trim().replace(/^<|>$/g, '') || null,
    partPath,
  };
  const boundary = contentType.parameters.get('boundary');
  if (!contentType.value.startsWith('multipart/') || !boundary || boundary.length > MAX_BOUNDARY) {
    return { ...shell, children: [], incomplete: false };
  }
  if (region.level >= MAX_LEVELS) return { ...shell, children: [], incomplete: true };
  const { ranges, closed } = partRanges(source, bodyStart, end, boundary);
  const children: MimeEntity[] = [];
  for (const [index, range] of ranges.entries()) {
    if (budget.parts === 0) break;
    budget.parts -= 1;
    const fallbackType = contentType.value === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
    const child = { source, ...range, partPath: `${partPath}.${index + 1}`, level: region.level + 1, fallbackType };
    children.push(readEntity(child, budget));
  }
  return { ...shell, children, incomplete: !closed || children.length < ranges.length };
}

function contentTypeOf(field: string | null, fallback: string): ParameterisedValue {
  const read = field === null ? null : parseParameterised(field);
  return read !== null && MEDIA_TYPE.test(read.value)
    ? read
    : { value: fallback, parameters: read?.parameters ?? new Map(), contradictory: read?.contradictory ?? false };
}

interface ReadHeader {
  headers: HeaderField[];
  bodyStart: number;
  /** There is more of it than is read. */
  tooLong: boolean;
}

function readHeaders(source: ByteSource, start: number, end: number): ReadHeader {
  const headers: HeaderField[] = [];
  const limit = Math.min(end, start + MAX_HEADER_BYTES);
  let tooLong = false;
  let position = start;
  while (position < limit) {
    const lineEnd = nextLine(source, position, end);
    if (isBlank(source, position, lineEnd)) return { headers, bodyStart: lineEnd, tooLong };
    const fieldEnd = foldedEnd(source, lineEnd, end);
    const field = readField(source, position, fieldEnd);
    if (field !== null && headers.length === MAX_FIELDS) tooLong = true;
    else if (field !== null) headers.push(field);
    // A part that starts with no field at all has lost its blank line: everything is body. `From ` is a mailbox separator.
    else if (headers.length === 0 && source.subarray(position, position + 5).toString('latin1') !== 'From ') {
      return { headers, bodyStart: position, tooLong };
    }
    position = fieldEnd;
  }
  return { headers, bodyStart: Math.min(position, end), tooLong: tooLong || limit < end };
}

function nextLine(source: ByteSource, position: number, end: number): number {
  const at = indexIn(source, LF, position, end);
  return at < 0 || at >= end ? end : at + 1;
}

function isBlank(source: ByteSource, start: number, end: number): boolean {
  const length = end - start;
  return source.at(start) === LF || (source.at(start) === CR && (length === 1 || source.at(start + 1) === LF));
}

function foldedEnd(source: ByteSource, lineEnd: number, end: number): number {
  let position = lineEnd;
  while (position < end && (source.at(position) === 0x20 || source.at(position) === 0x09)) {
    position = nextLine(source, position, end);
  }
  return position;
}

function readField(source: ByteSource, start: number, end: number): HeaderField | null {
  const colon = indexIn(source, COLON, start, end);
  if (colon < 0 || colon >= end) return null;
  const rawName = source.subarray(start, colon).toString('latin1').trimEnd();
  if (!/^[!-9;-~]+$/.test(rawName)) return null;
  const body = decodeUnlabelled(source.subarray(colon + 1, end));
  const value = body
    .replace(/\r?\n(?=[ \t])/g, '')
    .replace(/[\r\n]+/g, ' ')
    .trim();
  return { name: rawName.toLowerCase(), rawName, value, start, end };
}

/** The parts between the delimiter lines (RFC 2046 section 5.1.1), without the line end that belongs to the next delimiter. */
function partRanges(source: ByteSource, start: number, end: number, boundary: string) {
  const delimiter = Buffer.from(`--${boundary}`, 'utf8');
  const ranges: { start: number; end: number }[] = [];
  let partStart = -1;
  let position = start;
  while (ranges.length <= MAX_PARTS) {
    // A search must not run past the part, or many parts would cost the square.
    const at = indexIn(source, delimiter, position, end);
    if (at < 0 || at + delimiter.length > end) break;
    const line = delimiterLine(source, at, delimiter.length, start, end);
    if (line === null) {
      // A delimiter starts a line, so nothing before the next line end can be one: a body of dashes stays linear.
      position = nextLine(source, at, end);
      continue;
    }
    if (partStart >= 0) ranges.push({ start: partStart, end: beforeLineEnd(source, partStart, at) });
    if (line.closing) return { ranges, closed: true };
    partStart = line.end;
    position = line.end;
  }
  if (partStart >= 0) ranges.push({ start: partStart, end });
  return { ranges, closed: false };
}

/** Whether a whole line is this delimiter; a longer boundary that starts alike is another one. */
function delimiterLine(source: ByteSource, at: number, length: number, start: number, end: number) {
  if (at > start && source.at(at - 1) !== LF) return null;
  let position = at + length;
  const closing = source.at(position) === DASH && source.at(position + 1) === DASH && position + 2 <= end;
  if (closing) position += 2;
  while (position < end && (source.at(position) === 0x20 || source.at(position) === 0x09)) position += 1;
  if (position >= end) return { closing, end };
  if (source.at(position) === CR) position += 1;
  if (position >= end) return { closing, end };
  return source.at(position) === LF ? { closing, end: position + 1 } : null;
}

function beforeLineEnd(source: ByteSource, partStart: number, at: number): number {
  let end = at;
  if (end > partStart && source.at(end - 1) === LF) end -= 1;
  if (end < at && end > partStart && source.at(end - 1) === CR) end -= 1;
  return end;
}
