import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contentDisposition } from '../../../src/routes/messages/attachment-headers.ts';

test('a file name in any script is kept, with an ASCII form beside it (RFC 6266)', () => {
  assert.equal(
    contentDisposition('Übersicht.pdf'),
    'attachment; filename="_bersicht.pdf"; filename*=UTF-8\'\'%C3%9Cbersicht.pdf',
  );
  assert.equal(contentDisposition('a"b%.txt'), 'attachment; filename="a_b_.txt"; filename*=UTF-8\'\'a%22b%25.txt');
  assert.equal(
    contentDisposition("it's (1).txt"),
    "attachment; filename=\"it's (1).txt\"; filename*=UTF-8''it%27s%20%281%29.txt",
  );
});

test('no name breaks out of the header, turns its direction or names a path', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
      assert.match(
        contentDisposition(name),
        /^attachment; filename="[^"%/\\\x00-\x1f\x7f-\uffff]*"; filename\*=UTF-8''[\w.!~*%#$&+^`|{}-]*$/,
      );
    }),
  );
  assert.doesNotMatch(contentDisposition('../../etc\u202etxt.exe'), /\/|%E2%80%AE/);
});
