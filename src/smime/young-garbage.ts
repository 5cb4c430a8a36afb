/** Collects garbage of this thread. The young alone is what `collectSlicesWith` (src/bytes/ciphered-file.ts) is given in a worker. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { type: 'minor' | 'major'; execution: 'sync' }) => void;

export interface Collectors {
  young(): void;
  all(): void;
}

/** V8 hands its collector out only to contexts that are made after this flag was set; no script of the process sees it. */
export function garbageCollectors(): Collectors {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return {
    young: () => collect({ type: 'minor', execution: 'sync' }),
    all: () => collect({ type: 'major', execution: 'sync' }),
  };
}
