import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openUnderPassphrase, sealUnderPassphrase } from '../../../src/vault/passphrase-seal.ts';

test('what is sealed under a passphrase opens with it, in any Unicode form, and for the same thing only', async () => {
  const key = Buffer.from('private key of an authority');
  const { salt, sealed } = await sealUnderPassphrase('größer als zwölf', key, 'authority key 1');
  assert.equal(sealed.includes(key), false);
  const open = (passphrase: string, what = 'authority key 1', bytes: Buffer = sealed) =>
    openUnderPassphrase(passphrase, salt, bytes, what);
  assert.deepEqual(await open('größer als zwölf'.normalize('NFD')), key);
  assert.equal(await open('grösser als zwölf'), null);
  assert.equal(await open('größer als zwölf', 'authority key 2'), null);
  const altered = Buffer.from(sealed);
  altered[20] = (altered[20] ?? 0) ^ 1;
  assert.equal(await open('größer als zwölf', 'authority key 1', altered), null);
});
