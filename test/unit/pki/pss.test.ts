/** The padding of RSA-PSS is checked to the last bit (RFC 8017 section 9.1.2). */
import assert from 'node:assert/strict';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  constants as crypto,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto';
import { describe, it } from 'node:test';
import { Fields, octetsOf, readWhole, TAG } from '../../../src/pki/der.ts';
import { mgf1, xorInto } from '../../../src/pki/mgf1.ts';
import { isPssEncoding, verifyPss } from '../../../src/pki/pss.ts';
import { rsaKeyOf } from '../../support/odd-rsa-key.ts';
import { openssl } from '../../support/openssl.ts';

const DATA = Buffer.from('a letter');
const SCHEME = { hash: 'sha256', mask: 'sha512', saltLength: 32 };

type Fault = {
  leading?: number;
  pad?: number;
  separator?: number;
  trailer?: number;
  saltLength?: number;
  mask?: string;
};

/** EMSA-PSS-ENCODE (RFC 8017 section 9.1.1), with a fault where one is asked for. */
function encoded(bits: number, fault: Fault = {}): Buffer {
  const salt = Buffer.alloc(fault.saltLength ?? SCHEME.saltLength, 7);
  const digest = createHash(SCHEME.hash).update(DATA).digest();
  const hash = createHash(SCHEME.hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const length = Math.ceil(bits / 8);
  const block = Buffer.alloc(length - hash.length - 1);
  block[block.length - salt.length - 2] = fault.pad ?? 0;
  block[block.length - salt.length - 1] = fault.separator ?? 1;
  salt.copy(block, block.length - salt.length);
  xorInto(block, mgf1(fault.mask ?? SCHEME.mask, hash, block.length));
  block[0] = ((block[0] as number) & (0xff >> (8 * length - bits))) | (fault.leading ?? 0);
  return Buffer.concat([block, hash, Buffer.from([fault.trailer ?? 0xbc])]);
}

const digest = createHash(SCHEME.hash).update(DATA).digest();

function signed(key: KeyObject, message: Buffer, bits: number): Buffer {
  const whole = Buffer.concat([Buffer.alloc(Math.ceil(bits / 8) - message.length), message]);
  return privateEncrypt({ key, padding: crypto.RSA_NO_PADDING }, whole);
}

describe('RSA-PSS with two hashes', () => {
  for (const modulusLength of [2047, 2048, 2049, 2050]) {
    it(`S14 is verified for a key of ${modulusLength} bits, and each fault of the padding is noticed`, () => {
      const privateKey = rsaKeyOf(modulusLength);
      const publicKey = createPublicKey(privateKey);
      assert.equal(publicKey.asymmetricKeyDetails?.modulusLength, modulusLength);
      const bits = modulusLength - 1;
      const check = (message: Buffer) => verifyPss(DATA, signed(privateKey, message, modulusLength), publicKey, SCHEME);
      assert.equal(check(encoded(bits)), true);
      const faults: Fault[] = [
        { pad: 1 },
        { separator: 2 },
        { separator: 0 },
        { trailer: 0xcc },
        { saltLength: 31 },
        { saltLength: 33 },
        { saltLength: 0 },
        { mask: 'sha256' },
      ];
      for (const fault of faults) assert.equal(check(encoded(bits, fault)), false, JSON.stringify(fault));
      const good = signed(privateKey, encoded(bits), modulusLength);
      assert.equal(verifyPss(Buffer.from('another'), good, publicKey, SCHEME), false);
      assert.equal(verifyPss(DATA, good.subarray(1), publicKey, SCHEME), false);
      assert.equal(verifyPss(DATA, Buffer.concat([Buffer.alloc(1), good]), publicKey, SCHEME), false);
      const options = { key: privateKey, padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength: 20 };
      const ordinary = sign('sha384', DATA, options);
      const plain = { hash: 'sha384', mask: 'sha384', saltLength: 20 };
      assert.equal(verifyPss(DATA, ordinary, publicKey, plain), true);
    });
  }

  it('S14 any flipped bit of an encoding is noticed, whatever the number of bits', () => {
    for (const bits of [1023, 1024, 1025, 1030]) {
      const good = encoded(bits);
      assert.equal(isPssEncoding(good, digest, bits, SCHEME), true);
      for (let bit = 0; bit < 8 * good.length; bit += 1) {
        const flipped = Buffer.from(good);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        assert.equal(isPssEncoding(flipped, digest, bits, SCHEME), false, `bit ${bit} of ${bits}`);
      }
      assert.equal(isPssEncoding(Buffer.concat([Buffer.from([0]), good]), digest, bits, SCHEME), true);
      assert.equal(isPssEncoding(Buffer.concat([Buffer.from([1]), good]), digest, bits, SCHEME), false);
      assert.equal(isPssEncoding(good.subarray(1), digest, bits, SCHEME), false);
    }
  });

  it('S14 a salt for which there is no room is refused', () => {
    const short = { ...SCHEME, saltLength: 128 - 32 - 1 };
    assert.equal(isPssEncoding(encoded(1024), digest, 1024, short), false);
  });

  it('S14 a key that is bound to other hashes or a longer salt verifies nothing of them', () => {
    const bound = ['md:sha256', 'mgf1_md:sha512', 'saltlen:32'].flatMap((each) => [
      '-pkeyopt',
      `rsa_pss_keygen_${each}`,
    ]);
    const made = openssl(['genpkey', '-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', ...bound]);
    const privateKey = createPrivateKey(made.stdout);
    const publicKey = createPublicKey(privateKey);
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
    const free = createPrivateKey({ key: unbound(pkcs8), type: 'pkcs1', format: 'der' });
    const check = (fault: Fault, scheme: typeof SCHEME) =>
      verifyPss(DATA, signed(free, encoded(2047, fault), 2048), publicKey, scheme);
    assert.equal(check({}, SCHEME), true);
    assert.equal(check({ mask: 'sha384' }, { ...SCHEME, mask: 'sha384' }), false);
    assert.equal(check({ saltLength: 31 }, { ...SCHEME, saltLength: 31 }), false);
    assert.equal(check({ saltLength: 33 }, { ...SCHEME, saltLength: 33 }), true);
  });
});

/** The RSAPrivateKey inside PKCS#8, without what binds it. */
function unbound(pkcs8: Buffer): Buffer {
  const fields = new Fields(readWhole(pkcs8));
  fields.next(TAG.integer);
  fields.next(TAG.sequence);
  return octetsOf(fields.next(TAG.octetString));
}
