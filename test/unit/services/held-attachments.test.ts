import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { isSpool, MEMORY_BYTES, makeSpoolFolder } from '../../../src/bytes/spool.ts';
import type { SpoolFile } from '../../../src/bytes/spool-file.ts';
import { joinEntity } from '../../../src/mime/encode.ts';
import { holdAttachments } from '../../../src/services/letters/held-attachments.ts';

test('S14 the attachments of a letter that wait in memory are small together, however many there are', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sp-held-'));
  makeSpoolFolder(folder);
  const spools: SpoolFile[] = [];
  try {
    const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(MEMORY_BYTES / 4 + index, index));
    const letter = contents.map((content, index) => {
      const read = async function* () {
        yield content.subarray(0, 1000);
        yield content.subarray(1000);
      };
      return { name: `${index}.bin`, type: 'a/b', size: content.length, read };
    });
    const held = await holdAttachments(letter, folder, spools);
    assert.deepEqual(
      held.map(({ bytes }) => isSpool(bytes)),
      [false, false, false, true, true, true, true, true],
    );
    assert.equal(spools.length, 5);
    for (const [index, { name, bytes }] of held.entries()) {
      const content = contents[index] as Buffer;
      assert.equal(name, `${index}.bin`);
      assert.ok(joinEntity([{ written: bytes, size: content.length }]).equals(content));
    }
  } finally {
    for (const spool of spools) await spool.close();
    rmSync(folder, { recursive: true });
  }
});
