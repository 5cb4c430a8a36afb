/** Where another program would read another message than this one, nothing may be claimed (docs/decisions/014). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openMessage } from '../../../src/smime/open-message.ts';
import { type SealQuestion, sealMessage } from '../../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';
import { compressedData, opaque } from '../../support/crafted-mail.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const TEXT = 'Content-Type: text/plain; charset=utf-8\r\n\r\nPay 100 EUR to Alice.\r\n';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

function open(text: string): OpenedMessage {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes: Buffer.from(text, 'latin1'), keys: [people.bob], trust, at: new Date() });
}

/** A letter signed by Alice in every form: clear, opaque, within an encryption. */
function sealed(mime = TEXT): string[] {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const headers = Buffer.from(`From: alice@example.org\r\nSubject: x\r\nDate: ${date}\r\n`);
  const sign = { ...people.alice, chain: [] };
  const forms: Partial<SealQuestion>[] = [{}, { opaque: true }, { encryptTo: [people.bob.certificate] }];
  return forms.map((form) =>
    sealMessage({ mime: Buffer.from(mime), headers, sign, at: new Date(), ...form }).toString('latin1'),
  );
}

const mixed = (part: string) => `Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n${part}\r\n--m--\r\n`;
const atEndOfHeader = (letter: string, fields: string) => letter.replace('\r\n\r\n', () => `\r\n${fields}\r\n\r\n`);
const verdict = ({ signature }: OpenedMessage) => [signature.status, ...signature.reasons].join(' ');
const layersOf = ({ layers }: OpenedMessage) => layers.map((layer) => `${layer.kind} ${layer.status} ${layer.reasons}`);

describe('a header that is longer than what is read', () => {
  const long = [
    `${'X: y\r\n'.repeat(2_000)}From: mallory@example.org`,
    `X: ${'y'.repeat(2 * 1024 * 1024)}\r\nFrom: mallory@example.org`,
  ];

  it('T25 is too complex: nobody knows how many senders there are', () => {
    for (const fields of long) {
      const opened = sealed().map((letter) => open(atEndOfHeader(letter, fields)));
      assert.deepEqual(opened.map(layersOf), [
        ['signed invalid too-complex'],
        ['signed invalid too-complex'],
        ['encrypted failed too-complex'],
      ]);
    }
  });

  it('T25 is too complex before a part of what was signed, too', () => {
    for (const fields of long) {
      for (const letter of sealed(mixed(atEndOfHeader(TEXT, fields)))) {
        assert.match(verdict(open(letter)), /^invalid too-complex/);
      }
    }
  });
});

describe('fields that say what a part is, given twice', () => {
  const other = [
    'Content-Type: text/html',
    'Content-Transfer-Encoding: quoted-printable',
    'MIME-Version: 2.0',
    'Content-Disposition: inline',
  ];
  const others = (names: RegExp) => other.filter((field) => names.test(field));

  it('T25 around a signature or a cipher text break it, whichever stands first', () => {
    for (const field of others(/Type|Encoding|Version/)) {
      for (const letter of sealed()) {
        const both = field.startsWith('Content-Tr') ? `${field}\r\nContent-Transfer-Encoding: base64` : field;
        for (const doubled of [`${both}\r\n${letter}`, atEndOfHeader(letter, both)]) {
          const message = open(doubled);
          assert.notEqual(message.signature.status, 'trusted', field);
          assert.notEqual(message.encryption.status, 'encrypted', field);
        }
        assert.match(layersOf(open(atEndOfHeader(letter, both))).join(), /(invalid|failed) malformed$/, field);
      }
    }
  });

  it('T25 within what was signed make it malformed: everyone may be shown another text', () => {
    const first = TEXT.replace(
      '\r\n\r\n',
      `\r\nContent-Transfer-Encoding: 7bit\r\n${other[3]}; x=y\r\nMIME-Version: 1.0\r\n\r\n`,
    );
    for (const field of other) {
      for (const letter of [...sealed(mixed(atEndOfHeader(first, field))), ...sealed(atEndOfHeader(first, field))]) {
        assert.match(verdict(open(letter)), /^invalid malformed/, field);
      }
    }
    for (const letter of sealed(mixed(first))) assert.equal(verdict(open(letter)), 'trusted revocation-unchecked');
  });

  it('T25 within a signed part of a chatty mail leave it invalid', () => {
    for (const letter of sealed(atEndOfHeader(TEXT, 'Content-Type: text/html')).slice(0, 2)) {
      const part = letter.slice(letter.indexOf('Content-Type:'));
      const message = open(`From: alice@example.org\r\n${mixed(part)}`);
      assert.deepEqual(layersOf(message), ['signed invalid malformed,revocation-unchecked']);
      assert.equal(message.signature.status, 'partial');
    }
  });

  it('T25 below what was compressed or wrapped before it was signed make it malformed, too', () => {
    const disputed = atEndOfHeader(TEXT, 'Content-Type: text/html');
    const compressed = opaque(compressedData(Buffer.from(disputed)), 'compressed-data', '').toString('latin1');
    const wrapped = `Content-Type: message/rfc822\r\n\r\nFrom: alice@example.org\r\n${disputed}`;
    for (const mime of [compressed, wrapped]) {
      for (const letter of sealed(mime)) assert.match(verdict(open(letter)), /^invalid malformed/);
    }
  });

  it('S14 with the same value twice, as gateways write them, change nothing', () => {
    for (const letter of sealed(TEXT.replace('\r\n', '\r\nContent-Type: text/plain;  charset=utf-8\r\n'))) {
      const message = open(atEndOfHeader(letter, 'MIME-Version: 1.0 (made by a gateway)'));
      assert.equal(message.signature.status, 'trusted');
      assert.equal(message.text, 'Pay 100 EUR to Alice.\n');
    }
  });

  it('S14 in clear mail count as the first says, and nothing is claimed', () => {
    const message = open(`From: alice@example.org\r\n${atEndOfHeader(TEXT, 'Content-Type: text/html')}`);
    assert.deepEqual([message.text, message.html], ['Pay 100 EUR to Alice.\n', null]);
    assert.deepEqual([message.signature.status, message.encryption.status], ['none', 'none']);
  });

  it('T25 and parameters given twice are no better: two boundaries, two charsets', () => {
    const twice = ['charset=utf-7', 'charset*=utf-7', 'charset*0=utf-7'];
    for (const parameter of twice) {
      for (const letter of sealed(TEXT.replace('charset=utf-8', `charset=utf-8; ${parameter}`))) {
        assert.match(verdict(open(letter)), /^invalid malformed/, parameter);
      }
    }
    const [clear] = sealed() as [string];
    assert.match(verdict(open(clear.replace('boundary=', 'boundary=b; boundary='))), /^(invalid malformed|none)/);
    assert.match(verdict(open(clear.replace(/(boundary="[^"]*")/, '$1; boundary=b'))), /^invalid malformed/);
    const name = 'Content-Type: text/plain; name="e.txt"; name*=utf-8\'\'%C3%A9.txt';
    for (const letter of sealed(mixed(TEXT.replace('Content-Type: text/plain', name)))) {
      assert.equal(open(letter).signature.status, 'trusted', 'a name in both forms is what RFC 2231 asks for');
    }
  });
});
