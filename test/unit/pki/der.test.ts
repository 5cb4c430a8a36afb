import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { children, octetsOf, oidOf, readElement, readWhole, smallIntegerOf } from '../../../src/pki/der.ts';
import { timeOf } from '../../../src/pki/der-text.ts';
import { integer, objectIdentifier, octetString, sequence, setOf, time } from '../../../src/pki/der-writer.ts';
import { PkiError } from '../../../src/pki/errors.ts';

const code = (expected: string) => (error: unknown) => error instanceof PkiError && error.code === expected;

test('what the writer makes the strict reader understands', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70_000 }), fc.nat(), (bytes, number) => {
      const node = readWhole(sequence(octetString(bytes), integer(number)), { strict: true });
      const [octets, count] = children(node);
      assert.deepEqual(octetsOf(octets!), Buffer.from(bytes));
      assert.equal(smallIntegerOf(count!), number);
    }),
    { numRuns: 50 },
  );
});

test('object identifiers and times survive the way there and back', () => {
  for (const oid of ['1.2.840.113549.1.7.2', '2.16.840.1.101.3.4.2.1', '0.9.2342.19200300.100.1.25', '2.999.3']) {
    assert.equal(oidOf(readWhole(objectIdentifier(oid))), oid);
  }
  for (const at of ['1999-12-31T23:59:59.000Z', '2049-12-31T23:59:59.000Z', '2050-01-01T00:00:00.000Z']) {
    assert.equal(timeOf(readWhole(time(new Date(at)))).toISOString(), at);
  }
});

test('arcs of any size are written exactly, and what is no object identifier is refused', () => {
  const uuid = objectIdentifier('2.25.329800735698586629295641978511506172918');
  assert.equal(uuid.toString('hex'), '06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776');
  assert.equal(objectIdentifier('1.2.9007199254740993').toString('hex'), '06092a9080808080808001');
  for (const wrong of ['', '1', '3.1', '1.40', '1.2.x', '1.2.-1', '1.2.1.5e3', '1..2']) {
    assert.throws(() => objectIdentifier(wrong), RangeError);
  }
});

test('a time that does not exist is refused', () => {
  const impossible = Buffer.from('170d3236303233303132303030305a', 'hex'); // 30 February
  assert.throws(() => timeOf(readWhole(impossible)), code('malformed'));
});

test('sets are sorted as DER demands', () => {
  assert.deepEqual(setOf(integer(2), integer(1)), setOf(integer(1), integer(2)));
});

test('indefinite lengths and strings in pieces are read, but not where DER is demanded', () => {
  const ber = Buffer.from('30802480040261620401630000' + '0000', 'hex');
  const [octets] = children(readWhole(ber));
  assert.equal(octetsOf(octets!).toString(), 'abc');
  assert.throws(() => readWhole(ber, { strict: true }), code('malformed'));
  assert.throws(() => readWhole(Buffer.from('30810100', 'hex'), { strict: true }), code('malformed'));
});

test('nesting, endless strings and lengths past the end are refused', () => {
  const deep = Buffer.from(`${'3080'.repeat(40)}${'0000'.repeat(40)}`, 'hex');
  assert.throws(() => readWhole(deep), code('too-complex'));
  assert.throws(() => readElement(Buffer.from('2480040161', 'hex')), code('malformed'));
  assert.throws(() => readElement(Buffer.from('3005020101', 'hex')), code('malformed'));
  assert.throws(() => readElement(Buffer.from('0486ffffffffffff', 'hex')), code('malformed'));
});

test('no bytes at all make the reader throw anything but its own error', () => {
  const walk = (bytes: Uint8Array) => {
    const visit = (node: ReturnType<typeof readElement>): void => {
      if (node.constructed) for (const child of children(node)) visit(child);
    };
    visit(readElement(bytes));
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        walk(bytes);
      } catch (error) {
        assert.ok(error instanceof PkiError);
      }
    }),
    { numRuns: 2000 },
  );
});
