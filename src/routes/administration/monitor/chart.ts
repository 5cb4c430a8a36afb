import type { Slot } from '../../../services/monitor/read-monitor.ts';

/** Charts are drawn in units of their own and stretched to the page; letters stand beside them, where nothing stretches. */
export const CHART = { width: 960, height: 160, strip: 24 } as const;

export type Bar = { x: number; y: number; width: number; height: number; look: 'ok' | 'failed' | 'none' };

const OK_HEIGHT = 0.55;
const NONE_HEIGHT = 0.08;
const GAP = 0.12;

/**
 * One bar for each piece of time: low where all looks found it working; to the top where one failed, red as far down as the share of
 * those. So it can be told apart without colours.
 */
export function availabilityBars(slots: readonly Slot[]): Bar[] {
  const { width, strip } = CHART;
  const step = width / slots.length;
  return slots.flatMap((slot, index): Bar[] => {
    const at = { x: round(index * step + (step * GAP) / 2), width: round(step * (1 - GAP)) };
    const bar = (from: number, to: number, look: Bar['look']): Bar => {
      return { ...at, y: round(strip * (1 - to)), height: round(strip * (to - from)), look };
    };
    if (slot.looks === 0) return [bar(0, NONE_HEIGHT, 'none')];
    if (slot.failed === 0) return [bar(0, OK_HEIGHT, 'ok')];
    // the smallest failure can still be seen
    const share = Math.max(0.45, slot.failed / slot.looks);
    return share < 1 ? [bar(0, 1 - share, 'ok'), bar(1 - share, 1, 'failed')] : [bar(0, 1, 'failed')];
  });
}

export type LatencyChart = {
  /** Lines of the averages, one for each stretch without a gap */
  lines: string[];
  /** Areas from the averages up to the longest */
  bands: string[];
  /** Single pieces of time between gaps, which no line shows */
  dots: { x: number; y: number }[];
  /** From the top down: milliseconds, and where their line is */
  scale: { ms: number; y: number }[];
};

/** Averages as a line and the longest as an area above it; what did not answer is a gap. Null without a single answer. */
export function latencyChart(slots: readonly Slot[]): LatencyChart | null {
  const { width, height } = CHART;
  const answered = slots.filter(({ looks, failed }) => looks > failed);
  if (answered.length === 0) return null;
  const top = niceTop(Math.max(1, ...answered.map(({ mostMs }) => mostMs)));
  const step = width / slots.length;
  const x = (index: number) => round((index + 0.5) * step);
  const y = (ms: number) => round(height * (1 - ms / top));
  const stretches: number[][] = [];
  for (const [index, { looks, failed }] of slots.entries()) {
    if (looks <= failed) continue;
    const last = stretches.at(-1);
    if (last?.at(-1) === index - 1) last?.push(index);
    else stretches.push([index]);
  }
  const points = (stretch: readonly number[], of: 'averageMs' | 'mostMs') =>
    stretch.map((index) => `${x(index)},${y(slots[index]?.[of] ?? 0)}`);
  const long = stretches.filter((stretch) => stretch.length > 1);
  return {
    lines: long.map((stretch) => points(stretch, 'averageMs').join(' ')),
    bands: long.map((stretch) => [...points(stretch, 'mostMs'), ...points(stretch, 'averageMs').reverse()].join(' ')),
    dots: stretches
      .filter((stretch) => stretch.length === 1)
      .map(([index = 0]) => ({ x: x(index), y: y(slots[index]?.averageMs ?? 0) })),
    scale: [top, top / 2, 0].map((ms) => ({ ms, y: y(ms) })),
  };
}

/** 2, 4, 10, 20, 40, 100 …: half of it is a round number too. */
function niceTop(most: number): number {
  let top = 2;
  for (let index = 0; top < most; index += 1) top *= [2, 2.5, 2][index % 3] ?? 2;
  return top;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
