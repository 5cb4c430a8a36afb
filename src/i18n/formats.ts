import { commonNameOf, type Piece, plainLine, plainName, translateInPieces } from './isolate.ts';
import type { TextParameters } from './message.ts';
import { formatLocale, hasText, type Locale, type Translate, translator } from './translate.ts';

const DAY_MS = 86_400_000;

/** How dates, times and sizes are written for one reader: language and time zone. */
export interface Formats {
  locale: Locale;
  timeZone: string;
  t: Translate;
  /** Whether there is a text for this key */
  has(key: string): boolean;
  /** A sentence in pieces: `names` came from outside and are to stand in `<bdi>`, cut and without direction marks. */
  pieces(key: string, names: Readonly<Record<string, string>>, parameters?: TextParameters): Piece[];
  /** A name from outside, on one line, at most 80 characters, without direction marks */
  plainName(name: string): string;
  /** A foreign subject or file name, in full: without control characters and marks of a verdict */
  plainLine(text: string): string;
  /** `Root 7` of `C=DE, CN=Root 7`: the name by which people know an issuer */
  commonNameOf(name: string): string;
  /** EB95 12D8 … in groups of four */
  thumbprint(hex: string): string;
  /** 24 November 2026 */
  date(moment: Date): string;
  /** Tuesday 24 November 2026 */
  longDate(moment: Date): string;
  /** 11:25 */
  time(moment: Date): string;
  /** 24 November 2026, 11:25 */
  dateTime(moment: Date): string;
  /** Tuesday 24 November 2026, 11:25 */
  longDateTime(moment: Date): string;
  /** 24 Nov 2026, 11:25:09, for evidence */
  exactTime(moment: Date): string;
  /** For lists: 11:25 of today, 24 Nov of this year, else 24/11/2025. */
  listDate(moment: Date, now: Date): string;
  /** 10:25 UTC, or 24 November 2026, 10:25 UTC where the day is another one there: for `title` and print. */
  utc(moment: Date): string;
  /** 2026-11-24T10:25:00Z, for `datetime` */
  machine(moment: Date): string;
  /** Which day of the reader a moment falls on: 2026-11-24 */
  day(moment: Date): string;
  /** How many of the reader's calendar days lie between: 1 for tomorrow, -1 for yesterday */
  daysBetween(from: Date, to: Date): number;
  number(value: number): string;
  /** 412 KB */
  size(bytes: number): string;
  /** Marja, Clara and Jan */
  list(items: readonly string[]): string;
  /** Finland, for FI; the code itself where no name is known */
  country(alpha2: string): string;
}

/** Whether Intl knows this time zone, such as Europe/Brussels. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** The formats of a reader, with the translate function, ready to be spread into the data of a view. */
export function formatsFor(locale: Locale, timeZone: string): Formats {
  const tag = formatLocale(locale);
  const t = translator(locale);
  const writer = (options: Intl.DateTimeFormatOptions, zone = timeZone) => {
    const format = new Intl.DateTimeFormat(tag, { ...options, timeZone: zone, hourCycle: 'h23' });
    return (moment: Date) => (Number.isNaN(moment.getTime()) ? t('common.date.unknown') : format.format(moment));
  };
  const fullDay = { day: 'numeric', month: 'long', year: 'numeric' } as const;
  const clock = { hour: '2-digit', minute: '2-digit' } as const;
  const date = writer(fullDay);
  const longDate = writer({ ...fullDay, weekday: 'long' });
  const time = writer(clock);
  const shortDay = writer({ day: 'numeric', month: 'short' });
  const numericDay = writer({ day: '2-digit', month: '2-digit', year: 'numeric' });
  const utcTime = writer(clock, 'UTC');
  const utcDate = writer(fullDay, 'UTC');
  const isoDay = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
  const numbers = new Intl.NumberFormat(tag);
  const day = (moment: Date) => (Number.isNaN(moment.getTime()) ? '' : isoDay.format(moment));
  const lists = new Intl.ListFormat(tag, { type: 'conjunction' });
  const countries = new Intl.DisplayNames(tag, { type: 'region', fallback: 'code' });
  return {
    locale,
    timeZone,
    t,
    has: hasText,
    pieces: (key, names, parameters) => translateInPieces(t, key, names, parameters),
    plainName,
    plainLine,
    commonNameOf,
    thumbprint: (hex) => (hex.toUpperCase().match(/.{1,4}/g) ?? []).join(' '),
    date,
    longDate,
    time,
    dateTime: (moment) => `${date(moment)}, ${time(moment)}`,
    longDateTime: (moment) => `${longDate(moment)}, ${time(moment)}`,
    exactTime: writer({ day: 'numeric', month: 'short', year: 'numeric', ...clock, second: '2-digit' }),
    listDate: (moment, now) => {
      if (day(moment) === day(now)) return time(moment);
      return day(moment).slice(0, 4) === day(now).slice(0, 4) ? shortDay(moment) : numericDay(moment);
    },
    utc: (moment) =>
      utcDate(moment) === date(moment) ? `${utcTime(moment)} UTC` : `${utcDate(moment)}, ${utcTime(moment)} UTC`,
    machine: (moment) => (Number.isNaN(moment.getTime()) ? '' : moment.toISOString().replace('.000Z', 'Z')),
    day,
    daysBetween: (from, to) => Math.round((Date.parse(day(to)) - Date.parse(day(from))) / DAY_MS),
    number: (value) => numbers.format(value),
    size: sizeWriter(tag),
    list: (items) => lists.format(items),
    country: (alpha2) => (/^[A-Z]{2}$/.test(alpha2) ? (countries.of(alpha2) ?? alpha2) : alpha2),
  };
}

function sizeWriter(tag: string): (bytes: number) => string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
  const whole = units.map(
    (unit) => new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 }),
  );
  const tenths = units.map(
    (unit) => new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 }),
  );
  return (bytes) => {
    // What occupies anything is at least 1 KB in a list; bytes tell a clerk nothing.
    const step = bytes < 1_000_000 ? 1 : bytes < 1_000_000_000 ? 2 : 3;
    const value = bytes === 0 ? 0 : Math.max(bytes / 1000 ** step, step === 1 ? 1 : 0);
    const format = step > 1 && value < 10 ? tenths[step] : whole[step];
    return (format?.format(value) ?? '').replace('kB', 'KB');
  };
}
