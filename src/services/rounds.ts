/** Work that comes again and again beside the requests: never two rounds at once, and none is waited for by a process that ends. */
export interface Rounds {
  /** Begins no more, and waits for the one that runs. */
  stop(): Promise<void>;
}

/**
 * The first round begins at once.
 * @param round may throw, as while the database is away: the next one comes all the same
 */
export function startRounds(everyMs: number, round: () => Promise<unknown>): Rounds {
  let running: Promise<unknown> | null = null;
  const begin = () => {
    running ??= round()
      .catch(() => {})
      .finally(() => {
        running = null;
      });
  };
  const timer = setInterval(begin, everyMs);
  timer.unref();
  begin();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
