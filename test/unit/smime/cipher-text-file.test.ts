/** Large content that is deciphered where it is read. */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { joinSlices, SLICE_BYTES, slicesOf } from '../../../src/bytes/byte-source.ts';
import { makeSpoolFolder, SpoolScope } from '../../../src/bytes/spool.ts';
import { type CbcKey, openCipherText, writeCipherText } from '../../../src/smime/cipher-text-file.ts';

const folder = join(mkdtempSync(join(tmpdir(), 'sp-cipher-')), 'spool');
makeSpoolFolder(folder);
after(() => rmSync(folder, { recursive: true }));

const NAMES = { 'aes-128-cbc': 16, 'aes-192-cbc': 24, 'aes-256-cbc': 32 } as const;

function encrypted(clear: Buffer, name: CbcKey['name'] = 'aes-256-cbc') {
  const key: CbcKey = { name, key: randomBytes(NAMES[name]), iv: randomBytes(16) };
  const cipher = createCipheriv(name, key.key, key.iv);
  return { key, cipherText: Buffer.concat([cipher.update(clear), cipher.final()]) };
}

/** In pieces of the size, as they come out of base64 or of a string in pieces. */
function* inPieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function opened(scope: SpoolScope, cipherText: Buffer, key: CbcKey) {
  return openCipherText(writeCipherText(inPieces(cipherText, 48_000), scope), key, scope);
}

describe('cipher text in a file', () => {
  it('S14 whatever stretch is read is what was encrypted, under each size of key', () => {
    const around = fc
      .tuple(fc.constantFrom(0, 1, 2), fc.constantFrom(-17, -16, -15, -1, 0, 1, 15, 16, 17))
      .map(([n, off]) => Math.max(0, n * SLICE_BYTES + off));
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(NAMES) as CbcKey['name'][])),
        around,
        fc.array(fc.tuple(around, around), { minLength: 1, maxLength: 6 }),
        (name, size, stretches) => {
          const scope = new SpoolScope(folder);
          const clear = randomBytes(size);
          const { key, cipherText } = encrypted(clear, name);
          const source = opened(scope, cipherText, key);
          assert.equal(source.length, size);
          for (const [one, other] of stretches) {
            const [start, end] = one < other ? [one, other] : [other, one];
            assert.deepEqual(source.subarray(start, end), clear.subarray(start, end));
            assert.deepEqual(joinSlices(slicesOf(source, start, end)), clear.subarray(start, end));
            assert.equal(source.at(start), clear[start]);
          }
          scope.close();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('S14 a padding that is none opens nothing, as with a wrong key', () => {
    const scope = new SpoolScope(folder);
    const { key, cipherText } = encrypted(Buffer.alloc(3 * SLICE_BYTES));
    // A last block of padding alone: turning its last octet makes another number of it.
    cipherText.writeUInt8(cipherText.readUInt8(cipherText.length - 17) ^ 0xff, cipherText.length - 17);
    assert.throws(() => opened(scope, cipherText, key));
    assert.throws(() => opened(scope, cipherText.subarray(0, -5), key), { code: 'malformed' });
    assert.throws(() => opened(scope, Buffer.alloc(0), key), { code: 'malformed' });
    scope.close();
  });

  it('S14 the key is overwritten with the end of the job, and the one it came from may be before', () => {
    const scope = new SpoolScope(folder);
    const clear = randomBytes(4 * SLICE_BYTES);
    const { key, cipherText } = encrypted(clear);
    const source = opened(scope, cipherText, key);
    key.key.fill(0);
    assert.deepEqual(joinSlices(slicesOf(source)), clear);
    const kept = scope.keep(randomBytes(32));
    scope.close();
    assert.deepEqual(kept, Buffer.alloc(32));
    assert.throws(() => source.subarray(0, 1));
  });
});
