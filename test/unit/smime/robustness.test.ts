/** Foreign bytes are judged, never thrown at the caller. `SEALPOST_LONG` runs more of them. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { type OpenQuestion, openMessage, readAttachment } from '../../../src/smime/open-message.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import { writeEnvelope } from '../../../src/smime/write-envelope.ts';
import { writeSignedData } from '../../../src/smime/write-signature.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const numRuns = process.env['SEALPOST_LONG'] ? 50_000 : 1_000;
const ENTITY = Buffer.from(
  [
    'Content-Type: multipart/mixed; boundary=q',
    '',
    '--q',
    'Content-Type: text/plain',
    '',
    'hello',
    '--q',
    'Content-Type: application/pdf',
    'Content-Disposition: attachment; filename="contract.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0xLjc=',
    '--q--',
    '',
  ].join('\r\n'),
);

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

function question(bytes: Buffer): OpenQuestion {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return { bytes, keys: [people.bob, people.carol], trust, at: new Date() };
}

/** What a reader believes of a message under the word `trusted`; null when it is not trusted. */
function believed(bytes: Buffer) {
  const asked = question(bytes);
  const { signature, from, protectedFrom, sender, subject, text, html, attachments } = openMessage(asked);
  if (signature.status !== 'trusted') return null;
  const files = attachments.map(({ index, name, type }) => {
    return { name, type, bytes: readAttachment(asked, index)?.bytes.toString('base64') };
  });
  const signers = signature.signers.map(({ name, addresses }) => ({ name, addresses }));
  return { from, protectedFrom, sender, subject, text, html, files, signers };
}

function assertHarmless(altered: Buffer, original: ReturnType<typeof believed>, what?: string): void {
  const still = believed(altered);
  if (still !== null) assert.deepEqual(still, original, what);
}

/** One bit of each octet, all eight in the long run. */
function assertFlipsHarmless(wrapped: (flipped: Buffer) => Buffer, source: Buffer): void {
  const original = believed(wrapped(source));
  const flips = process.env['SEALPOST_LONG'] ? 8 : 1;
  for (let at = 0; at < source.length; at += 1) {
    for (let flip = 0; flip < flips; flip += 1) {
      const flipped = Buffer.from(source);
      flipped[at] = (source[at] as number) ^ (1 << ((at + flip) % 8));
      assertHarmless(wrapped(flipped), original, `octet ${at}, bit ${(at + flip) % 8}`);
    }
  }
}

function mutated(source: Buffer, edits: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(source);
  for (const [at, value] of edits) copy[at % copy.length] = value;
  return copy;
}

// Not a double between 0 and 1: those are spread over their exponents, so nearly all of them are next to 0.
const ANYWHERE = fc.nat({ max: 0x7fffffff });
const EDITS = fc.array(fc.tuple(ANYWHERE, fc.integer({ min: 0, max: 255 })), {
  minLength: 1,
  maxLength: 6,
});

const fromAlice = (cms: Buffer) => wrapped('alice', cms);

function wrapped(name: string, cms: Buffer): Buffer {
  const type = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64';
  return Buffer.from(`From: ${name}@example.org\r\nSubject: words\r\n${type}\r\n\r\n${cms.toString('base64')}`);
}

function wholeMessages(): Buffer[] {
  const headers = Buffer.from('From: Alice <alice@example.org>\r\nSubject: =?utf-8?B?w7w=?=\r\n');
  const sign = { ...people.alice, chain: [] };
  const common = { mime: ENTITY, headers, sign, at: new Date(), protect: 'copy' } as const;
  const encryptTo = [people.bob.certificate];
  return [
    sealMessage(common),
    sealMessage({ ...common, opaque: true }),
    sealMessage({ ...common, encryptTo, content: 'aes-256-gcm' }),
    sealMessage({ ...common, encryptTo, content: 'aes-256-cbc' }),
  ];
}

it('S14 changed bytes of CMS give a verdict, and never trust in another sender, subject, text or file', () => {
  const key = { ...people.alice, chain: [] };
  const carol = { ...people.carol, chain: [people.root] };
  const inner = Buffer.concat([
    Buffer.from('Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\n'),
    writeSignedData(ENTITY, key, new Date(), true),
  ]);
  const sources = [
    { name: 'alice', cms: writeSignedData(ENTITY, key, new Date(), true), trusted: true },
    { name: 'carol', cms: writeSignedData(ENTITY, carol, new Date(), true), trusted: true },
    { name: 'alice', cms: writeEnvelope(inner, [people.bob.certificate], 'aes-256-cbc'), trusted: true },
    { name: 'alice', cms: writeEnvelope(ENTITY, [people.bob.certificate], 'aes-256-cbc'), trusted: false },
    { name: 'alice', cms: writeEnvelope(ENTITY, [people.carol.certificate], 'aes-256-gcm'), trusted: false },
  ].map((source) => ({ ...source, original: believed(wrapped(source.name, source.cms)) }));
  for (const { original, trusted } of sources) {
    assert.equal(original !== null, trusted);
    if (original !== null) assert.deepEqual([original.text, original.files[0]?.name], ['hello', 'contract.pdf']);
  }
  fc.assert(
    fc.property(fc.constantFrom(...sources), EDITS, ({ name, cms, original }, edits) => {
      assertHarmless(wrapped(name, mutated(cms, edits)), original);
    }),
    { numRuns },
  );
});

it('S14 changed bytes of whole messages give a verdict, and never trust in another sender, subject, text or file', () => {
  const sources = wholeMessages().map((bytes) => ({ bytes, original: believed(bytes) }));
  for (const { original } of sources) {
    assert.deepEqual([original?.subject, original?.text, original?.files.length], ['ü', 'hello', 1]);
  }
  fc.assert(
    fc.property(fc.constantFrom(...sources), EDITS, ANYWHERE, ({ bytes, original }, edits, cut) => {
      const altered = mutated(bytes, edits);
      assertHarmless(altered, original);
      assertHarmless(altered.subarray(0, cut % (altered.length + 1)), original);
    }),
    { numRuns },
  );
});

it('S14 any flipped bit of a signed message is noticed or harmless', () => {
  const [clear, opaque] = wholeMessages() as [Buffer, Buffer];
  assertFlipsHarmless((flipped) => flipped, clear);
  assertFlipsHarmless((flipped) => flipped, opaque);
  assertFlipsHarmless(fromAlice, writeSignedData(ENTITY, { ...people.alice, chain: [] }, new Date(), true));
});
