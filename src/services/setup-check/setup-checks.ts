import { randomUUID } from 'node:crypto';
import { keyOf } from '../../config.ts';
import type { Context } from '../../context.ts';
import type { SetupCheck } from '../../generated/prisma/client.ts';
import { administeredCountries, administeredProgramme } from '../administration/administered.ts';
import { countAttempt } from '../sessions/attempts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { countSignIn } from '../sessions/sign-in.ts';
import type { CheckLine } from './check-line.ts';
import type { TestLogin } from './check-mail-server.ts';
import { inOrder, type Listener, runChecks } from './run-checks.ts';

/** Of a check of which nothing was heard for so long the node ended; another one may begin. */
const SILENT_MS = 60_000;
const KEPT = 20;
/** Of one administrator in a quarter of an hour, together with tests of mail servers. */
const STARTS_MAX = 30;

export type KeptCheck = SetupCheck & { lines: CheckLine[] };

export type SetupCheckStart =
  | { ok: true; done: Promise<void> }
  /** `hosted`: Sealpost keeps the mailbox, and signs in there by its own credential */
  | { ok: false; problem: 'running' | 'other-domain' | 'hosted' }
  | { ok: false; problem: 'too-many-attempts'; retryAt: Date };

/** What this administrator may see of checks: the programme's as a whole, or those of the own country. */
function scopeOf(session: SignedIn): { programmeId: string; countryId: string | null } {
  const { role, countryId } = session.account;
  return { programmeId: administeredProgramme(session).id, countryId: role === 'central' ? null : countryId };
}

/** The newest checks, the newest first; their lines in the order of the page. */
export async function keptChecks(context: Pick<Context, 'database'>, session: SignedIn): Promise<KeptCheck[]> {
  const found = await context.database.prisma.setupCheck.findMany({
    where: scopeOf(session),
    orderBy: { startedAt: 'desc' },
    take: KEPT,
  });
  return found.map((check) => ({ ...check, lines: inOrder(check.lines as CheckLine[]) }));
}

/** Whether it still goes on, as far as its node was heard of. */
export function isRunning(check: Pick<SetupCheck, 'finishedAt' | 'aliveAt'>, at: Date): boolean {
  return check.finishedAt === null && at.getTime() - check.aliveAt.getTime() <= SILENT_MS;
}

/**
 * Begins to try everything that this administrator answers for; the page reads from the database how far it is.
 * @param login tried at the server of its country, kept nowhere
 */
export async function startSetupCheck(
  context: Context,
  session: SignedIn,
  login: TestLogin | null,
): Promise<SetupCheckStart> {
  const { prisma, pool } = context.database;
  const countries = await prisma.country.findMany({
    where: administeredCountries(session),
    include: { mailServer: true },
    orderBy: { domain: 'asc' },
  });
  if (login !== null) {
    const country = countries.find(({ domain }) => login.address.endsWith(`@${domain}`));
    if (country === undefined) return { ok: false, problem: 'other-domain' };
    if (country.mailServer.hosted) return { ok: false, problem: 'hosted' };
  }
  const at = context.now();
  const counted = await countStart(context, session, login, at);
  if (!counted.allowed) {
    await record(context, session, login, 'refused');
    return { ok: false, problem: 'too-many-attempts', retryAt: counted.retryAt };
  }
  const { programmeId, countryId } = scopeOf(session);
  await prisma.setupCheck.updateMany({
    where: { programmeId, countryId, finishedAt: null, aliveAt: { lt: new Date(at.getTime() - SILENT_MS) } },
    data: { finishedAt: at },
  });
  const id = randomUUID();
  const begun = await pool.query(
    `insert into setup_check (id, programme_id, country_id, started_by, started_at, alive_at)
     values ($1, $2, $3, $4, $5, $5) on conflict do nothing`,
    [id, programmeId, countryId, session.account.address, at],
  );
  if (begun.rowCount === 0) return { ok: false, problem: 'running' };
  await record(context, session, login, 'done');
  const order = { installation: countryId === null, countries, login };
  const done = runChecks(context, order, keptIn(context, id))
    .finally(() => prisma.setupCheck.update({ where: { id }, data: { finishedAt: context.now() } }))
    // a database that went away ends it as the node's death would: the page says that it came to no end
    .catch(() => {})
    .then(() => removeOld(context, { programmeId, countryId }));
  return { ok: true, done };
}

/** Every start, as every test of a mail server; one with a password also as an attempt to sign in: it guesses no better than that. */
async function countStart(context: Context, session: SignedIn, login: TestLogin | null, at: Date) {
  const { database, config } = context;
  const key = keyOf(config.serverKeys, config.serverKeys.current);
  const started = await countAttempt(database, 'mail-server', session.account.id, STARTS_MAX, key, at);
  if (!started.allowed || login === null) return started;
  return countSignIn(context, session.network, login.address, at);
}

function keptIn(context: Context, id: string): Listener {
  const { prisma, pool } = context.database;
  return {
    expect: async (expected) => {
      await prisma.setupCheck.update({ where: { id }, data: { expected, aliveAt: context.now() } });
    },
    line: async (line) => {
      const sql = 'update setup_check set lines = lines || $2::jsonb, alive_at = $3 where id = $1';
      await pool.query(sql, [id, JSON.stringify([line]), context.now()]);
    },
  };
}

async function removeOld(context: Context, scope: { programmeId: string; countryId: string | null }): Promise<void> {
  const { prisma } = context.database;
  const old = await prisma.setupCheck
    .findMany({ where: scope, orderBy: { startedAt: 'desc' }, skip: KEPT, select: { id: true } })
    .catch(() => []);
  if (old.length === 0) return;
  await prisma.setupCheck.deleteMany({ where: { id: { in: old.map(({ id }) => id) } } }).catch(() => {});
}

function record(
  context: Context,
  session: SignedIn,
  login: TestLogin | null,
  result: 'done' | 'refused',
): Promise<void> {
  const reason = login === null ? 'setup-check' : 'setup-check-login';
  return context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'administration',
    object: login === null ? 'setup-check' : login.address,
    result,
    reason: result === 'done' ? reason : `${reason} too-many-attempts`,
  });
}
