import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { signedIn } from '../../../plugins/session.ts';
import { watchedName, watchedWords } from '../../../services/monitor/monitor-words.ts';
import {
  PERIODS,
  readWatch,
  readWatched,
  SLOTS,
  type Slot,
  type WatchedRow,
} from '../../../services/monitor/read-monitor.ts';
import { WATCHED_KINDS, type WatchedKind, type WatchedLine } from '../../../services/monitor/watched.ts';
import { idOf } from '../named.ts';
import { availabilityBars, latencyChart } from './chart.ts';

const HOUR_MS = 3_600_000;

const Query = z.object({ period: z.enum(PERIODS).catch('day') });

export function showMonitor(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { formats } = request;
    const watch = await readWatch(context, session);
    return reply.page('administration/monitor/list', {
      title: formats.t('monitor.title'),
      place: 'administration',
      section: 'monitor',
      role: session.account.role,
      node: watch.node,
      silent: watch.silent,
      waitingAlerts: watch.waitingAlerts && {
        ...watch.waitingAlerts,
        failure: formats.plainLine(watch.waitingAlerts.failure),
      },
      alertMinutes: Math.max(1, Math.round(context.config.alertAfterMs / 60_000)),
      failing: watch.rows.filter(({ state }) => state === 'failed').map((row) => rowOf(formats, row)),
      noticed: watch.rows.filter(({ state }) => state === 'notice').length,
      groups: groupsOf(formats, watch.rows),
    });
  };
}

export function showWatched(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { formats } = request;
    const { period } = Query.parse(request.query);
    const { target, slots, share, incidents } = await readWatched(context, session, idOf(request, 'target'), period);
    const { slotMs } = SLOTS[period];
    const when = (at: Date) => (period === 'day' ? formats.time(at) : dayOf(formats, at));
    return reply.page('administration/monitor/show', {
      title: watchedName(formats, target.kind, target.about),
      place: 'administration',
      section: 'monitor',
      role: session.account.role,
      target,
      said: formats.plainLine(target.line.said),
      words: watchedWords(formats, target.kind, target.state, target.line),
      period,
      periods: PERIODS,
      percent: percent(formats, share),
      bars: availabilityBars(slots),
      latency: latencyChart(slots),
      labels: labelsOf(slots, when),
      table: slots
        .filter(({ looks }) => looks > 0)
        .reverse()
        .map((slot) => ({
          ...slot,
          until: new Date(slot.from.getTime() + slotMs),
          percent: percent(formats, (slot.looks - slot.failed) / slot.looks),
        })),
      incidents: incidents.map((incident) => {
        const line = incident.line as WatchedLine;
        const words = watchedWords(formats, target.kind, 'failed', line);
        return { ...incident, ...words, said: formats.plainLine(line.said) };
      }),
    });
  };
}

function groupsOf(formats: Formats, rows: readonly WatchedRow[]) {
  const names = ['installation', ...WATCHED_KINDS.filter((kind) => !isOwn(kind))];
  const inGroup = (name: string) =>
    WATCHED_KINDS.filter((kind) => (isOwn(kind) ? 'installation' : kind) === name).flatMap((kind) =>
      rows.filter((row) => row.kind === kind),
    );
  return names
    .map((name) => ({ name, rows: inGroup(name).map((row) => rowOf(formats, row)) }))
    .filter((group) => group.rows.length > 0);
}

/** This installation's own parts, one of each. */
function isOwn(kind: WatchedKind): boolean {
  return kind === 'database' || kind === 'queue' || kind === 'clock';
}

function rowOf(formats: Formats, row: WatchedRow) {
  const { t } = formats;
  const last = row.slots.at(-1);
  const failedHours = row.slots.filter(({ failed }) => failed > 0).length;
  return {
    ...row,
    name: watchedName(formats, row.kind, row.about),
    shown: formats.plainName(row.about) || t(`monitor.kind.${row.kind}`),
    day: percent(formats, row.dayShare),
    month: percent(formats, row.monthShare),
    bars: availabilityBars(row.slots),
    from: formats.time(row.slots[0]?.from ?? new Date(0)),
    until: formats.time(new Date((last?.from ?? new Date(0)).getTime() + HOUR_MS)),
    story: t('monitor.bars.story', { failed: failedHours, count: row.slots.filter(({ looks }) => looks > 0).length }),
  };
}

/** Five moments below a chart, at equal distances. */
function labelsOf(slots: readonly Slot[], when: (at: Date) => string): string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const slot = slots[Math.round(share * (slots.length - 1))];
    return slot === undefined ? '' : when(slot.from);
  });
}

function dayOf({ locale }: Formats, at: Date): string {
  return new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, { day: 'numeric', month: 'short' }).format(at);
}

/** Never rounded up to a hundred: one failure in thirty days must show. */
function percent(formats: Formats, share: number | null): string {
  if (share === null) return formats.t('monitor.none');
  return formats.t('monitor.percent', { percent: formats.number(Math.floor(share * 10_000) / 100) });
}
