import type { Context } from '../../context.ts';
import type { Country } from '../../generated/prisma/client.ts';
import { administeredCountries, administeredProgramme } from '../administration/administered.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';

/** Where a page of the trail ended: the next one begins behind it. */
export type TrailCursor = { at: Date; id: bigint };

export type TrailFilter = {
  from: Date | null;
  /** Exclusive */
  until: Date | null;
  /** An address, or part of the name or address of an account */
  person: string;
  /** Code of a country, such as `B`: what concerns its accounts */
  country: string;
  action: string;
  result: string;
  object: string;
};

export const NO_FILTER: TrailFilter = {
  from: null,
  until: null,
  person: '',
  country: '',
  action: '',
  result: '',
  object: '',
};

export type TrailEntry = {
  id: bigint;
  node: string;
  number: number;
  at: Date;
  accountId: string | null;
  actor: string;
  network: string;
  action: string;
  object: string;
  result: string;
  reason: string | null;
  previousHash: Buffer;
  hash: Buffer;
};

/**
 * Whose entries may be seen: `accounts` by accounts and about them; otherwise everything except the accounts of other programmes.
 */
export type TrailScope = { accounts: readonly string[] } | { except: readonly string[] };

/**
 * What an administrator may see: all of the programme and of the installation, or what concerns accounts of the own country.
 * @param country only what concerns accounts of this one, of those that the administrator answers for; empty for all
 */
export async function trailScope(context: Context, session: SignedIn, country: string): Promise<TrailScope> {
  const { prisma } = context.database;
  const select = { id: true } as const;
  if (session.account.role === 'central' && country === '') {
    const others = { country: { programmeId: { not: administeredProgramme(session).id } } };
    return { except: (await prisma.account.findMany({ where: others, select })).map((row) => row.id) };
  }
  const named = country === '' ? {} : { code: country };
  const where = { country: { AND: [administeredCountries(session), named] } };
  return { accounts: (await prisma.account.findMany({ where, select })).map((row) => row.id) };
}

/** What a person sees of the own account: what they did and what was done about them. */
export function ownScope(session: SignedIn): TrailScope {
  return { accounts: [session.account.id] };
}

/** The countries whose entries can be asked for; none where there is only the own one. */
export async function trailCountries(
  context: Context,
  session: SignedIn,
): Promise<Pick<Country, 'code' | 'isoCode'>[]> {
  if (session.account.role !== 'central') return [];
  return context.database.prisma.country.findMany({
    where: administeredCountries(session),
    select: { code: true, isoCode: true },
  });
}

const PERSONS_MOST = 100;

/** The accounts within the scope whose name or address has this text. */
async function personsOf(database: Database, scope: TrailScope, text: string): Promise<string[]> {
  const contains = { contains: text, mode: 'insensitive' } as const;
  const rows = await database.prisma.account.findMany({
    where: {
      id: 'accounts' in scope ? { in: [...scope.accounts] } : { notIn: [...scope.except] },
      OR: [{ address: contains }, { firstName: contains }, { surname: contains }],
    },
    select: { id: true },
    orderBy: { addressKey: 'asc' },
    take: PERSONS_MOST,
  });
  return rows.map((row) => row.id);
}

/** Newest first, from behind the cursor. One more than a page tells whether there is another. */
export async function searchTrail(
  database: Database,
  scope: TrailScope,
  filter: TrailFilter,
  page: { after: TrailCursor | null; limit: number },
): Promise<TrailEntry[]> {
  const persons = filter.person === '' ? [] : await personsOf(database, scope, filter.person);
  const query = trailQuery(scope, filter, persons, page);
  const rows = await database.pool.query<Omit<TrailEntry, 'id'> & { id: string }>(query.text, query.values);
  return rows.rows.map((row) => ({ ...row, id: BigInt(row.id) }));
}

/** An index and the values to look for in it. */
type Branch = { column: string; type: 'uuid' | 'text'; values: readonly string[] };

/**
 * The query of one page. Postgres would read all rows of a person, or all rows by time until enough of a country are found; so for each
 * value that is looked for the newest rows are taken along its index, and the newest of them all are the page.
 */
