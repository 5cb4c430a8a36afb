import { Readable } from 'node:stream';
import type { Context } from '../../context.ts';
import type { SignedIn } from '../sessions/session.ts';
import { searchTrail, type TrailCursor, type TrailEntry, type TrailFilter, trailScope } from './search-trail.ts';

export type ExportForm = 'csv' | 'jsonl';

/** More would be a copy of the trail; a narrower time gives the rest. */
export const EXPORT_MOST = 100_000;
const BATCH = 500;

const COLUMNS = [
  'at',
  'node',
  'number',
  'actor',
  'accountId',
  'network',
  'action',
  'object',
  'result',
  'reason',
  'previousHash',
  'hash',
] as const;
type Plain = Record<(typeof COLUMNS)[number], string | number | null>;

/**
 * The entries that fit, newest first, as a stream that reads the database as fast as it is taken. Recorded before the first of them
 * leaves; the filter is not recorded: it may name a person.
 * @param separator of the cells, as the reader's spreadsheet expects it
 */
export async function exportTrail(
  context: Context,
  session: SignedIn,
  filter: TrailFilter,
  form: ExportForm,
  { separator = ',', most = EXPORT_MOST }: { separator?: ',' | ';'; most?: number } = {},
): Promise<Readable> {
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object: 'audit-trail',
    result: 'done',
    reason: `audit-export-${form}`,
  });
  const entries = entriesOf(context, session, filter, most);
  return Readable.from(form === 'csv' ? csv(entries, separator) : jsonLines(entries));
}

/** @returns whether there were more than the most */
async function* entriesOf(
  context: Context,
  session: SignedIn,
  filter: TrailFilter,
  most: number,
): AsyncGenerator<Plain[], boolean> {
  const scope = await trailScope(context, session, filter.country);
  let after: TrailCursor | null = null;
  for (let given = 0; given < most; ) {
    const page: TrailEntry[] = await searchTrail(context.database, scope, filter, { after, limit: BATCH + 1 });
    const taken = page.slice(0, Math.min(BATCH, most - given));
    yield taken.map(plain);
    given += taken.length;
    const last = taken.at(-1);
    if (last === undefined || taken.length === page.length) return false;
    after = { at: last.at, id: last.id };
  }
  return true;
}

function plain(entry: TrailEntry): Plain {
  return {
    at: entry.at.toISOString(),
    node: entry.node,
    number: entry.number,
    actor: entry.actor,
    accountId: entry.accountId,
    network: entry.network,
    action: entry.action,
    object: entry.object,
    result: entry.result,
    reason: entry.reason,
    previousHash: entry.previousHash.toString('hex'),
    hash: entry.hash.toString('hex'),
  };
}

async function* jsonLines(entries: AsyncGenerator<Plain[], boolean>): AsyncGenerator<string> {
  let page = await entries.next();
  for (; !page.done; page = await entries.next())
    yield page.value.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  if (page.value) yield `${JSON.stringify({ incomplete: true })}\n`;
}

/** RFC 4180, with the mark by which spreadsheets know UTF-8. */
async function* csv(entries: AsyncGenerator<Plain[], boolean>, separator: string): AsyncGenerator<string> {
  const line = (cells: readonly unknown[]) => `${cells.map(csvCell).join(separator)}\r\n`;
  yield `\ufeff${line(COLUMNS)}`;
  let page = await entries.next();
  for (; !page.done; page = await entries.next())
    yield page.value.map((entry) => line(COLUMNS.map((column) => entry[column]))).join('');
  if (page.value) yield line(['incomplete']);
}

/**
 * One cell, always quoted. What a spreadsheet would take for a formula gets an apostrophe, also behind a separator or a quote in the
 * middle: a program that reads with another separator would begin a cell there.
 */
export function csvCell(value: unknown): string {
  const text = String(value ?? '')
    .replace(/(^|[\s,;|"'])(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g, "$1'")
    .replace(/^(?=[\t\r\n])/, "'");
  return `"${text.replaceAll('"', '""')}"`;
}
