import type { Context } from '../../context.ts';
import type { Country, MailServer } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import { installationChecks } from './check-installation.ts';
import { type CheckLine, SUBJECTS } from './check-line.ts';
import { checkMailServer, linesOfServers, type TestLogin } from './check-mail-server.ts';
import { checkNames, checkRelay, distinctRelays, type RelayPlace } from './check-relays.ts';
import { checkReports } from './check-reports.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;

export type CheckOrder = {
  /** Whether clock, database and queue are looked at as well */
  installation: boolean;
  countries: readonly (Country & { mailServer: MailServer })[];
  /** Tried at the server of the country whose address it is */
  login: TestLogin | null;
};

export type Listener = {
  /** How many lines there will be, as far as is known by now */
  expect(count: number): Promise<void>;
  /** A line, as soon as it is there */
  line(line: CheckLine): Promise<void>;
};

/** Servers and relays that are looked at at the same time. */
const AT_ONCE = 8;

/** Tries everything; nothing that is down keeps it from going on. */
export async function runChecks(needs: Needs, order: CheckOrder, listener: Listener): Promise<void> {
  const { config } = needs;
  const servers = [...new Map(order.countries.map(({ mailServer }) => [mailServer.id, mailServer])).values()];
  const installation = order.installation ? installationChecks(needs) : [];
  const reports = order.installation ? 1 : 0;
  const fixed = installation.length + order.countries.length + reports + linesOfServers(servers);
  await listener.expect(fixed + Math.max(config.relays.length, 1));
  for (const check of installation) await listener.line(await check());
  const places = [...config.relays];
  const first: RelayPlace[] = config.relays.slice(0, 1);
  await eachOf(order.countries, async ({ domain }) => {
    const { line, relays } = await checkNames(config, domain);
    places.push(...relays);
    first.push(...relays.filter(({ host }) => host === relays[0]?.host));
    await listener.line(line);
  });
  const relays = distinctRelays(places);
  await listener.expect(fixed + relays.length);
  await eachOf(relays, async (relay) => listener.line(await checkRelay(relay)));
  if (order.installation) await listener.line(await checkReports(config, { places: relays, first }));
  await eachOf(servers, async (server) => {
    const served = order.countries.filter(({ mailServerId }) => mailServerId === server.id);
    const isTheirs = served.some(({ domain }) => order.login?.address.endsWith(`@${domain}`));
    const login = isTheirs ? order.login : null;
    const checked = { row: server, countries: served.map(({ id }) => id), login };
    await checkMailServer(needs, checked, (line) => listener.line(line));
  });
}

/**
 * Those of all programmes. A database that does not answer, or lacks tables, is a line of the check: none then, and what needs no
 * country is tried all the same.
 */
export function everyCountry(database: Database): Promise<CheckOrder['countries']> {
  return database.prisma.country
    .findMany({ include: { mailServer: true }, orderBy: { domain: 'asc' } })
    .catch(() => []);
}

/** By what was looked at, and then by name. */
export function inOrder(lines: readonly CheckLine[]): CheckLine[] {
  return lines
    .map((line, index) => ({ line, index }))
    .sort((one, other) => {
      const bySubject = SUBJECTS.indexOf(one.line.subject) - SUBJECTS.indexOf(other.line.subject);
      return bySubject || one.line.about.localeCompare(other.line.about) || one.index - other.index;
    })
    .map(({ line }) => line);
}

/** Works on all, a few at a time. */
export async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
}
