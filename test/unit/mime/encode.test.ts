/** Entities as they are written. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { SLICE_BYTES } from '../../../src/bytes/byte-source.ts';
import { encodeBase64Lines, joinEntity } from '../../../src/mime/encode.ts';

/** Lines of 76 characters, each ended by CRLF (RFC 2045 section 6.8), made the slow way. */
const expected = (bytes: Buffer) => bytes.toString('base64').replace(/.{1,76}/g, '$&\r\n');

test('S14 base64 of any size stands in lines of 76 characters, however its bytes come', () => {
  const sizes = [...Array(200).keys(), ...[-58, -57, -1, 0, 1, 56, 57, 58].map((more) => SLICE_BYTES + more), 300_000];
  for (const size of sizes) {
    const bytes = randomBytes(size);
    assert.equal(encodeBase64Lines(bytes).toString('latin1'), expected(bytes), String(size));
  }
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 8 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      const written = joinEntity([{ base64: pieces, size: bytes.length }]);
      assert.equal(written.toString('latin1'), expected(bytes));
    }),
  );
});
