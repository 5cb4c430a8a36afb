/**
 * Every parser of foreign bytes under mutated input (security.md, "Bars"): ten seconds each with a fixed seed; with
 * SEALPOST_LONG an hour each, side by side, from a seed of the day. SEALPOST_SEED draws another one.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { TARGETS, type TargetName } from './targets.ts';

const long = process.env['SEALPOST_LONG'] !== undefined;
const SECONDS = Number(process.env['SEALPOST_FUZZ_SECONDS'] ?? (long ? 3600 : 10));
const SEED = Number(process.env['SEALPOST_SEED'] ?? (long ? Math.floor(Date.now() / 86_400_000) : 20261127));
/** One input of at most 64 KiB: 2 s and a little, with room for a machine that does other things. */
const MOST_MS = 15_000;
const MOST_MIB = 256;

describe('parsers of foreign bytes', { concurrency: long ? 2 : 1 }, () => {
  for (const name of TARGETS) {
    it(`NFR: ${name} neither fails, hangs nor takes much memory for ${SECONDS} s`, async (t) => {
      const { count, error } = await run(name);
      t.diagnostic(`${name}: ${count} inputs, ${Math.round(count / SECONDS)} per second, seed ${SEED}`);
      assert.equal(error, null);
      assert.ok(count > SECONDS * 5, `only ${count} inputs`);
    });
  }
});

async function run(name: TargetName): Promise<{ count: number; error: string | null }> {
  const folder = path.resolve('test-results');
  mkdirSync(folder, { recursive: true });
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const current = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  const failure = path.join(folder, `fuzz-${name}-${SEED}.bin`);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData: { name, seed: SEED, seconds: SECONDS, shared, current, failure },
    resourceLimits: { maxOldGenerationSizeMb: MOST_MIB },
  });
  const keep = () => writeFileSync(failure, current.slice(0, Atomics.load(shared, 1)));
  return new Promise((resolve, reject) => {
    let last = { count: -1, sinceMs: performance.now() };
    const watch = setInterval(() => {
      const count = Atomics.load(shared, 0);
      if (count !== last.count) last = { count, sinceMs: performance.now() };
      else if (performance.now() - last.sinceMs > MOST_MS) {
        keep();
        end({ count, error: `input ${count} of seed ${SEED} hangs` });
      }
    }, 500);
    const end = (result: { count: number; error: string | null }) => {
      clearInterval(watch);
      void worker.terminate();
      resolve(result);
    };
    worker.once('message', end);
    worker.once('error', (error) => {
      clearInterval(watch);
      keep();
      reject(new Error(`${name}, seed ${SEED}, input ${Atomics.load(shared, 0)}: ${error.message}`, { cause: error }));
    });
  });
}
