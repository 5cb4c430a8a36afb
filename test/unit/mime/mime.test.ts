import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAddressList, sameAddress } from '../../../src/mime/addresses.ts';
import { base64Slices } from '../../../src/mime/base64.ts';
import { decodeCharset } from '../../../src/mime/charset.ts';
import { collectContent, safeFileName } from '../../../src/mime/content.ts';
import { decodeBase64, decodeQuotedPrintable, toCanonicalLines } from '../../../src/mime/decode.ts';
import { encodeBase64Lines } from '../../../src/mime/encode.ts';
import { decodeEncodedWords, parseDate, parseParameterised } from '../../../src/mime/headers.ts';
import { parseEntity } from '../../../src/mime/parse.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';

const content = (text: string) => collectContent(parseEntity(Buffer.from(text.replaceAll('\n', '\r\n'), 'utf8')));

describe('header fields', () => {
  it('encoded words in every charset and both encodings are read', () => {
    assert.equal(decodeEncodedWords('=?iso-8859-1?Q?Gr=FC=DFe?= aus =?UTF-8?B?QnLDvHNzZWw=?='), 'Grüße aus Brüssel');
    assert.equal(decodeEncodedWords('=?koi8-r?B?8NLJ18XU?='), 'Привет');
    assert.equal(decodeEncodedWords('=?iso-2022-jp?B?GyRCRnxLXBsoQg==?='), '日本');
    assert.equal(decodeEncodedWords('=?gb2312?B?1tDOxA==?='), '中文');
    assert.equal(decodeEncodedWords('=?windows-1253?Q?=C1=E8=DE=ED=E1?='), 'Αθήνα');
  });

  it('white space between encoded words goes, characters cut between two are joined', () => {
    assert.equal(decodeEncodedWords('=?utf-8?B?w7w=?= =?utf-8?B?w58=?='), 'üß');
    assert.equal(decodeEncodedWords('=?utf-8?B?ww==?= =?utf-8?B?vA==?='), 'ü');
    assert.equal(decodeEncodedWords('=?utf-8?Q?a?= b =?utf-8?Q?c?='), 'a b c');
  });

  it('control characters cannot hide in a subject', () => {
    assert.equal(decodeEncodedWords('=?utf-8?Q?a=0D=0ABcc:_x?='), 'a Bcc: x');
  });

  it('the name of an encoding that is no charset shows the text as every other program does', () => {
    for (const name of ['hex', 'HEX', 'base64', '-hex-', 'constructor', '__proto__', 'internal']) {
      assert.equal(decodeCharset(Buffer.from('plain words'), name), 'plain words', name);
    }
    assert.equal(decodeCharset(Buffer.from([0x82]), 'cp850'), 'é');
  });

  it('parameters are read with quotes, comments, continuations and charsets', () => {
    const read = (text: string) => parseParameterised(text).parameters;
    assert.equal(read('text/plain; charset="utf-8" (comment)').get('charset'), 'utf-8');
    assert.equal(read('a/b; boundary="a;b\\"c"').get('boundary'), 'a;b"c');
    assert.equal(
      read('a; filename*0*=UTF-8\'\'%e2%82; filename*1*=%ac; filename*2=" x.pdf"').get('filename'),
      '€ x.pdf',
    );
    assert.equal(read('a; filename="=?utf-8?Q?=C3=A9t=C3=A9.doc?="').get('filename'), 'été.doc');
  });

  it('address lists with names, groups, comments and quotes are taken apart', () => {
    assert.deepEqual(parseAddressList('"Dupont, Alain" <a@x.org>, b@y.org (Bob), friends: c@z.org, d@z.org;'), [
      { name: 'Dupont, Alain', address: 'a@x.org' },
      { name: 'Bob', address: 'b@y.org' },
      { name: '', address: 'c@z.org' },
      { name: '', address: 'd@z.org' },
    ]);
    assert.deepEqual(parseAddressList('=?utf-8?Q?J=C3=B6rg?= <j@x.org>'), [{ name: 'Jörg', address: 'j@x.org' }]);
    assert.deepEqual(parseAddressList('undisclosed-recipients:;'), []);
  });

  it('an encoded word cannot add an address, and what is no address is none', () => {
    assert.deepEqual(
      parseAddressList('=?utf-8?Q?x=2C_evil=40y.org_=3C?= <a@x.org>').map((mailbox) => mailbox.address),
      ['a@x.org'],
    );
    assert.equal(parseAddressList('a@x.org b@y.org')[0]?.address, '');
    assert.equal(parseAddressList('<a@x.org> <b@y.org>')[0]?.address, '');
    assert.equal(parseAddressList('"a@x.org\u0000" <b@y.org>')[0]?.address, 'b@y.org');
  });

  it('T02 addresses are compared without case', () => {
    assert.ok(sameAddress('Alain.Dupont@tcn.B.eu-admin.net', 'alain.dupont@TCN.b.eu-admin.net'));
    assert.equal(sameAddress('', ''), false);
    assert.equal(sameAddress('a@x.org', 'b@x.org'), false);
  });

  it('dates of RFC 5322 and older are read', () => {
    const time = '2026-11-24T09:12:00.000Z';
    for (const text of [
      'Tue, 24 Nov 2026 10:12:00 +0100',
      '24 Nov 2026 09:12 GMT',
      'Tue, 24 Nov 26 04:12:00 EST (x)',
    ]) {
      assert.equal(parseDate(text)?.toISOString(), time, text);
    }
    assert.equal(parseDate('yesterday'), null);
  });
});

