/** `sealpost inspect`, the real command, says of each forged message what the page says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FORGED_CLAIMS } from '../support/claims/catalogue.ts';
import { makePeople, type People } from '../support/smime-people.ts';

const COMMAND = resolve(import.meta.dirname, '../../bin/sealpost.mjs');

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

/** One answer per line and file: there is more than one of each kind. */
function inspect(files: readonly string[]) {
  const args = [COMMAND, 'inspect', '--json', '--anchors', people.rootFile, ...files];
  const done = spawnSync(process.execPath, args, { cwd: people.folder, maxBuffer: 64 * 1024 * 1024 });
  assert.equal(done.status, 0, done.stderr.toString());
  return done.stdout
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the command', () => {
  for (const [kind, forge] of Object.entries(FORGED_CLAIMS)) {
    it(`T25 sees through ${kind}`, () => {
      const claims = forge(people);
      for (const [index, { bytes }] of claims.entries()) writeFileSync(join(people.folder, `${index}.eml`), bytes);
      const answers = inspect(claims.map((_, index) => `${index}.eml`));
      assert.equal(answers.length, claims.length);
      for (const [index, { name, status, reasons, from, signer }] of claims.entries()) {
        const { file, signature, ...rest } = answers[index];
        assert.equal(file, `${index}.eml`);
        assert.equal(signature.status, status, `${name}: ${signature.reasons}`);
        for (const reason of reasons) assert.ok(signature.reasons.includes(reason), `${name}: ${signature.reasons}`);
        if (from !== undefined) assert.equal(rest.from.address, from, name);
        if (signer) assert.deepEqual(signature.signers[0].addresses, signer, name);
        assert.doesNotMatch(rest.html ?? '', /class=|<style|<svg|<link|https:\/\/ribbon\.example/, name);
      }
    });
  }
});
