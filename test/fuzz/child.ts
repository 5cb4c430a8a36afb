// One target in a process of its own, so that a hang or too much memory ends it and nothing else, and can be measured.
import { openSync, writeSync } from 'node:fs';
import { troubleWith } from './bounds.ts';
import { inputOf } from './mutate.ts';
import { type TargetName, targetOf } from './targets.ts';

export interface Finding {
  readonly count: number;
  readonly error: string | null;
}

const [name, seedText, secondsText, stateFile] = process.argv.slice(2) as [TargetName, string, string, string];
const seed = Number(seedText);
const target = targetOf(name);
// The number of the input, for who watches: it is drawn again from that.
const state = openSync(stateFile, 'w');
const number = Buffer.alloc(8);

// Everything is loaded and compiled before it is measured.
for (const bytes of target.corpus) target.check(target.wrap?.(bytes) ?? bytes);
const endMs = performance.now() + Number(secondsText) * 1000;
let finding: Finding = { count: 0, error: null };
for (let count = 0; performance.now() < endMs && finding.error === null; count += 1) {
  number.writeDoubleLE(count);
  writeSync(state, number, 0, 8, 0);
  const error = troubleWith(target, inputOf(target.corpus, seed, count));
  finding = { count: error === null ? count + 1 : count, error };
}
process.send?.(finding, () => process.exit());
