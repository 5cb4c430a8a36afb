import { z } from 'zod';
import { startOfDay } from '../i18n/start-of-day.ts';
import type { TrailCursor, TrailFilter } from '../services/audit/search-trail.ts';

const text = (most: number) =>
  z
    .string()
    .trim()
    .max(most)
    .transform((value) => value.replaceAll('\0', ''))
    .catch('');

const Form = z.object({
  from: text(20),
  until: text(20),
  person: text(254),
  country: text(10),
  action: text(60),
  result: text(20),
  object: text(500),
});

/** What the fields of the filter show. */
export type TrailFields = z.infer<typeof Form>;

export type ReadFilter = {
  fields: TrailFields;
  filter: TrailFilter;
  /** Fields whose value is no day */
  faults: ('from' | 'until')[];
};

/** Days are the reader's own, the last one included. */
export function readFilter(source: unknown, timeZone: string): ReadFilter {
  const fields = Form.parse(typeof source === 'object' && source !== null ? source : {});
  const from = startOfDay(fields.from, timeZone);
  const until = startOfDay(fields.until, timeZone, 1);
  const faults: ReadFilter['faults'] = [];
  if (fields.from !== '' && from === null) faults.push('from');
  if (fields.until !== '' && until === null) faults.push('until');
  const { person, country, action, result, object } = fields;
  return { fields, filter: { from, until, person, country, action, result, object }, faults };
}

const Cursor = z.object({ before: z.string().regex(/^\d{1,15}-\d{1,18}$/) });

export function readCursor(source: unknown): TrailCursor | null {
  const parsed = Cursor.safeParse(source);
  if (!parsed.success) return null;
  const [ms = '', id = ''] = parsed.data.before.split('-');
  return { at: new Date(Number(ms)), id: BigInt(id) };
}

export function writeCursor({ at, id }: TrailCursor): string {
  return `${at.getTime()}-${id}`;
}

/** The address of a page of the trail; only what is filled in stands in it. */
export function trailAddress(path: string, fields: Partial<TrailFields>, before: TrailCursor | null): string {
  const query = new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== ''));
  if (before) query.set('before', writeCursor(before));
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
