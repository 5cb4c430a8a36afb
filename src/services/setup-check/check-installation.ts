import type { Context } from '../../context.ts';
import { missingMigrations } from '../database/migrate.ts';
import { type CheckLine, checkLine, type Found } from './check-line.ts';
import { checkScanner } from './check-scanner.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;

/** Codes of authenticator programs tolerate thirty seconds; a signature's time is compared with that of the letter. */
const CLOCK_TOLERANCE_MS = 5_000;
const OLDEST_POSTGRES = 15;
const MINUTE_MS = 60_000;
/** A letter that waits so long is worth a look; attempts are two minutes apart. */
const LATE_MS = 15 * MINUTE_MS;
/** A letter that is due is taken up within seconds as long as a node lives. */
const UNTOUCHED_MS = 5 * MINUTE_MS;

/** This installation's own parts. */
export function installationChecks(needs: Needs): (() => Promise<CheckLine>)[] {
  return [
    () => checkLine('clock', '', {}, () => withDatabase(needs, checkClock)),
    () => checkLine('database', '', {}, () => checkDatabase(needs)),
    () => checkLine('queue', '', {}, () => withDatabase(needs, checkQueue)),
    () => checkScanner(needs.config.scanner, needs.now),
  ];
}

/** What cannot be told without it is not tried; why it does not answer stands in its own line. */
async function withDatabase(needs: Needs, check: (needs: Needs) => Promise<Found>): Promise<Found> {
  const { code } = await checkDatabase(needs);
  return code === 'ok' ? check(needs) : { state: 'not-tried', code: 'no-database' };
}

/** Against the clock of the database, which all nodes share; on one machine both are the same. */
async function checkClock({ database, now }: Needs): Promise<Found> {
  const before = now();
  const { rows } = await database.pool.query<{ at: Date }>('select clock_timestamp() as at');
  const middle = (before.getTime() + now().getTime()) / 2;
  const seconds = Math.round(((rows[0]?.at.getTime() ?? middle) - middle) / 100) / 10;
  const within = Math.abs(seconds) * 1000 <= CLOCK_TOLERANCE_MS;
  return { state: within ? 'ok' : 'failed', code: within ? 'ok' : 'off', facts: { seconds: Math.abs(seconds) } };
}

async function checkDatabase({ database }: Needs): Promise<Found> {
  let version: string;
  try {
    const { rows } = await database.pool.query<{ version: string }>(
      "select current_setting('server_version') as version",
    );
    version = rows[0]?.version ?? '';
  } catch (error) {
    return { state: 'failed', code: 'no-answer', facts: { detail: String((error as { code?: string }).code ?? '') } };
  }
  if (Number.parseInt(version, 10) < OLDEST_POSTGRES) {
    return { state: 'failed', code: 'old', facts: { version, oldest: OLDEST_POSTGRES } };
  }
  // without their table all are missing
  const missing = await missingMigrations(database.pool).catch(() => ['all']);
  if (missing.length > 0) return { state: 'failed', code: 'migrations', facts: { version, count: missing.length } };
  return { state: 'ok', code: 'ok', facts: { version } };
}

/** Letters that Sealpost has not handed to a mail server yet. */
async function checkQueue({ database, now }: Needs): Promise<Found> {
  const at = now();
  const { rows } = await database.pool.query<{
    waiting: string;
    since: Date | null;
    untouched: string;
    signIn: string;
  }>(
    `select count(*) filter (where not waiting_for_sign_in) as waiting,
            min(created_at) filter (where not waiting_for_sign_in) as since,
            count(*) filter (where due_at < $1 and (claimed_until is null or claimed_until < $1)) as untouched,
            count(*) filter (where waiting_for_sign_in) as "signIn"
     from letter where state = 'queued'`,
    [new Date(at.getTime() - UNTOUCHED_MS)],
  );
  const row = rows[0];
  const waiting = Number(row?.waiting ?? 0);
  const facts = { count: waiting, signIn: Number(row?.signIn ?? 0), since: (row?.since ?? at).toISOString() };
  if (Number(row?.untouched ?? 0) > 0) {
    return { state: 'failed', code: 'untouched', facts: { ...facts, count: Number(row?.untouched) } };
  }
  if (waiting === 0) return { state: 'ok', code: 'empty', facts };
  const late = at.getTime() - new Date(facts.since).getTime() > LATE_MS;
  return { state: late ? 'notice' : 'ok', code: late ? 'late' : 'waiting', facts };
}
