/** The same numbers for the same seed: mulberry32. */
export type Random = {
  /** From 0 to below `end` */
  below(end: number): number;
  /** Milliseconds, or anything else, from `low` to `high` */
  between(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
};

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (end) => Math.floor(next() * end),
    between: (low, high) => low + next() * (high - low),
    pick: <T>(from: readonly T[]) => {
      if (from.length === 0) throw new RangeError('nothing to pick from');
      return from[Math.floor(next() * from.length)] as T;
    },
  };
}
