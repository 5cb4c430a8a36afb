import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { MonitorIncident, MonitorTarget, Prisma } from '../../generated/prisma/client.ts';
import { administeredProgramme } from '../administration/administered.ts';
import type { SignedIn } from '../sessions/session.ts';
import type { WatchedKind, WatchedLine, WatchedState } from './watched.ts';

type Needs = Pick<Context, 'config' | 'database' | 'now'>;

/** What was found in one piece of time; milliseconds are of the looks that found it working. */
export type Slot = { from: Date; looks: number; failed: number; averageMs: number; mostMs: number };

export type Watched = Omit<MonitorTarget, 'kind' | 'state' | 'line'> & {
  kind: WatchedKind;
  state: WatchedState;
  line: WatchedLine;
};

export type WatchedRow = Watched & { slots: Slot[]; dayShare: number | null; monthShare: number | null };

export type Watch = {
  rows: WatchedRow[];
  /** Which node watches and when it last looked; null before the first round */
  node: { name: string; roundAt: Date } | null;
  /** Nobody has looked for longer than it should take */
  silent: boolean;
  /** Mails about failures that could not go yet; of the central administrators' concern */
  waitingAlerts: { count: number; since: Date; failure: string } | null;
};

export const PERIODS = ['day', 'week', 'month'] as const;
export type Period = (typeof PERIODS)[number];

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
export const SLOTS: Readonly<Record<Period, { slotMs: number; count: number }>> = {
  day: { slotMs: 15 * MINUTE_MS, count: 96 },
  week: { slotMs: 2 * HOUR_MS, count: 84 },
  month: { slotMs: 6 * HOUR_MS, count: 120 },
};
const INCIDENTS_SHOWN = 20;

/** What this administrator may see: the programme's and what all share, or the own country's server and names. */
function scopeOf(session: SignedIn): Prisma.MonitorTargetWhereInput {
  const { role, country } = session.account;
  if (role !== 'central') return { OR: [{ mailServerId: country.mailServerId }, { countryId: country.id }] };
  const programmeId = administeredProgramme(session).id;
  return {
    OR: [
      { mailServerId: null, countryId: null },
      { country: { programmeId } },
      { mailServer: { OR: [{ programmeId }, { countries: { some: { programmeId } } }] } },
    ],
  };
}

/** How everything stands, with the last day by hours. */
export async function readWatch({ config, database, now }: Needs, session: SignedIn): Promise<Watch> {
  const { prisma, pool } = database;
  const at = now();
  const targets = await prisma.monitorTarget.findMany({ where: scopeOf(session), orderBy: { about: 'asc' } });
  const first = new Date(Math.floor(at.getTime() / HOUR_MS) * HOUR_MS - 23 * HOUR_MS);
  const { rows } = await pool.query<{
    id: string;
    hour: Date;
    looks: number;
    failed: number;
    sum: string;
    most: number;
  }>(
    `select target_id as id, hour, looks, failed, milliseconds_sum as sum, milliseconds_most as most
     from monitor_hour where target_id = any ($1::uuid[]) and hour >= $2`,
    [targets.map(({ id }) => id), first],
  );
  const { rows: months } = await pool.query<{ id: string; looks: string; failed: string }>(
    `select target_id as id, sum(looks) as looks, sum(failed) as failed from monitor_hour
     where target_id = any ($1::uuid[]) and hour >= $2 group by target_id`,
    [targets.map(({ id }) => id), new Date(at.getTime() - 30 * DAY_MS)],
  );
  const [lease, waiting] = await Promise.all([
    prisma.monitorLease.findFirst(),
    session.account.role === 'central'
      ? prisma.monitorAlert.findMany({ where: { sentAt: null, tries: { gt: 0 } }, orderBy: { madeAt: 'asc' } })
      : [],
  ]);
  const roundAt = lease?.roundAt ?? null;
  const [oldest] = waiting;
  return {
    rows: targets.map((target) => {
      const found = rows
        .filter(({ id }) => id === target.id)
        .map(({ hour, looks, failed, sum, most }) => slotOf(hour, { looks, failed, sum: Number(sum), most }));
      const month = months.find(({ id }) => id === target.id);
      const looks = found.reduce((total, slot) => total + slot.looks, 0);
      const failed = found.reduce((total, slot) => total + slot.failed, 0);
      return {
        ...watchedOf(target),
        slots: filled(found, first, HOUR_MS, 24),
        dayShare: shareOf(looks, failed),
        monthShare: shareOf(Number(month?.looks ?? 0), Number(month?.failed ?? 0)),
      };
    }),
    node: lease === null || roundAt === null ? null : { name: lease.node, roundAt },
    silent: roundAt !== null && at.getTime() - roundAt.getTime() > 3 * config.monitorMs + MINUTE_MS,
    waitingAlerts: oldest ? { count: waiting.length, since: oldest.madeAt, failure: oldest.failure } : null,
  };
}

