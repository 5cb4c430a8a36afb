/** Foreign bytes are judged, never thrown at the caller. `SEALPOST_LONG` runs more of them. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { openMessage } from '../../../src/smime/open-message.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import { writeEnvelope } from '../../../src/smime/write-envelope.ts';
import { writeSignedData } from '../../../src/smime/write-signature.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const numRuns = process.env['SEALPOST_LONG'] ? 50_000 : 1_000;
const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n');

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

function open(bytes: Buffer) {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [people.bob, people.carol], trust, at: new Date() });
}

function mutated(source: Buffer, edits: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(source);
  for (const [at, value] of edits) copy[Math.floor(at * copy.length)] = value;
  return copy;
}

const EDITS = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999999, noNaN: true }), fc.integer({ min: 0, max: 255 })), {
  minLength: 1,
  maxLength: 6,
});

it('S14 changed bytes of CMS give a verdict, and never trust in another text', () => {
  const key = { ...people.alice, chain: [] };
  const sources = [
    writeSignedData(ENTITY, key, new Date(), true),
    writeSignedData(ENTITY, { ...people.carol, chain: [people.root] }, new Date(), true),
    writeEnvelope(ENTITY, [people.bob.certificate, people.carol.certificate], 'aes-256-cbc'),
    writeEnvelope(ENTITY, [people.carol.certificate], 'aes-256-gcm'),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...sources), EDITS, (source, edits) => {
      const cms = mutated(source, edits).toString('base64');
      const head =
        'From: alice@example.org\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64';
      const message = open(Buffer.from(`${head}\r\n\r\n${cms}`));
      if (message.signature.status === 'trusted') assert.equal(message.text, 'hello\n');
    }),
    { numRuns },
  );
});

it('S14 changed bytes of whole messages give a verdict', () => {
  const headers = Buffer.from('From: alice@example.org\r\nSubject: =?utf-8?B?w7w=?=\r\n');
  const sign = { ...people.alice, chain: [] };
  const clear = sealMessage({ mime: ENTITY, headers, sign, at: new Date(), protect: 'copy' });
  fc.assert(
    fc.property(EDITS, fc.double({ min: 0, max: 1, noNaN: true }), (edits, cut) => {
      const bytes = mutated(clear, edits);
      open(bytes);
      open(bytes.subarray(0, Math.floor(cut * bytes.length)));
    }),
    { numRuns },
  );
});
