import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rc2CbcDecrypt, rc2CbcEncrypt } from '../../../src/pki/rc2.ts';

const IV = Buffer.alloc(8);

// RFC 2268 section 5; with a zero IV the first block of CBC is the block itself.
const VECTORS: [key: string, bits: number, plaintext: string, ciphertext: string][] = [
  ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
  ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
  ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
  ['88', 64, '0000000000000000', '61a8a244adacccf0'],
  ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
  ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
  ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
];

test('RC2 gives the vectors of RFC 2268', () => {
  for (const [key, bits, plaintext, ciphertext] of VECTORS) {
    const encrypted = rc2CbcEncrypt(Buffer.from(key, 'hex'), bits, IV, Buffer.from(plaintext, 'hex'));
    assert.equal(encrypted.subarray(0, 8).toString('hex'), ciphertext);
    assert.equal(rc2CbcDecrypt(Buffer.from(key, 'hex'), bits, IV, encrypted).toString('hex'), plaintext);
  }
});

test('RC2 with a wrong key says so', () => {
  const encrypted = rc2CbcEncrypt(Buffer.from('0102030405', 'hex'), 40, IV, Buffer.from('some text that is longer'));
  assert.throws(() => rc2CbcDecrypt(Buffer.from('0102030406', 'hex'), 40, IV, encrypted), /wrong key/);
});
