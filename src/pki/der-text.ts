/** Character strings and times of ASN.1 as text and dates. */
import { contentOf, type DerNode, TAG } from './der.ts';
import { PkiError } from './errors.ts';

const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of any character string; null for other types or broken encodings. Control characters are kept. */
export function textOf(node: DerNode): string | null {
  const content = contentOf(node);
  switch (node.tag) {
    case TAG.utf8String:
      try {
        return utf8.decode(content);
      } catch {
        return null;
      }
    case TAG.printableString:
    case TAG.ia5String:
    case TAG.visibleString:
    case 0x12: // NumericString
      return latin1.decode(content);
    case TAG.teletexString: // T.61 in the standard, Latin-1 in every program that ever wrote it
      return latin1.decode(content);
    case TAG.bmpString:
      return content.length % 2 === 0 ? bigEndian16(content) : null;
    case TAG.universalString:
      return content.length % 4 === 0 ? universal(content) : null;
    default:
      return null;
  }
}

/** UTF-16 with the high octet first, as BMPString. */
export function bigEndian16(content: Uint8Array): string {
  return Buffer.from(content).swap16().toString('utf16le');
}

/**
 * Text for people: control and invisible formatting characters (bidi overrides among them), with which a name could
 * imitate another, become U+FFFD.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\ufffd');
}

const TIME = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})?(?:[.,](\d{1,6}))?(Z|[+-]\d{4})$/;

/** UTCTime or GeneralizedTime; offsets and missing seconds of old programs are read too. */
export function timeOf(node: DerNode): Date {
  const short = node.tag === TAG.utcTime;
  if (!short && node.tag !== TAG.generalizedTime) throw new PkiError('malformed', 'a time was expected');
  const match = TIME.exec(contentOf(node).toString('latin1'));
  if (!match || (match[1] as string).length !== (short ? 2 : 4)) throw new PkiError('malformed', 'time');
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0)) as number[];
  const fullYear = short ? (year as number) + ((year as number) >= 50 ? 1900 : 2000) : (year as number);
  const at = new Date(0);
  at.setUTCFullYear(fullYear, (month as number) - 1, day);
  at.setUTCHours(hour as number, minute as number, second as number, Math.floor(Number(`0.${match[7] ?? 0}`) * 1000));
  const sane = at.getUTCMonth() + 1 === month && at.getUTCDate() === day && (hour as number) < 24;
  if (!sane || (minute as number) > 59 || (second as number) > 59) throw new PkiError('malformed', 'time');
  const zone = match[8] as string;
  if (zone === 'Z') return at;
  const offsetMinutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3));
  return new Date(at.getTime() - (zone[0] === '-' ? -1 : 1) * offsetMinutes * 60_000);
}

function universal(content: Buffer): string | null {
  let text = '';
  for (let offset = 0; offset < content.length; offset += 4) {
    const codePoint = content.readUInt32BE(offset);
    if (codePoint > 0x10ffff) return null;
    text += String.fromCodePoint(codePoint);
  }
  return text;
}
