import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  generateMasterKey,
  generateRecoveryCode,
  unwrapMasterKey,
  wrapMasterKey,
} from '../../../src/vault/master-key.ts';
import { openSealed, SealBrokenError, sealUnder } from '../../../src/vault/seal.ts';
import { generateBoxKeys, openFrom, sealTo } from '../../../src/vault/sealed-box.ts';
import {
  formatSessionToken,
  generateSessionToken,
  hashSessionSecret,
  isSessionSecret,
  openFromSession,
  parseSessionToken,
  sealForSession,
} from '../../../src/vault/session-secret.ts';

const serverKey = Buffer.alloc(32, 5);

test('what is sealed opens with its key and context only, and any flipped bit is noticed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (plain, position) => {
      const key = randomBytes(32);
      const sealed = sealUnder(key, plain, 'a');
      assert.deepEqual(openSealed(key, sealed, 'a'), Buffer.from(plain));
      assert.throws(() => openSealed(key, sealed, 'b'), SealBrokenError);
      assert.throws(() => openSealed(randomBytes(32), sealed, 'a'), SealBrokenError);
      const at = position % (sealed.length * 8);
      sealed[at >> 3] = (sealed[at >> 3] ?? 0) ^ (1 << (at & 7));
      assert.throws(() => openSealed(key, sealed, 'a'), SealBrokenError);
    }),
  );
});

test('a sealed box is made without any secret and opens with the private key only', () => {
  const keys = generateBoxKeys();
  const box = sealTo(keys.publicKey, Buffer.from('draft'), 'draft 1');
  assert.equal(openFrom(keys, box, 'draft 1').toString(), 'draft');
  assert.throws(() => openFrom(keys, box, 'draft 2'), SealBrokenError);
  assert.throws(() => openFrom({ ...generateBoxKeys(), publicKey: keys.publicKey }, box, 'draft 1'), SealBrokenError);
});

test('the master key opens by passphrase or by recovery code, never without K_srv or for another user', async () => {
  const masterKey = generateMasterKey();
  const code = generateRecoveryCode();
  assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  const byPassphrase = await wrapMasterKey(
    masterKey,
    { kind: 'passphrase', secret: 'vier Wörter für mich' },
    serverKey,
    'u 1',
  );
  const byRecovery = await wrapMasterKey(masterKey, { kind: 'recovery', secret: code }, serverKey, 'u 1');
  const open = (
    wrapped: typeof byPassphrase,
    kind: 'passphrase' | 'recovery',
    secret: string,
    key = serverKey,
    context = 'u 1',
  ) => unwrapMasterKey(wrapped, { kind, secret }, key, context);
  assert.deepEqual(await open(byPassphrase, 'passphrase', 'vier Wörter für mich'), masterKey);
  // typed on another keyboard: decomposed umlauts are the same passphrase
  assert.deepEqual(await open(byPassphrase, 'passphrase', 'vier Wörter für mich'.normalize('NFD')), masterKey);
  assert.deepEqual(await open(byRecovery, 'recovery', code.toLowerCase().replaceAll('-', ' ')), masterKey);
  assert.equal(await open(byPassphrase, 'passphrase', 'vier Worter fur mich'), null);
  assert.equal(await open(byPassphrase, 'passphrase', 'vier Wörter für mich', Buffer.alloc(32, 6)), null);
  assert.equal(await open(byPassphrase, 'passphrase', 'vier Wörter für mich', serverKey, 'v 1'), null);
  assert.equal(await open(byPassphrase, 'recovery', code), null);
});

test('a session opens with cookie and K_sess together, neither is enough', () => {
  const token = generateSessionToken();
  const sealed = sealForSession(token, serverKey, Buffer.from('secret'), 'credential');
  assert.equal(openFromSession(token, serverKey, sealed, 'credential')?.toString(), 'secret');
  assert.equal(openFromSession(token, serverKey, sealed, 'master key'), null);
  assert.equal(openFromSession(token, Buffer.alloc(32), sealed, 'credential'), null);
  assert.equal(openFromSession(generateSessionToken(), serverKey, sealed, 'credential'), null);
  assert.deepEqual(parseSessionToken(formatSessionToken(token)), token);
  assert.ok(isSessionSecret(token.secret, hashSessionSecret(token.secret)));
  for (const cookie of ['', 'x', `${token.id}.`, `${formatSessionToken(token)}x`, `../${token.id}`]) {
    assert.equal(parseSessionToken(cookie), null);
  }
});
