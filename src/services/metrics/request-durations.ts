import type { HistogramSample } from './exposition.ts';

const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** More areas, methods and kinds of answers than the application has. */
const SERIES_MOST = 500;

type Series = { labels: { area: string; method: string; status: string }; counts: number[]; sum: number };

/** How long requests took, by the first part of their route: labels are as many as areas, whatever is asked for. */
export class RequestDurations {
  readonly #series = new Map<string, Series>();

  /** @param route pattern of the route; undefined where none fits */
  add(route: string | undefined, method: string, status: number, seconds: number): void {
    const labels = { area: areaOf(route), method: methodOf(method), status: `${Math.floor(status / 100)}xx` };
    const key = Object.values(labels).join(' ');
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= SERIES_MOST) return;
      series = { labels, counts: new Array(BOUNDS.length + 1).fill(0), sum: 0 };
      this.#series.set(key, series);
    }
    const bound = BOUNDS.findIndex((most) => seconds <= most);
    const place = bound < 0 ? BOUNDS.length : bound;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
    series.sum += seconds;
  }

  samples(): HistogramSample[] {
    return [...this.#series.values()].map(({ labels, counts, sum }) => ({ labels, bounds: BOUNDS, counts, sum }));
  }
}

function areaOf(route: string | undefined): string {
  if (route === undefined) return 'none';
  const first = route.split('/')[1] ?? '';
  return first === '' ? 'start' : first.startsWith(':') || first === '*' ? 'other' : first;
}

function methodOf(method: string): string {
  return ['GET', 'HEAD', 'POST'].includes(method) ? method : 'other';
}
