/** `node test/fuzz/replay.ts cms test-results/fuzz-cms-20261127.bin`: what one input that was kept comes to, alone. */
import { readFileSync } from 'node:fs';
import { troubleWith } from './bounds.ts';
import { TARGETS, type TargetName, targetOf } from './targets.ts';

const [name, file] = process.argv.slice(2);
if (name === undefined || file === undefined || !(TARGETS as readonly string[]).includes(name)) {
  console.error(`usage: replay.ts ${TARGETS.join('|')} <file>`);
  process.exit(2);
}
const target = targetOf(name as TargetName);
for (const bytes of target.corpus) target.check(target.wrap?.(bytes) ?? bytes);
const trouble = troubleWith(target, readFileSync(file));
console.log(trouble ?? 'within its bounds');
process.exitCode = trouble === null ? 0 : 1;
