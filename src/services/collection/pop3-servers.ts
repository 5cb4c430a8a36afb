import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Pop3Server } from '../../generated/prisma/client.ts';
import { type Probe, probePop3 } from '../../mail/probe-server.ts';
import { administeredCountries, administeredCountry } from '../administration/administered.ts';
import { recordAdministration } from '../administration/record.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type Pop3Place, pop3ServerOf } from './collection-password.ts';
import { retire } from './collections.ts';

/** Of one administrator in a quarter of an hour. */
const TESTS_MAX = 30;

/** A country with a hosted mailbox server, and what is collected for it. */
export type CollectingCountry = {
  id: string;
  code: string;
  isoCode: string;
  server: Pop3Server | null;
  collections: {
    address: string;
    state: 'on' | 'stopped' | 'off';
    outcome: string | null;
    endedAt: Date | null;
    succeededAt: Date | null;
    totalCount: number;
  }[];
};

/** Those that this session answers for, whose mailboxes are kept here. */
export async function readCollectingCountries(context: Context, session: SignedIn): Promise<CollectingCountry[]> {
  const countries = await context.database.prisma.country.findMany({
    where: { AND: [administeredCountries(session), { mailServer: { hosted: true } }] },
    include: {
      pop3Server: {
        include: {
          collections: {
            where: { account: { state: { not: 'removed' } } },
            include: { account: { select: { address: true } } },
            orderBy: { account: { address: 'asc' } },
          },
        },
      },
    },
    orderBy: { code: 'asc' },
  });
  return countries.map(({ id, code, isoCode, pop3Server }) => ({
    ...{ id, code, isoCode },
    server: pop3Server,
    collections: (pop3Server?.collections ?? []).map(
      ({ account, state, outcome, endedAt, succeededAt, totalCount }) => {
        return { address: account.address, state, outcome, endedAt, succeededAt, totalCount };
      },
    ),
  }));
}

/** @throws AppError `not-found` for somebody else's country, and for one that keeps its mailboxes itself */
export async function findCollectingCountry(
  context: Context,
  session: SignedIn,
  countryId: string,
): Promise<CollectingCountry> {
  await administeredCountry(context, session, countryId);
  const found = (await readCollectingCountries(context, session)).find(({ id }) => id === countryId);
  if (found === undefined) throw new AppError('not-found');
  return found;
}

/**
 * Where the country's old mailboxes are. Passwords were given for the place as it was: with another one, or another
 * certificate, nobody's password is sent there; all collections stop until their holders give it again.
 */
export async function savePop3Server(
  context: Context,
  session: SignedIn,
  countryId: string,
  place: Pop3Place,
): Promise<void> {
  await findCollectingCountry(context, session, countryId);
  const { prisma } = context.database;
  const stopped = await prisma.$transaction(async (tx) => {
    await tx.$queryRaw`select id from country where id = ${countryId}::uuid for update`;
    const before = await tx.pop3Server.findUnique({ where: { countryId } });
    const data = { ...place, changedAt: context.now() };
    const { id } = await tx.pop3Server.upsert({ where: { countryId }, create: { countryId, ...data }, update: data });
    if (before === null || samePlace(before, place)) return 0;
    await retire(tx, { collection: { serverId: id } });
    const where = { serverId: id, state: 'on' as const };
    const ended = { state: 'stopped' as const, sealedPassword: null, claim: null, outcome: 'server-changed' };
    return (await tx.collection.updateMany({ where, data: ended })).count;
  });
  await recordAdministration(context, session, countryId, 'pop3-server-saved');
  if (stopped > 0) await recordAdministration(context, session, countryId, `pop3-stopped ${stopped}`);
}

/** With it go the passwords, and what is known of what was collected. */
export async function removePop3Server(context: Context, session: SignedIn, countryId: string): Promise<void> {
  await findCollectingCountry(context, session, countryId);
  const removed = await context.database.prisma.pop3Server.deleteMany({ where: { countryId } });
  if (removed.count > 0) await recordAdministration(context, session, countryId, 'pop3-server-removed');
}

export type Pop3Test = { ok: true; probe: Probe } | { ok: false; retryAt: Date };

/** Connects without signing in. @throws AppError `not-found` where no server is listed */
export async function testPop3Server(context: Context, session: SignedIn, countryId: string): Promise<Pop3Test> {
  const { server } = await findCollectingCountry(context, session, countryId);
  if (server === null) throw new AppError('not-found');
  const { database, config } = context;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const counted = await countAttempt(database, 'mail-server', session.account.id, TESTS_MAX, key, context.now());
  await recordAdministration(context, session, countryId, 'pop3-server-tested', counted.allowed ? 'done' : 'refused');
  if (!counted.allowed) return { ok: false, retryAt: counted.retryAt };
  return { ok: true, probe: await probePop3(pop3ServerOf(server)) };
}

function samePlace(one: Pop3Place, other: Pop3Place): boolean {
  const names = ['host', 'port', 'tls', 'serverName', 'caPem'] as const;
  return names.every((name) => one[name] === other[name]);
}
