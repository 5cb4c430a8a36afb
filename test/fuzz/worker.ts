// One target in a thread of its own, so that a hang or too much memory ends it and nothing else.
import { writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { mutated, randomOf } from './mutate.ts';
import { type TargetName, targetOf } from './targets.ts';

const { name, seed, seconds, shared, current, failure } = workerData as {
  name: TargetName;
  seed: number;
  seconds: number;
  /** Number of the input and its size, for who watches */
  shared: Int32Array;
  /** The input itself: what hangs or ends the thread can be looked at */
  current: Uint8Array;
  failure: string;
};
const target = targetOf(name);
const endMs = performance.now() + seconds * 1000;
let count = 0;
for (; performance.now() < endMs; count += 1) {
  const bytes = mutated(target.corpus, randomOf((seed + Math.imul(count, 2654435761)) | 0));
  current.set(bytes.subarray(0, current.length));
  Atomics.store(shared, 1, Math.min(bytes.length, current.length));
  Atomics.store(shared, 0, count);
  try {
    target.check(target.wrap?.(bytes) ?? bytes);
  } catch (error) {
    writeFileSync(failure, bytes);
    parentPort?.postMessage({ count, error: `${(error as Error).stack}` });
    process.exit();
  }
}
parentPort?.postMessage({ count, error: null });
