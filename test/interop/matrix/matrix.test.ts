/** Every form, key and cipher with every program, both ways; docs/interoperability.md is this test's result. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { type Matrix, measureMatrix } from './run-matrix.ts';
import { comparedPart, comparedPartOf } from './table.ts';

let matrix: Matrix;
before(async () => {
  matrix = await measureMatrix();
});

function faults(direction: 'reads' | 'writes'): string[] {
  return matrix.rows.flatMap((row) =>
    row[direction].flatMap((cell, index) =>
      cell.kind === 'fault' ? [`${row.title}, ${matrix.peers[index]?.name}: ${cell.said}`] : [],
    ),
  );
}

describe('the matrix of interoperability', () => {
  it('S07 S14 all that other programs write is read, its signature judged rightly', () => {
    assert.deepEqual(faults('reads'), []);
  });

  it('S07 S14 all that is written here is read by every program that reads it of a third one', () => {
    assert.deepEqual(faults('writes'), []);
  });

  it('S07 S14 docs/interoperability.md says what was measured', () => {
    const page = readFileSync(new URL('../../../docs/interoperability.md', import.meta.url), 'utf8');
    assert.equal(comparedPartOf(page), comparedPart(matrix), 'node test/interop/matrix/write-table.ts writes it anew');
  });
});
