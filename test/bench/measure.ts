/** Median, smallest and largest of some milliseconds. */
export type Figures = { median: number; min: number; max: number; runs: number };

export function figuresOf(samples: number[]): Figures {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)!, runs: sorted.length };
}

/** Two things in turn, A B A B …, after one warm-up of each: drift of the machine meets both. */
export async function measurePair(
  runs: number,
  a: () => Promise<unknown>,
  b: () => Promise<unknown>,
): Promise<{ a: Figures; b: Figures; ratio: number }> {
  await a();
  await b();
  const samples: [number[], number[]] = [[], []];
  for (let n = 0; n < runs; n++) {
    for (const [index, job] of [a, b].entries()) {
      const startedMs = performance.now();
      await job();
      samples[index]!.push(performance.now() - startedMs);
    }
  }
  const pair = { a: figuresOf(samples[0]), b: figuresOf(samples[1]) };
  return { ...pair, ratio: figuresOf(samples[0].map((ms, n) => ms / samples[1][n]!)).median };
}

export function line(what: string, figures: Figures, note = ''): string {
  const ms = (value: number) => value.toFixed(1).padStart(9);
  return `${what.padEnd(58)}${ms(figures.median)}${ms(figures.min)}${ms(figures.max)}  ${String(figures.runs).padStart(4)}  ${note}`;
}
