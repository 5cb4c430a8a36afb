/** How often content is gone through while it is signed, and what is kept of it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { free, joinSlices, slicesOf } from '../../../src/bytes/byte-source.ts';
import { slicesOfAll } from '../../../src/mime/encode.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { type SealQuestion, sealStretches } from '../../../src/smime/seal-message.ts';
import { makePeople, type People, type Person } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

/** An entity that counts how often somebody went through it. */
function counted(text: string) {
  const bytes = Buffer.from(`Content-Type: text/plain\r\n\r\n${text}\r\n`);
  const pass = { count: 0 };
  const written: Iterable<Uint8Array> = {
    *[Symbol.iterator]() {
      pass.count += 1;
      yield* slicesOf(bytes, 0, bytes.length, 7);
    },
  };
  return { pass, mime: [{ written, size: bytes.length }] };
}

function signing(person: Person, mime: SealQuestion['mime'], opaque = false): SealQuestion {
  const headers = Buffer.from(`From: ${person.address}\r\nSubject: once\r\nDate: ${new Date().toUTCString()}\r\n`);
  return { mime, headers, sign: { ...person, chain: [] }, opaque, at: new Date() };
}

function statusOf(bytes: Buffer): string {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [], trust, at: new Date() }).signature.status;
}

describe('signing', () => {
  for (const [name, passes] of [
    ['alice', 1],
    ['dave', 1],
    ['carol', 2],
  ] as const) {
    for (const opaque of [false, true]) {
      it(`S14 goes through ${opaque ? 'opaque' : 'detached'} content ${passes}×, key of ${name}`, () => {
        const { pass, mime } = counted('what is signed');
        const sealed = joinSlices(slicesOfAll(sealStretches(signing(people[name], mime, opaque))));
        assert.equal(pass.count, passes);
        assert.equal(statusOf(sealed), 'trusted');
      });
    }
  }

  it('S14 makes one signature, however often the result is read, and from whatever place on', () => {
    const { mime } = counted('read twice');
    const stretches = sealStretches(signing(people.alice, mime));
    const last = joinSlices(stretches.at(-2)?.slices() ?? []);
    const first = joinSlices(slicesOfAll(stretches));
    assert.deepEqual(joinSlices(slicesOfAll(stretches)), first);
    assert.ok(first.includes(last), 'the signature that was asked for before the content was read');
    assert.equal(statusOf(first), 'trusted');
  });
});

describe('slices', () => {
  it('NFR: have no bytes any more once they were given back, and small ones share their memory with nobody who loses it', () => {
    const large = Buffer.allocUnsafeSlow(64 * 1024).fill(1);
    free(large);
    assert.equal(large.length, 0);
    assert.throws(() => large.subarray(0), /detached/, 'a late reader is told');
    const small = Buffer.from(randomBytes(16));
    const before = Buffer.from(small);
    free(small);
    assert.deepEqual(small, before);
    const whole = Buffer.allocUnsafeSlow(64 * 1024).fill(2);
    free(whole.subarray(1));
    assert.equal(whole.length, 64 * 1024, 'a view does not free what it looks at');
  });
});
