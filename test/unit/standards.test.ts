/** docs/standards.md names a test for what it says; a name that is gone would make it a promise nobody keeps. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const ROOT = path.resolve(import.meta.dirname, '../..');
const lines = readFileSync(path.join(ROOT, 'docs/standards.md'), 'utf8').split('\n');
const STANDARDS = '5652 5083 5084 3274 8551 8550 3370 3560 3565 4056 5035 2634 5753 5754 8418 8419 7292 8018 9879 9788';

test('every test that docs/standards.md names is there', () => {
  let named = 0;
  for (const line of lines) {
    for (const [, file = '', name = ''] of line.matchAll(/`(test\/[\w./-]+\.test\.ts)`: “([^”]+)”/g)) {
      assert.ok(existsSync(path.join(ROOT, file)), `${file} is gone: ${line}`);
      // The name of a test, or a part of it where it is put together; not any text of the file.
      const titles = readFileSync(path.join(ROOT, file), 'utf8')
        .split('\n')
        .filter((each) => /\b(test|it)\(|^\s*\[?'[A-Z]\d\d /.test(each));
      assert.ok(
        titles.some((title) => title.includes(name)),
        `${file} has no test “${name}”`,
      );
      named += 1;
    }
  }
  assert.ok(named > 50, `${named} tests were recognised`);
});

test('every row of docs/standards.md names a test or says that there is none', () => {
  const rows = lines.filter((line) => line.startsWith('| ') && !/^\| (section|part|---)/.test(line));
  for (const row of rows) {
    const proof = row.split(' | ').at(-1) ?? '';
    assert.match(proof, /^(no test|`test\/[\w./-]+\.test\.ts`: “[^”]+”)/, row);
  }
});

test('every standard that this product is measured by has its table', () => {
  for (const number of STANDARDS.split(' ')) {
    assert.ok(
      lines.some((line) => line.startsWith(`## RFC ${number}: `)),
      `RFC ${number}`,
    );
  }
});
