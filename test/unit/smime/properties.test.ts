/** What is sealed is what is opened, whatever the letter looks like, and a turned bit is noticed or harmless. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { slicesOf } from '../../../src/bytes/byte-source.ts';
import { makeSpoolFolder, SpoolScope, SpoolSource } from '../../../src/bytes/spool.ts';
import { encodeBase64Lines, slicesOfAll } from '../../../src/mime/encode.ts';
import { type OpenQuestion, openMessage, readAttachment } from '../../../src/smime/open-message.ts';
import { type SealQuestion, sealMessage, sealStretches } from '../../../src/smime/seal-message.ts';
import { addPerson, makePeople, type People, type Person } from '../../support/smime-people.ts';

const SEED = Number(process.env['SEALPOST_SEED'] ?? 20261127);
/** Around every size at which something is cut: lines of base64, cipher blocks, slices, windows, spools. */
const EDGES = [
  0, 1, 15, 16, 17, 56, 57, 58, 75, 76, 77, 4095, 4096, 4097, 65_535, 65_536, 65_537, 262_143, 262_144, 262_145,
];
const FORMS = ['clear', 'opaque', 'cbc', 'gcm', 'signed and cbc', 'signed and gcm'] as const;

let people: People;
let readers: Person[];
let scope: SpoolScope;
before(() => {
  people = makePeople();
  readers = Array.from({ length: 50 }, (_, n) =>
    addPerson(people, `reader${n}`, ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']),
  );
  makeSpoolFolder(join(people.folder, 'spool'));
  scope = new SpoolScope(join(people.folder, 'spool'));
});
after(() => {
  scope.close();
  people.remove();
});

interface Letter {
  mime: Buffer;
  text: string;
  files: { name: string; bytes: Buffer }[];
}

const word = fc.string({ unit: fc.constantFrom(...'abc äé漢=-.~ '), maxLength: 40 });
const size = fc.oneof(fc.constantFrom(...EDGES), fc.nat({ max: 5000 }));
const file = fc.record({ size, encoding: fc.constantFrom('base64', 'binary'), depth: fc.nat({ max: 3 }) });
const letter = fc.record({
  lines: fc.array(word, { minLength: 1, maxLength: 8 }),
  files: fc.array(file, { maxLength: 4 }),
});

function built({ lines, files }: typeof letter extends fc.Arbitrary<infer T> ? T : never): Letter {
  // White space at the end of a line is transport padding and goes; nothing else of a text does.
  const text = lines.map((line) => line.trimEnd()).join('\n');
  const made = files.map((one, n) => ({ name: `file-${n}.bin`, bytes: randomBytes(one.size), ...one }));
  const body = Buffer.from(text.replaceAll('\n', '\r\n'));
  const first = Buffer.concat([
    Buffer.from('Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n'),
    encodeBase64Lines(body),
  ]);
  const parts = made.map((one, n) => wrapped(attachmentPart(one), one.depth, `in${n}`));
  return { mime: multipart('outer', [first, ...parts]), text, files: made };
}

function attachmentPart({ name, bytes, encoding }: { name: string; bytes: Buffer; encoding: string }): Buffer {
  // What is binary is changed on the way where it has line ends; only mail systems of old did that to files.
  const plain = encoding === 'binary' && !bytes.includes(0x0a) && !bytes.includes(0x2d);
  const head = `Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="${name}"\r\n`;
  return Buffer.concat([
    Buffer.from(`${head}Content-Transfer-Encoding: ${plain ? 'binary' : 'base64'}\r\n\r\n`),
    plain ? bytes : encodeBase64Lines(bytes),
  ]);
}

function multipart(boundary: string, parts: readonly Buffer[]): Buffer {
  const pieces = parts.flatMap((part) => [Buffer.from(`\r\n--${boundary}\r\n`), part]);
  return Buffer.concat([
    Buffer.from(`Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`),
    ...pieces,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

function wrapped(part: Buffer, depth: number, name: string): Buffer {
  return depth === 0 ? part : wrapped(multipart(`${name}-${depth}`, [part]), depth - 1, name);
}

function question(mime: Buffer, form: (typeof FORMS)[number], count: number): SealQuestion {
  return {
    mime,
    headers: Buffer.from(`From: alice@example.org\r\nDate: ${new Date().toUTCString()}\r\nSubject: property\r\n`),
    sign: /cbc$|gcm$/.test(form) && !form.startsWith('signed') ? undefined : { ...people.alice, chain: [] },
    opaque: form === 'opaque',
    encryptTo: /cbc|gcm/.test(form) ? readers.slice(0, count).map((one) => one.certificate) : undefined,
    content: form.endsWith('gcm') ? 'aes-256-gcm' : 'aes-256-cbc',
    at: new Date(),
  };
}

function reading(bytes: OpenQuestion['bytes'], reader: number): OpenQuestion {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return { bytes, keys: [readers[reader] as Person], trust, at: new Date(), scope };
}

describe(`properties of the engine, seed ${SEED}`, () => {
  it('NFR: what was sealed is what is opened: text, files and claims, for 1 to 50 readers, from memory and from a spool', () => {
    const form = fc.constantFrom(...FORMS);
    const count = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(letter, form, count, fc.boolean(), (drawn, chosen, readersCount, inSpool) => {
        const { mime, text, files } = built(drawn);
        const stretches = sealStretches(question(mime, chosen, readersCount));
        const writer = scope.writer();
        for (const slice of slicesOfAll(stretches)) writer.write(slice);
        const spooled = new SpoolSource(writer.end());
        const bytes = inSpool ? spooled : Buffer.concat([...slicesOf(spooled)]);
        const message = openMessage(reading(bytes, readersCount - 1));
        assert.equal(message.text, text);
        assert.deepEqual(
          message.attachments.map((one) => [one.name, one.size]),
          files.map((one) => [one.name, one.bytes.length]),
        );
        for (const [index, one] of files.entries()) {
          assert.ok(readAttachment(reading(bytes, readersCount - 1), index)?.bytes.equals(one.bytes));
        }
        const signed = chosen !== 'cbc' && chosen !== 'gcm';
        assert.equal(message.signature.status, signed ? 'trusted' : 'none', message.signature.reasons.join());
        assert.equal(message.encryption.status, /cbc|gcm/.test(chosen) ? 'encrypted' : 'none');
        scope.close();
      }),
      { numRuns: 150, seed: SEED },
    );
  });

  it('NFR: one turned bit anywhere is noticed, or what is shown is the same', () => {
    const drawn = {
      lines: ['The honest text.', 'Second line.'],
      files: [{ size: 200, encoding: 'base64' as const, depth: 1 }],
    };
    const { mime, text } = built(drawn);
    for (const form of FORMS) {
      const sealed = sealMessage(question(mime, form, 2));
      const honest = openMessage(reading(sealed, 1));
      const place = fc.nat({ max: sealed.length * 8 - 1 });
      fc.assert(
        fc.property(place, (bit) => {
          const turned = Buffer.from(sealed);
          turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
          const message = openMessage(reading(turned, 1));
          if (message.signature.status === 'trusted') {
            assert.equal(message.text, text);
            assert.deepEqual(message.attachments, honest.attachments);
            assert.deepEqual(
              message.from.map((one) => one.address),
              ['alice@example.org'],
            );
          }
          // Under AES-GCM alone nothing is shown that was not encrypted so.
          if (form === 'gcm' && message.encryption.status === 'encrypted') assert.equal(message.text, text);
        }),
        { numRuns: 150, seed: SEED },
      );
    }
  });
});
