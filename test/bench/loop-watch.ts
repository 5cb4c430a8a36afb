import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How long the event loop of this thread stood still at most. */
export type Stall = {
  /** By the clock: on a busy machine that includes the time in which others had the processor */
  delayMs: number;
  /** Processor time of this thread between two turns: what this program is answerable for */
  ownMs: number;
};

/** Watches the event loop of this thread from now on until it is asked. */
export function watchLoop(): () => Stall {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let before = process.threadCpuUsage();
  let ownMs = 0;
  const look = () => {
    const { user, system } = process.threadCpuUsage(before);
    before = process.threadCpuUsage();
    ownMs = Math.max(ownMs, (user + system) / 1000);
  };
  const timer = setInterval(look, 1);
  return () => {
    clearInterval(timer);
    look();
    delay.disable();
    return { delayMs: delay.max / 1e6, ownMs };
  };
}

export function stallNote({ delayMs, ownMs }: Stall): string {
  return `loop blocked at most ${delayMs.toFixed(0)} ms (${ownMs.toFixed(0)} of its own)`;
}