export function trailQuery(
  scope: TrailScope,
  filter: TrailFilter,
  persons: readonly string[],
  page: { after: TrailCursor | null; limit: number },
): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const conditions = conditionsOf(scope, filter, page.after, bind);
  const newest = `order by e.at desc, e.id desc limit ${bind(page.limit)}`;
  const where = (more: string[]) => (more.length === 0 ? '' : `where ${more.join(' and ')}`);
  const branches = branchesOf(scope, filter, persons);
  const columns = `e.id, e.node, e.number, e.at, e.account_id as "accountId", e.actor, e.network, e.action, e.object, e.result, e.reason,
    e.previous_hash as "previousHash", e.hash`;
  if (branches === null) return { text: `select ${columns} from audit_entry e ${where(conditions)} ${newest}`, values };
  const parts = branches.map(
    ({ column, type, values: wanted }) => `select e.* from unnest(${bind(wanted)}::${type}[]) as v(wanted)
      cross join lateral (select e.* from audit_entry e ${where([`${column} = v.wanted`, ...conditions])} ${newest}) e`,
  );
  const text = `select ${columns} from (select distinct on (at, id) * from (${parts.join(' union all ')}) found
    order by at desc, id desc) e ${newest}`;
  return { text, values };
}

function conditionsOf(
  scope: TrailScope,
  filter: TrailFilter,
  after: TrailCursor | null,
  bind: (value: unknown) => string,
): string[] {
  const conditions: string[] = [];
  if (after) conditions.push(`(e.at, e.id) < (${bind(after.at)}::timestamptz, ${bind(after.id.toString())}::bigint)`);
  if (filter.from) conditions.push(`e.at >= ${bind(filter.from)}::timestamptz`);
  if (filter.until) conditions.push(`e.at < ${bind(filter.until)}::timestamptz`);
  if (filter.action) conditions.push(`e.action = ${bind(filter.action)}`);
  if (filter.result) conditions.push(`e.result = ${bind(filter.result)}`);
  if (filter.object) conditions.push(`e.object = ${bind(normalObject(filter.object))}`);
  if ('accounts' in scope) {
    const [own, texts] = [bind(scope.accounts), bind(scope.accounts)];
    conditions.push(`(e.account_id = any(${own}::uuid[]) or e.object = any(${texts}::text[]))`);
  } else if (scope.except.length > 0) {
    conditions.push(`(e.account_id is null or e.account_id <> all(${bind(scope.except)}::uuid[]))`);
  }
  return conditions;
}

/** As the index has it: the beginning of an object that may be long. */
const OBJECT_COLUMN = 'left(e.object, 400)';
const objectKey = (object: string) => [...object].slice(0, 400).join('');

/** Along which indexes to look; null: by time. */
function branchesOf(scope: TrailScope, filter: TrailFilter, persons: readonly string[]): Branch[] | null {
  const about = (accounts: readonly string[]): Branch[] => [
    { column: 'e.account_id', type: 'uuid', values: accounts },
    { column: OBJECT_COLUMN, type: 'text', values: accounts },
  ];
  if (filter.person)
    return [...about(persons), { column: 'lower(e.actor)', type: 'text', values: [filter.person.toLowerCase()] }];
  if (filter.object) {
    return [{ column: OBJECT_COLUMN, type: 'text', values: [objectKey(normalObject(filter.object))] }];
  }
  if ('accounts' in scope) return about(scope.accounts);
  if (filter.action) return [{ column: 'e.action', type: 'text', values: [filter.action] }];
  return null;
}

/** A thumbprint may be typed in groups and in capitals, as the pages show it. */
function normalObject(text: string): string {
  const hex = text.replace(/[\s:]/g, '').toLowerCase();
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hex) ? hex : text.trim();
}

/** Addresses of the accounts, within the scope, that are the object of these entries. */
export async function accountsNamed(
  database: Database,
  scope: TrailScope,
  entries: readonly Pick<TrailEntry, 'object'>[],
): Promise<Map<string, string>> {
  const named = entries
    .map(({ object }) => object)
    .filter((object) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(object));
  if (named.length === 0) return new Map();
  const inScope = 'accounts' in scope ? { in: [...scope.accounts] } : { notIn: [...scope.except] };
  const rows = await database.prisma.account.findMany({
    where: { AND: [{ id: { in: named } }, { id: inScope }] },
    select: { id: true, address: true },
  });
  return new Map(rows.map((row) => [row.id, row.address]));
}
