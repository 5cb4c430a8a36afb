/**
 * Every parser of foreign bytes under mutated input (security.md, "Bars"): ten seconds each with a fixed seed; with
 * SEALPOST_LONG an hour each, side by side, from a seed of the day. SEALPOST_SEED draws another one. An input that fails is
 * kept in test-results, to be read again by replay.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { MOST_MIB, mostMs } from './bounds.ts';
import type { Finding } from './child.ts';
import { inputOf } from './mutate.ts';
import { TARGETS, type TargetName, targetOf } from './targets.ts';

const long = process.env['SEALPOST_LONG'] !== undefined;
const SECONDS = Number(process.env['SEALPOST_FUZZ_SECONDS'] ?? (long ? 3600 : 10));
const SEED = Number(process.env['SEALPOST_SEED'] ?? (long ? Math.floor(Date.now() / 86_400_000) : 20261127));
const RESULTS = path.resolve('test-results');

describe('parsers of foreign bytes', { concurrency: long ? 2 : 1 }, () => {
  for (const name of TARGETS) {
    it(`NFR: ${name} neither fails, hangs nor takes much memory for ${SECONDS} s`, async (t) => {
      const { count, error } = await run(name);
      t.diagnostic(`${name}: ${count} inputs, ${Math.round(count / SECONDS)} per second, seed ${SEED}`);
      if (error !== null) assert.fail(`input ${count} of seed ${SEED}, kept as ${keep(name, count)}: ${error}`);
      assert.ok(count > SECONDS * 5, `only ${count} inputs`);
    });
  }
});

function keep(name: TargetName, count: number): string {
  mkdirSync(RESULTS, { recursive: true });
  const file = path.join(RESULTS, `fuzz-${name}-${SEED}-${count}.bin`);
  writeFileSync(file, inputOf(targetOf(name).corpus, SEED, count));
  return file;
}

async function run(name: TargetName): Promise<Finding> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealpost-fuzz-'));
  const state = path.join(folder, 'state');
  const child = fork(new URL('./child.ts', import.meta.url), [name, String(SEED), String(SECONDS), state], {
    execArgv: [`--max-old-space-size=${MOST_MIB}`],
  });
  const count = () => currentCount(state);
  try {
    return await new Promise<Finding>((resolve, reject) => {
      const watch = watchForHang(child, name, count, resolve);
      child.once('message', (finding: Finding) => resolve(finding));
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        clearInterval(watch);
        // Its message may still be on the way. Without one the heap was too small, or something worse.
        const ended = { count: count(), error: `the process ended with ${signal ?? code}` };
        setTimeout(() => resolve(ended), 1000);
      });
    });
  } finally {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

function currentCount(state: string): number {
  try {
    return readFileSync(state).readDoubleLE();
  } catch {
    return -1; // it has not begun
  }
}

/** Ends a child whose input has cost more processor time than any may, without waiting for the input to be done. */
function watchForHang(child: ChildProcess, name: TargetName, count: () => number, end: (finding: Finding) => void) {
  const target = targetOf(name);
  let last = { count: -1, cpuMs: 0 };
  return setInterval(() => {
    const now = { count: count(), cpuMs: cpuMsOf(child) };
    if (now.count < 0 || now.count !== last.count) {
      last = now;
      return;
    }
    const most = mostMs(target, inputOf(target.corpus, SEED, now.count));
    const error = `hangs: ${Math.round(now.cpuMs - last.cpuMs)} ms of processor time so far`;
    if (now.cpuMs - last.cpuMs > most) end({ count: now.count, error });
  }, 500);
}

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Of all its threads, from proc(5): the fields after the name in brackets, utime and stime. */
function cpuMsOf({ pid }: ChildProcess): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
  } catch {
    return 0; // it has ended
  }
}
