import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineEndCheck } from '../../../src/mail/line-end-check.ts';

async function passes(chunks: string[]): Promise<boolean> {
  const check = new LineEndCheck();
  const out: Buffer[] = [];
  try {
    for await (const chunk of Readable.from(chunks.map((each) => Buffer.from(each))).pipe(check)) out.push(chunk);
  } catch {
    assert.notEqual(check.violation, null);
    return false;
  }
  assert.equal(Buffer.concat(out).toString(), chunks.join(''));
  return true;
}

describe('the check of line ends', () => {
  it('lets CRLF pass, wherever it is cut', async () => {
    for (const chunks of [['a\r\nb\r\n'], ['a\r', '\nb'], ['\r', '\n', '\r', '\n'], [''], ['a', '', '\r\n']]) {
      assert.equal(await passes(chunks), true, JSON.stringify(chunks));
    }
  });

  it('stops at a bare CR or LF, wherever it is cut', async () => {
    for (const chunks of [
      ['a\nb'],
      ['\n'],
      ['a\r', 'b'],
      ['a\r'],
      ['a\r\r\n'],
      ['a', '\nb'],
      ['a\r\n\nb'],
      ['\r', '\r\n'],
    ]) {
      assert.equal(await passes(chunks), false, JSON.stringify(chunks));
    }
  });

  it('says the same as a look at the whole', async () => {
    const piece = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '.'), maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (chunks) => {
        const whole = !/[\r\n]/.test(chunks.join('').replaceAll('\r\n', ''));
        assert.equal(await passes(chunks), whole);
      }),
    );
  });
});
