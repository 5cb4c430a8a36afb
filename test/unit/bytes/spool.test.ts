import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { indexIn, joinSlices, partOf, SLICE_BYTES, slicesOf } from '../../../src/bytes/byte-source.ts';
import { ByteCollector, MEMORY_BYTES, makeSpoolFolder, SpoolScope, SpoolSource } from '../../../src/bytes/spool.ts';
import { SpoolFile } from '../../../src/bytes/spool-file.ts';

const folder = join(mkdtempSync(join(tmpdir(), 'sp-spool-')), 'spool');
makeSpoolFolder(folder);
after(() => rmSync(folder, { recursive: true }));

/** The bytes as a spool, whatever their size. */
function spooled(scope: SpoolScope, bytes: Buffer): SpoolSource {
  const writer = scope.writer();
  writer.write(bytes);
  return new SpoolSource(writer.end());
}

describe('spool', () => {
  it('NFR: nobody else may enter its folder, and its files have no name there', () => {
    const scope = new SpoolScope(folder);
    spooled(scope, Buffer.from('secret'));
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(folder), []);
    scope.close();
  });

  it('NFR: what lies on the disk is not what was written', () => {
    const scope = new SpoolScope(folder);
    const plain = Buffer.alloc(3 * SLICE_BYTES, 'plain text of a letter ');
    const writer = scope.writer();
    writer.write(plain);
    const handle = writer.end();
    const raw = Buffer.alloc(handle.size);
    assert.equal(readSync(handle.fd, raw, 0, raw.length, 0), plain.length);
    assert.equal(raw.indexOf('letter'), -1);
    assert.notDeepEqual(raw.subarray(0, 32), raw.subarray(SLICE_BYTES, SLICE_BYTES + 32));
    scope.close();
    assert.throws(() => closeSync(handle.fd), /EBADF/, 'closed with the job');
  });

  it('gives the same bytes as memory, from any place and in any order', () => {
    const scope = new SpoolScope(folder);
    const bytes = randomBytes(3 * SLICE_BYTES + 17);
    const source = spooled(scope, bytes);
    const place = fc.nat({ max: bytes.length + 5 });
    fc.assert(
      fc.property(place, place, (start, end) => {
        assert.deepEqual(source.subarray(start, end), bytes.subarray(start, Math.max(start, end)));
        assert.equal(source.at(start), bytes.at(start));
        const part = partOf(source, Math.min(start, end), Math.max(start, end));
        const same = bytes.subarray(Math.min(start, end), Math.max(start, end));
        assert.deepEqual(joinSlices(slicesOf(part)), same);
        assert.deepEqual(joinSlices(slicesOf(partOf(part, 3, 70))), same.subarray(3, 70));
      }),
      { numRuns: 200, seed: 20261127 },
    );
    assert.equal(source.at(-1), undefined, 'there is nothing before the beginning');
    scope.close();
  });

  it('finds what lies across its slices', () => {
    const scope = new SpoolScope(folder);
    const bytes = Buffer.alloc(2 * SLICE_BYTES, 'a');
    for (const at of [0, 511, 512, 1535, SLICE_BYTES - 2, SLICE_BYTES + 1000, bytes.length - 4]) {
      const marked = Buffer.from(bytes);
      marked.write('--b!', at);
      const source = spooled(scope, marked);
      assert.equal(indexIn(source, Buffer.from('--b!'), 0, source.length), at);
      assert.equal(indexIn(source, 0x21, 0, source.length), at + 3);
      assert.equal(indexIn(source, Buffer.from('--b!'), 0, at + 3), -1, 'not wholly before the end');
      assert.equal(indexIn(source, Buffer.from('--b!'), at + 1, source.length), -1);
    }
    scope.close();
  });

  it('keeps small content in memory, and all of it without a folder', () => {
    const scope = new SpoolScope(folder);
    for (const [size, inMemory] of [
      [MEMORY_BYTES, true],
      [MEMORY_BYTES + 1, false],
    ] as const) {
      const bytes = randomBytes(size);
      const collectors = [new ByteCollector(scope), new ByteCollector(null)];
      for (const slice of slicesOf(bytes)) for (const collector of collectors) collector.write(slice);
      const [chosen, memory] = collectors.map((collector) => collector.end());
      assert.equal(Buffer.isBuffer(chosen), inMemory);
      assert.deepEqual(joinSlices(slicesOf(chosen!)), bytes);
      assert.ok(Buffer.isBuffer(memory) && memory.equals(bytes));
    }
    scope.close();
  });

  it('is written and read as a stream by the main thread, and read by its handle elsewhere', async () => {
    const bytes = randomBytes(5 * SLICE_BYTES + 1);
    const file = await SpoolFile.open(folder);
    const handle = await file.write(
      (async function* () {
        yield bytes.subarray(0, 100_000);
        yield bytes.subarray(100_000);
      })(),
    );
    assert.deepEqual(new SpoolSource(handle).subarray(0, handle.size), bytes);
    const read: Buffer[] = [];
    for await (const slice of file.read(handle)) read.push(slice);
    assert.deepEqual(Buffer.concat(read), bytes);
    await file.close();
    await file.close();
    assert.ok(existsSync(folder));
  });
});