describe('transfer encodings', () => {
  it('base64 with irregular lines, padding in the middle and a missing end is read', () => {
    assert.equal(decodeBase64(Buffer.from('aGV\r\nsb\n G8=')).toString(), 'hello');
    assert.equal(decodeBase64(Buffer.from('aGU=\r\nbGxv')).toString(), 'hello');
    assert.equal(decodeBase64(Buffer.from('aGVsbG')).toString(), 'hell');
    assert.equal(decodeBase64(Buffer.from('')).length, 0);
    const shifted = `QUJD\r\nQUJDQ\n${'QUJD\r\n'.repeat(3)}`;
    const whole = Buffer.from(shifted.replace(/\s/g, ''), 'base64');
    for (const size of [6, 7, 12, 100]) {
      const slices = [...slicesOfText(shifted, size)];
      assert.deepEqual(
        Buffer.concat([...base64Slices(slices)]),
        whole,
        'a letter in the place of a return, read in slices',
      );
    }
  });

  it('quoted-printable keeps what is no escape and drops padding at line ends', () => {
    assert.equal(decodeQuotedPrintable(Buffer.from('a=3Db=\r\nc =ZZ  \r\nd=')).toString(), 'a=bc =ZZ\r\nd');
  });

  it('what is encoded decodes to itself', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        const encoded = encodeBase64Lines(Buffer.from(bytes));
        assert.ok(
          encoded
            .toString()
            .split('\r\n')
            .every((line) => line.length <= 76),
        );
        assert.deepEqual(decodeBase64(encoded), Buffer.from(bytes));
      }),
    );
    const large = randomBytes(300_000);
    assert.deepEqual(decodeBase64(encodeBase64Lines(large)), large);
  });

  it('canonical lines end with CRLF, and what has them already is not copied', () => {
    assert.equal(toCanonicalLines(Buffer.from('\na\r\nb\nc')).toString(), '\r\na\r\nb\r\nc');
    const canonical = Buffer.from('a\r\nb\r\n');
    assert.equal(toCanonicalLines(canonical), canonical);
  });
});

