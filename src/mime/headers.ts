/** Header field bodies: encoded words (RFC 2047), parameters (RFC 2045, 2231) and dates (RFC 5322). */
import { decodeCharset } from './charset.ts';
import { decodeQuotedPrintable } from './decode.ts';
import type { ParameterisedValue } from './entity.ts';

const ENCODED_WORD = /=\?([^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?([bq])\?([^?\s]*)\?=/gi;
const MAX_PARAMETERS = 200;
// Far longer than any date; keeps the pattern from walking through megabytes of white space.
const MAX_DATE = 200;

/** Text of an unstructured field (Subject) or a phrase. Control characters become spaces, so that nothing hides in it. */
export function decodeEncodedWords(value: string): string {
  if (!value.includes('=?')) return withoutControls(value);
  const pieces: (string | { charset: string; words: Buffer[] })[] = [];
  let end = 0;
  for (const match of value.matchAll(ENCODED_WORD)) {
    const between = value.slice(end, match.index);
    const last = pieces.at(-1);
    const bytes = wordBytes(match[2] as string, match[3] as string);
    const charset = (match[1] as string).toLowerCase();
    // White space between two encoded words is not part of the text (RFC 2047 section 6.2); characters may be cut
    // between two words, against the rule, so the bytes are joined before they are decoded.
    const adjacent = typeof last === 'object' && /^\s*$/.test(between);
    if (!adjacent && between) pieces.push(between);
    if (adjacent && last.charset === charset) last.words.push(bytes);
    else pieces.push({ charset, words: [bytes] });
    end = match.index + match[0].length;
  }
  pieces.push(value.slice(end));
  const text = pieces.map((piece) =>
    typeof piece === 'string' ? piece : decodeCharset(Buffer.concat(piece.words), piece.charset),
  );
  return withoutControls(text.join(''));
}

function wordBytes(encoding: string, text: string): Buffer {
  if (encoding.toLowerCase() === 'b') return Buffer.from(text, 'base64');
  return decodeQuotedPrintable(Buffer.from(text.replaceAll('_', '=20'), 'utf8'));
}

function withoutControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
}

interface RawParameter {
  name: string;
  value: string;
}

/** Reads `value; name=value; …` such as Content-Type. Of a parameter given twice the first counts. */
export function parseParameterised(field: string): ParameterisedValue {
  const semicolon = field.indexOf(';');
  const head = semicolon < 0 ? field : field.slice(0, semicolon);
  const value = withoutComments(head).trim().toLowerCase();
  const raw = semicolon < 0 ? [] : rawParameters(field.slice(semicolon));
  return { value, ...joinParameters(raw) };
}

/** A bracket inside ends the attempt, so that a field full of them costs no more than its length. */
export function withoutComments(text: string): string {
  return text.includes('(') ? text.replace(/\([^()]*\)/g, ' ') : text;
}

const PARAMETER = /;\s*([^\s=;"()]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/gs;

function rawParameters(text: string): RawParameter[] {
  const list: RawParameter[] = [];
  for (const match of text.matchAll(PARAMETER)) {
    const quoted = match[2];
    const value = quoted === undefined ? withoutComments(match[3] ?? '').trim() : quoted.replace(/\\(.)/gs, '$1');
    list.push({ name: (match[1] as string).toLowerCase(), value });
    if (list.length === MAX_PARAMETERS) break;
  }
  return list;
}

// RFC 2231: `name*0*=utf-8''…; name*1=…` continue one value, `name*=charset'language'%xx` is in a charset.
function joinParameters(raw: RawParameter[]): { parameters: Map<string, string>; contradictory: boolean } {
  const parameters = new Map<string, string>();
  const extended = new Map<string, Map<number, { value: string; encoded: boolean }>>();
  for (const { name, value } of raw) {
    const match = /^([^*]+)\*(?:(\d{1,3})(\*)?)?$/.exec(name);
    if (!match) {
      if (!parameters.has(name)) parameters.set(name, value.includes('=?') ? decodeEncodedWords(value) : value);
      continue;
    }
    const pieces = extended.get(match[1] as string) ?? new Map();
    extended.set(match[1] as string, pieces);
    const index = Number(match[2] ?? 0);
    const encoded = match[2] === undefined || match[3] !== undefined;
    if (!pieces.has(index)) pieces.set(index, { value, encoded });
  }
  const contradictory = isGivenTwice(raw) || [...extended.keys()].some((name) => parameters.has(name) && !isName(name));
  for (const [name, pieces] of extended) parameters.set(name, joinPieces(pieces));
  return { parameters, contradictory };
}

function isGivenTwice(raw: readonly RawParameter[]): boolean {
  const values = new Map<string, string>();
  return raw.some(({ name, value }) => {
    const known = values.get(name);
    values.set(name, value);
    return known !== undefined && known !== value;
  });
}

// A file name is written in both forms for programs that do not know RFC 2231.
function isName(parameter: string): boolean {
  return parameter === 'name' || parameter === 'filename';
}

function joinPieces(pieces: Map<number, { value: string; encoded: boolean }>): string {
  let charset = '';
  const bytes: Buffer[] = [];
  for (let index = 0; ; index += 1) {
    const piece = pieces.get(index);
    if (!piece) break;
    let { value } = piece;
    if (index === 0 && piece.encoded) {
      const match = /^([^']*)'[^']*'(.*)$/s.exec(value);
      charset = match?.[1] ?? '';
      value = match?.[2] ?? value;
    }
    bytes.push(piece.encoded ? percentDecoded(value) : Buffer.from(value, 'utf8'));
  }
  return decodeCharset(Buffer.concat(bytes), charset);
}

function percentDecoded(value: string): Buffer {
  const escaped = Buffer.from(value, 'utf8').toString('latin1');
  return Buffer.from(
    escaped.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const ZONES: Record<string, number> = {
  EST: -300,
  EDT: -240,
  CST: -360,
  CDT: -300,
  MST: -420,
  MDT: -360,
  PST: -480,
  PDT: -420,
};
const DATE =
  /^(?:[a-z]{3,9}\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*([+-]\d{4}|[a-z]{1,5})?/i;

/** A date-time of RFC 5322 section 3.3 with its obsolete forms; null when it is none. */
export function parseDate(value: string): Date | null {
  const match = DATE.exec(withoutComments(value.slice(0, MAX_DATE)).trim());
  if (!match) return null;
  const month = MONTHS.indexOf((match[2] as string).toLowerCase());
  const day = Number(match[1]);
  const [hour, minute, second] = [Number(match[4]), Number(match[5]), Number(match[6] ?? 0)];
  if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null;
  const at = Date.UTC(fullYear(match[3] as string), month, day, hour, minute, second);
  return new Date(at - zoneMinutes(match[7] ?? 'GMT') * 60_000);
}

function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length >= 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

function zoneMinutes(zone: string): number {
  const match = /^([+-])(\d{2})(\d{2})$/.exec(zone);
  if (!match) return ZONES[zone.toUpperCase()] ?? 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}
