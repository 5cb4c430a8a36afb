// `node test/interop/matrix/write-table.ts`: measures the matrix and writes docs/interoperability.md.
import { writeFileSync } from 'node:fs';
import { measureMatrix } from './run-matrix.ts';
import { interoperabilityPage } from './table.ts';

const matrix = await measureMatrix();
const page = interoperabilityPage(matrix, new Date().toISOString().slice(0, 10));
writeFileSync(new URL('../../../docs/interoperability.md', import.meta.url), page);
const names = matrix.peers.map((peer) => peer.name);
for (const { title, reads, writes } of matrix.rows) {
  for (const [way, cells] of Object.entries({ reads, writes })) {
    cells.forEach((cell, index) => {
      if (cell.kind === 'fault') console.log(`FAULT: ${title}, ${way}, ${names[index]}: ${cell.said}`);
    });
  }
}
