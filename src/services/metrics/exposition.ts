export type Labels = Readonly<Record<string, string>>;

export type Sample = { labels?: Labels; value: number };

/** One figure with all its labels. `unit` stands at the end of the name where there is one. */
export type Metric = {
  name: string;
  help: string;
} & (
  | { type: 'gauge' | 'counter' | 'summary'; samples: readonly Sample[] }
  | { type: 'histogram'; samples: readonly HistogramSample[] }
);

/** `counts` of each bound (not added up), and of what is above the last. */
export type HistogramSample = { labels?: Labels; bounds: readonly number[]; counts: readonly number[]; sum: number };

/** Prometheus text format 0.0.4, or OpenMetrics 1.0, which every newer Prometheus asks for. */
export type ExpositionFormat = 'prometheus' | 'openmetrics';

export const EXPOSITION_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The format that is asked for; the older one unless the newer is named. */
export function chooseFormat(accept: string | undefined): ExpositionFormat {
  return /(^|,)\s*application\/openmetrics-text\s*(;|,|$)/i.test(accept ?? '') ? 'openmetrics' : 'prometheus';
}

/** Counters are named with `_total`: OpenMetrics describes them without it. */
export function writeExposition(metrics: readonly Metric[], format: ExpositionFormat): string {
  const lines = metrics.flatMap((metric) => {
    const family = format === 'openmetrics' ? metric.name.replace(/_total$/, '') : metric.name;
    const head = [`# HELP ${family} ${escapeHelp(metric.help)}`, `# TYPE ${family} ${metric.type}`];
    return [...head, ...linesOf(metric)];
  });
  return `${[...lines, ...(format === 'openmetrics' ? ['# EOF'] : [])].join('\n')}\n`;
}

function linesOf(metric: Metric): string[] {
  if (metric.type !== 'histogram')
    return metric.samples.map(({ labels, value }) => `${metric.name}${labelsOf(labels)} ${number(value)}`);
  return metric.samples.flatMap(({ labels, bounds, counts, sum }) => {
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      const bound = bounds[index];
      const le = bound === undefined ? '+Inf' : bound.toFixed(bound < 1 ? 3 : 1).replace(/(\.\d+?)0+$/, '$1');
      return `${metric.name}_bucket${labelsOf({ ...labels, le })} ${total}`;
    });
    return [
      ...buckets,
      `${metric.name}_sum${labelsOf(labels)} ${number(sum)}`,
      `${metric.name}_count${labelsOf(labels)} ${total}`,
    ];
  });
}

function labelsOf(labels: Labels = {}): string {
  const written = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return written.length === 0 ? '' : `{${written.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

function escapeHelp(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
