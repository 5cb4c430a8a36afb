// One target in a thread of its own, so that a hang or too much memory ends it and nothing else.
import { writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { mutated, randomOf } from './mutate.ts';
import { type TargetName, targetOf } from './targets.ts';

const { name, seed, seconds, shared, failure } = workerData as {
  name: TargetName;
  seed: number;
  seconds: number;
  /** Number of the input and when it began, for who watches */
  shared: Int32Array;
  failure: string;
};
const target = targetOf(name);
const endMs = performance.now() + seconds * 1000;
let count = 0;
for (; performance.now() < endMs; count += 1) {
  // Each input has a seed of its own: any of them can be made again by itself.
  const bytes = mutated(target.corpus, randomOf((seed + Math.imul(count, 2654435761)) | 0));
  Atomics.store(shared, 0, count);
  try {
    target.check(bytes);
  } catch (error) {
    writeFileSync(failure, bytes);
    parentPort?.postMessage({ count, error: `${(error as Error).stack}` });
    process.exit();
  }
}
parentPort?.postMessage({ count, error: null });
