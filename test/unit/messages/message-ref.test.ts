import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { messageHref, parseMessageRef } from '../../../src/services/mailbox/message-ref.ts';

test('an address names a message by folder, UIDVALIDITY and UID, whatever the folder is called', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }),
      fc.integer({ min: 1, max: 0xffffffff }),
      fc.integer({ min: 1, max: 0xffffffff }),
      (folder, validity, uid) => {
        const ref = { folder, uidValidity: BigInt(validity), uid };
        const [, , id = '', message = ''] = messageHref(ref).split('/');
        assert.deepEqual(parseMessageRef(id, message), ref);
      },
    ),
  );
});

test('what is not such an address is nothing', () => {
  for (const message of [
    '',
    '1',
    '1-',
    '-1',
    '0-1',
    '1-0',
    '1-1.5',
    '1-1e3',
    '1--1',
    '4294967296-1',
    '1-4294967296',
    '1-1 ',
    '٣-1',
  ]) {
    assert.equal(parseMessageRef('SU5CT1g', message), null, message);
  }
  for (const folder of ['', '..', 'SU5CT1g=', 'SU5C T1g', '/w', '%'])
    assert.equal(parseMessageRef(folder, '1-1'), null, folder);
});