/** One thing with its history. @throws AppError `not-found` for what is somebody else's, as for what is not there */
export async function readWatched(
  { database, now }: Needs,
  session: SignedIn,
  id: string,
  period: Period,
): Promise<{ target: Watched; slots: Slot[]; share: number | null; incidents: MonitorIncident[] }> {
  const { prisma, pool } = database;
  const target = await prisma.monitorTarget.findFirst({ where: { AND: [{ id }, scopeOf(session)] } });
  if (target === null) throw new AppError('not-found');
  const { slotMs, count } = SLOTS[period];
  const first = new Date(Math.floor(now().getTime() / slotMs) * slotMs - (count - 1) * slotMs);
  const source =
    period === 'day'
      ? `select at, 1 as looks, failed::int as failed, case when failed then 0 else milliseconds end as sum,
                case when failed then 0 else milliseconds end as most
         from monitor_sample where target_id = $1 and at >= $2::timestamptz`
      : `select hour as at, looks, failed, milliseconds_sum as sum, milliseconds_most as most
         from monitor_hour where target_id = $1 and hour >= $2::timestamptz`;
  const { rows } = await pool.query<{ from: Date; looks: string; failed: string; sum: string; most: number }>(
    `select date_bin($3 * interval '1 millisecond', at, $2::timestamptz) as "from", sum(looks) as looks,
            sum(failed) as failed, sum(sum) as sum, max(most) as most
     from (${source}) s group by 1`,
    [id, first, slotMs],
  );
  const slots = rows.map(({ from, looks, failed, sum, most }) =>
    slotOf(from, { looks: Number(looks), failed: Number(failed), sum: Number(sum), most }),
  );
  const incidents = await prisma.monitorIncident.findMany({
    where: { targetId: id },
    orderBy: { beganAt: 'desc' },
    take: INCIDENTS_SHOWN,
  });
  const looks = slots.reduce((total, slot) => total + slot.looks, 0);
  const failed = slots.reduce((total, slot) => total + slot.failed, 0);
  return {
    target: watchedOf(target),
    slots: filled(slots, first, slotMs, count),
    share: shareOf(looks, failed),
    incidents,
  };
}

/** How many things do not work, of those that this administrator sees. */
export function countFailing({ database }: Pick<Context, 'database'>, session: SignedIn): Promise<number> {
  return database.prisma.monitorTarget.count({ where: { AND: [scopeOf(session), { state: 'failed' }] } });
}

function watchedOf(target: MonitorTarget): Watched {
  const { kind, state, line } = target;
  return { ...target, kind: kind as WatchedKind, state: state as WatchedState, line: line as WatchedLine };
}

function slotOf(from: Date, found: { looks: number; failed: number; sum: number; most: number }): Slot {
  const worked = found.looks - found.failed;
  const averageMs = worked > 0 ? Math.round(found.sum / worked) : 0;
  return { from, looks: found.looks, failed: found.failed, averageMs, mostMs: found.most };
}

/** All slots in order; those without a look are empty. */
function filled(found: readonly Slot[], first: Date, slotMs: number, count: number): Slot[] {
  const known = new Map(found.map((slot) => [slot.from.getTime(), slot]));
  return Array.from({ length: count }, (_, index) => {
    const from = new Date(first.getTime() + index * slotMs);
    return known.get(from.getTime()) ?? { from, looks: 0, failed: 0, averageMs: 0, mostMs: 0 };
  });
}

/** Share of the looks that found it working; null without any. */
function shareOf(looks: number, failed: number): number | null {
  return looks === 0 ? null : (looks - failed) / looks;
}
