/** What one input may cost (security.md, "Bars"), measured in the process that reads it. */
import { startCpuClock } from '../support/cpu-clock.ts';
import { type Target, usualMs } from './targets.ts';

const MiB = 1024 * 1024;
export const MOST_MIB = 256;

/** Milliseconds of processor time. */
export function mostMs(target: Target, bytes: Buffer): number {
  return target.mostMs?.(bytes) ?? usualMs(bytes);
}

/** The largest this process has ever been, heap and buffers and all. */
function peakMiB(): number {
  return process.resourceUsage().maxRSS / 1024;
}

/** Why the input fails, or null. */
export function troubleWith(target: Target, bytes: Buffer): string | null {
  const before = { residentMiB: process.memoryUsage.rss() / MiB, peakMiB: peakMiB() };
  const spentMs = startCpuClock();
  try {
    target.check(target.wrap?.(bytes) ?? bytes);
  } catch (error) {
    return `${(error as Error).stack}`;
  }
  const ms = spentMs();
  if (ms > mostMs(target, bytes)) return `${bytes.length} bytes took ${Math.round(ms)} ms of processor time`;
  // Only a new peak says what this input needed; waste of those before it is still there.
  const mib = peakMiB() > before.peakMiB ? peakMiB() - before.residentMiB : 0;
  return mib > MOST_MIB ? `${bytes.length} bytes: the process grew by ${Math.round(mib)} MiB` : null;
}
