/** What is sealed is what is opened, whatever the letter looks like, and a turned bit is noticed or harmless. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { joinSlices, slicesOf } from '../../../src/bytes/byte-source.ts';
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
const curve = (name: string) => ['EC', '-pkeyopt', `ec_paramgen_curve:${name}`];
const RSA = ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];
const KINDS = [curve('P-256'), RSA, curve('P-384'), curve('P-521'), curve('brainpoolP256r1'), curve('P-256')];
const FORMS = ['clear', 'opaque', 'cbc', 'gcm', 'signed and cbc', 'signed and gcm'] as const;

let people: People;
let readers: Person[];
let scope: SpoolScope;
before(() => {
  people = makePeople();
  // Of every kind that is encrypted to; RSA is slow to make.
  readers = Array.from({ length: 50 }, (_, n) => addPerson(people, `reader${n}`, KINDS[n % KINDS.length] as string[]));
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
  html: string | null;
  files: { name: string; bytes: Buffer; isMessage: boolean }[];
}

type Drawn<T> = T extends fc.Arbitrary<infer U> ? U : never;

const ENCODINGS = ['base64', 'quoted-printable', '8bit'] as const;
/** What may stand in a boundary (RFC 2046 section 5.1.1), and looks like the end of one, a delimiter, or another parameter. */
const BOUNDARY_UNITS = [..."abZ09'()+_,-./:=? "];
const word = fc.string({ unit: fc.constantFrom(...'abc äé漢=-.~<>& '), maxLength: 40 });
const size = fc.oneof(fc.constantFrom(...EDGES), fc.nat({ max: 5000 }));
const file = fc.record({
  size,
  encoding: fc.constantFrom('base64', 'binary'),
  depth: fc.nat({ max: 3 }),
  message: fc.boolean(),
});
const boundary = fc
  .string({ unit: fc.constantFrom(...BOUNDARY_UNITS), minLength: 1, maxLength: 60 })
  .filter((text) => text === text.trim())
  // One that begins like another is kept apart from it; the same one twice would be another message.
  .map((text) => `${text}${text.endsWith('-') ? 'x' : ''}`);
const letter = fc.record({
  lines: fc.array(word, { minLength: 1, maxLength: 8 }),
  encoding: fc.constantFrom(...ENCODINGS),
  html: fc.boolean(),
  boundary,
  files: fc.array(file, { maxLength: 4 }),
});

function built({ lines, files, encoding, html, boundary: outer }: Drawn<typeof letter>): Letter {
  // White space at the end of a line is transport padding and goes; nothing else of a text does.
  const text = lines.map((line) => line.trimEnd()).join('\n');
  // What stands there as it is must not look like a delimiter: that is for whoever writes a message to see to.
  const bare = text.replaceAll('--', '~~');
  const markup = html ? `<p>${text.replaceAll('\n', '<br>\n')}</p>` : null;
  const chosen = encoding === '8bit' && bare !== text ? 'quoted-printable' : encoding;
  const plain = textPart('plain', text, chosen);
  const body =
    markup === null ? plain : multipart(`${outer}=a`, [plain, textPart('html', markup, chosen)], 'alternative');
  const made = files.map((one, n) => ({ ...one, ...(one.message ? messageFile(n, bare) : binaryFile(n, one)) }));
  const parts = made.map((one, n) => wrapped(one.part, one.depth, `in${n}`));
  return { mime: multipart(outer, [body, ...parts]), text, html: markup, files: made };
}

function textPart(kind: string, text: string, encoding: (typeof ENCODINGS)[number]): Buffer {
  const head = `Content-Type: text/${kind}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), encoded(Buffer.from(text.replaceAll('\n', '\r\n')), encoding)]);
}

function encoded(body: Buffer, encoding: (typeof ENCODINGS)[number]): Buffer {
  if (encoding === 'base64') return encodeBase64Lines(body);
  return encoding === '8bit' ? body : quotedPrintable(body);
}

// Soft line breaks anywhere within 76 characters, as other programs make them; nothing in it can be a delimiter.
function quotedPrintable(body: Buffer): Buffer {
  const escaped = (octet: string) => `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  const lines = body
    .toString('latin1')
    .split('\r\n')
    .map((line) => line.replace(/[^ -,.-<>-~]|^\.|[ .]$/g, escaped))
    .map((line) => (line.match(/(?:=..|[^=]){1,25}/g) ?? []).join('=\r\n'));
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** A message that is attached: another one, which stays as it is. */
function messageFile(n: number, text: string) {
  const inner = `From: carol@example.org\r\nSubject: inner ${n}\r\n\r\n${text.replaceAll('\n', '\r\n')}`;
  const bytes = Buffer.from(inner);
  const part = Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), bytes]);
  return { name: `inner ${n}.eml`, bytes, isMessage: true, part };
}

function binaryFile(n: number, { size: length, encoding }: Drawn<typeof file>) {
  const name = `file-${n}.bin`;
  const bytes = randomBytes(length);
  // What is binary is changed on the way where it has line ends; only mail systems of old did that to files.
  const plain = encoding === 'binary' && ![0x0a, 0x0d, 0x2d].some((octet) => bytes.includes(octet));
  const head = `Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="${name}"\r\n`;
  const part = Buffer.concat([
    Buffer.from(`${head}Content-Transfer-Encoding: ${plain ? 'binary' : 'base64'}\r\n\r\n`),
    plain ? bytes : encodeBase64Lines(bytes),
  ]);
  return { name, bytes, isMessage: false, part };
}

function multipart(name: string, parts: readonly Buffer[], kind = 'mixed'): Buffer {
  const pieces = parts.flatMap((part) => [Buffer.from(`\r\n--${name}\r\n`), part]);
  return Buffer.concat([
    Buffer.from(`Content-Type: multipart/${kind}; boundary="${name}"\r\n\r\n`),
    ...pieces,
    Buffer.from(`\r\n--${name}--\r\n`),
  ]);
}

function wrapped(part: Buffer, depth: number, name: string): Buffer {
  return depth === 0 ? part : wrapped(multipart(`${name}-${depth}`, [part]), depth - 1, name);
}

/** As some relays leave it. */
function withBareLf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
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
      fc.property(letter, form, count, fc.boolean(), fc.boolean(), (drawn, chosen, readersCount, inSpool, bareLf) => {
        const { mime, text, html, files } = built(drawn);
        const stretches = sealStretches(question(mime, chosen, readersCount));
        const writer = scope.writer();
        const sealed = joinSlices(slicesOfAll(stretches));
        writer.write(bareLf ? withBareLf(sealed) : sealed);
        const spooled = new SpoolSource(writer.end());
        const bytes = inSpool ? spooled : joinSlices(slicesOf(spooled));
        const message = openMessage(reading(bytes, readersCount - 1));
        assert.equal(message.text, text);
        assert.equal(message.html, html);
        assert.deepEqual(
          message.attachments.map((one) => one.name),
          files.map((one) => one.name),
        );
        // A message that is attached in clear has the line ends of the one around it.
        const asSent = (one: Letter['files'][number]) =>
          one.isMessage && bareLf && chosen === 'clear' ? withBareLf(one.bytes) : one.bytes;
        for (const [index, one] of files.entries()) {
          assert.equal(message.attachments[index]?.size, asSent(one).length);
          assert.ok(readAttachment(reading(bytes, readersCount - 1), index)?.bytes.equals(asSent(one)));
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
      files: [{ size: 200, encoding: 'base64' as const, depth: 1, message: false }],
      encoding: 'quoted-printable' as const,
      html: true,
      boundary: 'a b=?',
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
            assert.equal(message.html, honest.html);
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