describe('structure', () => {
  it('text, HTML and attachments are found, inline images belong to the HTML', () => {
    const message = content(`Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--a
Content-Type: multipart/related; boundary=r

--r
Content-Type: text/html

<img src="cid:i1">
--r
Content-Type: image/png
Content-ID: <i1>
Content-Transfer-Encoding: base64

AAAA
--r--
--a--
--m
Content-Type: application/pdf; name="../../été.pdf"
Content-Transfer-Encoding: base64

QUJD
--m--
`);
    assert.equal(message.text, 'Grüße');
    assert.equal(message.html, '<img src="cid:i1">');
    const seen = message.attachments.map(({ name, size, inline, contentId }) => ({ name, size, inline, contentId }));
    assert.deepEqual(seen, [
      { name: 'attachment-1.png', size: 3, inline: true, contentId: 'i1' },
      { name: 'été.pdf', size: 3, inline: false, contentId: null },
    ]);
  });

  it('broken boundaries, missing ends and lost blank lines lose no text', () => {
    const open = content(
      'Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain\n\none\n--mm\ntwo\n',
    );
    assert.equal(open.text, 'one\n--mm\ntwo\n');
    assert.equal(
      content('Content-Type: multipart/mixed; boundary=m\n\n--m\nno header here\n--m--\n').text,
      'no header here',
    );
    assert.equal(content('Content-Type: broken\n\nhi').text, 'hi');
    assert.equal(content('').text, '');
  });

  it('two HTML documents are never joined into one', () => {
    const part = (type: string, body: string) => `--m\nContent-Type: ${type}\n\n${body}\n`;
    const parts = part('text/html', '<b>') + part('text/plain', 'footer') + part('text/html', '</b>');
    const message = content(`Content-Type: multipart/mixed; boundary=m\n\n${parts}--m--\n`);
    assert.equal(message.html, '<b>');
    assert.deepEqual(
      message.attachments.map((item) => item.type),
      ['text/plain', 'text/html'],
    );
  });

  it('file names keep every script and lose folders, directions and controls', () => {
    assert.equal(safeFileName('C:\\Users\\x\\Σύμβαση.pdf'), 'Σύμβαση.pdf');
    assert.equal(safeFileName('invoice\u202efdp.exe'), 'invoicefdp.exe');
    assert.equal(safeFileName('../../.bashrc'), 'bashrc');
    assert.equal(safeFileName('日本語 عربي.txt'), '日本語 عربي.txt');
    assert.equal(safeFileName(`${'a'.repeat(500)}.docx`).length, 180);
    assert.equal(safeFileName('\u0000'), '');
  });

  it('foreign bytes never throw, and stay within the bytes given', () => {
    const piece = fc.constantFrom(
      '--b',
      '--b--',
      '\r\n',
      '\n',
      'Content-Type: multipart/mixed; boundary=b',
      ': ',
      'x',
      '\u0000',
      '=?utf-8?B?',
      '"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const bytes = Buffer.from(pieces.join(''));
        const root = parseEntity(bytes);
        assert.ok(root.bodyStart <= bytes.length && root.end <= bytes.length);
        collectContent(root);
      }),
      { numRuns: 500 },
    );
  });

  it('endless lists of what is no address cost little time and memory', () => {
    const spentMs = startCpuClock();
    const before = process.memoryUsage().heapUsed;
    for (const [piece, found] of [
      ['c@ ', 0],
      ['<', 0],
      ['"x" ', 0],
      ['a@b.org, ', 10_000],
    ] as const) {
      const mailboxes = parseAddressList(piece.repeat(Math.floor(2_000_000 / piece.length)));
      assert.equal(mailboxes.filter(({ address }) => address !== '').length, found, piece);
    }
    assert.equal(parseAddressList(`a@x.org ${'('.repeat(5)}${'y'.repeat(5000)}@x.org`)[0]?.address ?? '', 'a@x.org');
    assert.equal(parseAddressList(`a@x.org${' b'.repeat(2000)}`)[0]?.address, '');
    assert.ok(spentMs() < 4000);
    assert.ok(process.memoryUsage().heapUsed - before < 200 * 1024 * 1024);
  });

  it('many parts and deep nesting stay cheap', () => {
    const many = `Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(50_000)}`;
    const nested = Array.from(
      { length: 100 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
    );
    const inner = `${nested.join('')}\r\n${'x'.repeat(1_000_000)}`;
    const spentMs = startCpuClock();
    assert.ok(parseEntity(Buffer.from(many)).incomplete);
    parseEntity(Buffer.from(inner));
    assert.ok(spentMs() < 1000);
  });
});

it('what is no media type is plain text', () => {
  for (const written of [
    'text',
    'text/',
    'text/pl€in',
    'a/b/c',
    'text/"x"',
    'text/plain\u0001',
    'text/plain, image/png',
  ]) {
    assert.equal(
      parseEntity(Buffer.from(`Content-Type: ${written}; x=y\r\n\r\n`)).contentType.value,
      'text/plain',
      written,
    );
  }
  assert.equal(parseEntity(Buffer.from('Content-Type: Image/SVG+XML\r\n\r\n')).contentType.value, 'image/svg+xml');
});

it('a body made of what the boundary begins with costs no more than its length', () => {
  const levels = Array.from({ length: 20 }, (_, level) => '-'.repeat(180 - level));
  const head = levels.map((name) => `Content-Type: multipart/mixed; boundary="${name}"\r\n\r\n--${name}\r\n`).join('');
  const spentMs = startCpuClock();
  parseEntity(Buffer.from(`${head}\r\n\r\n${'-'.repeat(1_000_000)}`));
  assert.ok(spentMs() < 1000);
});

it('hostile header fields cost no more than their length', () => {
  const spentMs = startCpuClock();
  decodeEncodedWords('=?utf-8?B?YQ==?= '.repeat(100_000));
  parseDate(`Mon${' '.repeat(1_000_000)}x`);
  safeFileName(`${'. '.repeat(500_000)}x`);
  parseParameterised(`a; ${'b '.repeat(300_000)}`);
  parseAddressList('(('.repeat(300_000));
  parseAddressList('a '.repeat(300_000));
  parseEntity(Buffer.from(`Content-Transfer-Encoding: ${'('.repeat(1_000_000)}\r\n\r\n`));
  assert.ok(spentMs() < 2000);
});

function* slicesOfText(text: string, size: number): Generator<Buffer> {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size));
}
