/** Collects the young garbage of this thread: what `collectSlicesWith` (src/bytes/ciphered-file.ts) is given in a worker. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor'; execution: 'sync' }) => void;

/** V8 hands its collector out only to contexts that are made after this flag was set; no script of the process sees it. */
export function youngCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return () => collect({ type: 'minor', execution: 'sync' });
}
