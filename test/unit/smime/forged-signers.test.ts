/** Signatures that a careless program takes for good: attributes as content, keys that are none. */
import assert from 'node:assert/strict';
import { constants, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import * as der from '../../../src/pki/der-writer.ts';
import { CONTENT_TYPE, DIGEST_OID, KEY_ALGORITHM } from '../../../src/smime/algorithms.ts';
import { bothOrders, EVIL } from '../../support/claims/signers.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';
import {
  digestAttribute,
  ENTITY,
  header,
  opaque,
  openAs,
  signedData,
  typeAttribute,
  verdict,
} from '../../support/crafted-mail.ts';
import { certify, makePeople, type People, type Person } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

describe('content and attributes', () => {
  it('T25 a content type that is not that of the attributes is invalid, in both directions', () => {
    for (const [outside, inside] of bothOrders([CONTENT_TYPE.data, CONTENT_TYPE.signedData])) {
      const attributes = [typeAttribute(inside), digestAttribute()];
      const cms = signedData({ content: ENTITY, type: outside, signers: [{ person: people.alice, attributes }] });
      assert.match(verdict(openAs(people, opaque(cms))), /^invalid .*attributes-malformed/);
    }
  });

  it('T25 attributes passed off as a letter, and a letter passed off as attributes, are invalid', () => {
    const attributes = der.setOf(typeAttribute(), digestAttribute());
    const signature = sign('sha256', attributes, people.alice.privateKey);
    const asLetter = signedData({
      content: attributes,
      signers: [{ person: people.alice, attributes: null, signature }],
    });
    assert.match(verdict(openAs(people, opaque(asLetter))), /^invalid attributes-malformed/);
    // A letter whose first octets read as a SET: `1`, and a length.
    const letter = Buffer.from(
      `1${String.fromCharCode(0x40)}${'A letter that begins with a number.'.padEnd(0x40, '.')}`,
    );
    const asAttributes = signedData({
      content: EVIL,
      signers: [
        {
          person: people.alice,
          attributes: null,
          signature: sign('sha256', letter, people.alice.privateKey),
          shownAttributes: letter,
        },
      ],
    });
    assert.match(verdict(openAs(people, opaque(asAttributes))), /^invalid malformed/);
  });
});

describe('digests that are named twice', () => {
  it('T25 RSA-PSS with another digest than the signer info names is never trusted (RFC 8933 section 3)', () => {
    const hashed = (name: 'sha256' | 'sha512') => der.algorithmIdentifier(DIGEST_OID[name]);
    const signedBy = (name: 'sha256' | 'sha512') => {
      const attributes = [typeAttribute(), digestAttribute()];
      const key = { key: people.alice.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      const mask = der.algorithmIdentifier(KEY_ALGORITHM.mgf1, hashed(name));
      const parameters = [der.context(0, hashed(name)), der.context(1, mask), der.context(2, der.integer(32))];
      const algorithm = der.algorithmIdentifier(KEY_ALGORITHM.rsaPss, der.sequence(...parameters));
      const signature = sign(name, der.setOf(...attributes), key);
      const signers = [{ person: people.alice, attributes, signature, algorithm }];
      return verdict(openAs(people, opaque(signedData({ content: ENTITY, signers }))));
    };
    assert.match(signedBy('sha256'), /^trusted/);
    assert.equal(signedBy('sha512'), 'invalid weak-algorithm');
  });
});

describe('keys that are none', () => {
  const big = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`);
  const base64url = (value: bigint) => {
    const hex = value.toString(16);
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
  };

  /** An RSA key of the same primes with another public exponent. */
  function withExponent(key: KeyObject, exponent: bigint): KeyObject {
    const jwk = key.export({ format: 'jwk' });
    const [p, q] = [big(jwk.p as string), big(jwk.q as string)];
    const d = inverse(exponent, (p - 1n) * (q - 1n));
    const numbers = { e: exponent, d, dp: d % (p - 1n), dq: d % (q - 1n) };
    const texts = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, base64url(value)]));
    return createPrivateKey({ key: { ...jwk, ...texts }, format: 'jwk' });
  }

  function inverse(value: bigint, modulus: bigint): bigint {
    let [r0, r1, t0, t1] = [modulus, value % modulus, 0n, 1n];
    while (r1 !== 0n) {
      const quotient = r0 / r1;
      [r0, r1, t0, t1] = [r1, r0 - quotient * r1, t1, t0 - quotient * t1];
    }
    assert.equal(r0, 1n, 'the exponent divides nothing of the modulus');
    return ((t0 % modulus) + modulus) % modulus;
  }

  const signedBy = (person: Person) => {
    const cms = signedData({ content: ENTITY, signers: [{ person }] });
    return openAs(people, opaque(cms, 'signed-data', header(person.address)));
  };

  it('T25 an RSA exponent of a thousand bits is never used and never trusted', () => {
    for (const [name, exponent] of [
      ['large', 2n ** 32n + 15n],
      ['huge', 2n ** 1000n + 297n],
    ] as const) {
      const person = certify(people, { name, privateKey: withExponent(people.alice.privateKey, exponent) });
      const cpuMs = startCpuClock();
      for (let count = 0; count < 20; count += 1) assert.match(verdict(signedBy(person)), /^invalid weak-key/, name);
      assert.ok(cpuMs() < 1000, `${cpuMs()} ms`);
    }
  });

  it('T25 a short RSA key is weak, and nothing that it signs is trusted', () => {
    for (const modulusLength of [512, 1024, 2040]) {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
      const person = certify(people, { name: `short-${modulusLength}`, privateKey });
      assert.match(verdict(signedBy(person)), /^invalid .*weak-key/);
    }
  });
});
