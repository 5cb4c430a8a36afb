import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Composition, composeMime, plainMessage } from '../../../src/mail/compose-mime.ts';
import { collectContent } from '../../../src/mime/content.ts';
import { joinEntity } from '../../../src/mime/encode.ts';
import { parseEntity } from '../../../src/mime/parse.ts';

const plain: Composition = {
  from: { name: 'Alain Dupont', address: 'alain.dupont@tcn.b.eu-admin.net' },
  to: [{ name: '', address: 'greta.muller@tcn.d.eu-admin.net' }],
  cc: [],
  subject: 'Hello',
  text: 'Good morning.\n',
  attachments: [],
  messageId: '<1@sealpost.example>',
  inReplyTo: null,
  references: [],
  date: new Date('2026-11-22T10:00:00Z'),
};

function headerText(composed: { headers: { line: string }[] }): string {
  return composed.headers.map(({ line }) => line).join('\r\n');
}

/** Subject or name as another program would read it. */
function decodeWords(text: string): string {
  return text
    .replace(/\r\n(?=[ \t])/g, '')
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?b\?([^?]*)\?=/gi, (_, word: string) => `\u0000${word}\u0000`)
    .replace(/(?:\u0000[^\u0000]*\u0000)+/g, (run) =>
      Buffer.concat(run.split('\u0000').map((word) => Buffer.from(word, 'base64'))).toString(),
    );
}

describe('a composed message', () => {
  it('has the outer fields in order and the content fields in the entity', async () => {
    const composed = await composeMime(plain);
    assert.deepEqual(
      composed.headers.map(({ line }) => line),
      [
        'Date: Sun, 22 Nov 2026 10:00:00 +0000',
        'From: Alain Dupont <alain.dupont@tcn.b.eu-admin.net>',
        'To: greta.muller@tcn.d.eu-admin.net',
        'Subject: Hello',
        'Message-ID: <1@sealpost.example>',
      ],
    );
    assert.match(
      joinEntity(composed.entity).toString(),
      /^Content-Transfer-Encoding: 7bit\r\nContent-Type: text\/plain; charset=utf-8\r\n\r\nGood morning\.\r\n$/,
    );
    assert.match(plainMessage(composed).toString(), /@sealpost\.example>\r\nMIME-Version: 1\.0\r\nContent-/);
  });

  it('carries subjects and names of any script, folded in short lines of ASCII', async () => {
    const subject = 'Übermittlung: δίκτυο, 日本語, عربى '.repeat(8).trim();
    const name = 'Müller, Gréta "die Große" 東京';
    const to = Array.from({ length: 30 }, (_, at) => ({ name, address: `greta${at}@tcn.d.eu-admin.net` }));
    const text = headerText(await composeMime({ ...plain, subject, to }));
    for (const line of text.split('\r\n')) {
      assert.match(line, /^[\x20-\x7e]*$/);
      assert.ok(line.length <= 100, line);
      assert.match(line, /\S/);
    }
    assert.ok(decodeWords(text).includes(`Subject: ${subject}`));
    assert.equal(decodeWords(text).split(name.normalize()).length > 1 || decodeWords(text).includes('die Große'), true);
  });

  it('has no field that a subject, a name or a Message-ID smuggled in', async () => {
    const evil = 'x\r\nBcc: evil@example.org\r\n\r\nbody';
    const composed = await composeMime({
      ...plain,
      subject: evil,
      from: { ...plain.from, name: evil },
      inReplyTo: `<${evil}>`,
      references: [evil, '<2@b.example>', `<${evil}>`],
      messageId: '<1@sealpost.example>\r\nBcc: evil@example.org',
      attachments: [
        { name: `${evil}/a\r\nX: y.pdf`, type: `text/x\r\nBcc: evil@example.org`, bytes: [Buffer.from('x')] },
      ],
    });
    const all = `${headerText(composed)}\r\n${joinEntity(composed.entity).toString()}`;
    assert.doesNotMatch(all, /^(Bcc|X):/im);
    assert.match(all, /^References: <2@b\.example>\r$/m);
    assert.doesNotMatch(all, /\r\n\r\nbody/);
  });

  it('has lines that end with CRLF and are short and ASCII, whatever was typed', async () => {
    const text = `Grüße\nFrom here\r.\r\n.dot\n${'lang '.repeat(400)}\n\u2028 ende`;
    const bytes = Buffer.from(Array.from({ length: 5_000 }, (_, at) => at % 256));
    const composed = await composeMime({
      ...plain,
      text,
      attachments: [
        {
          name: 'Größe.bin',
          type: 'application/x-test',
          bytes: [bytes.subarray(0, 1_000), bytes.subarray(1_000, 1_001), bytes.subarray(1_001)],
        },
      ],
    });
    const entity = joinEntity(composed.entity).toString('latin1');
    assert.doesNotMatch(entity, /[^\x20-\x7e\r\n\t]/);
    assert.doesNotMatch(entity.replaceAll('\r\n', ''), /[\r\n]/);
    assert.ok(entity.split('\r\n').every((line) => line.length <= 998));
    assert.match(entity, /^Content-Type: multipart\/mixed/);
    const base64 = /filename\*[\s\S]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(entity)?.[1] ?? '';
    assert.ok(Buffer.from(base64, 'base64').equals(bytes));
  });

  it('does not read files or addresses that an attachment names', async () => {
    const hostile = {
      name: 'a',
      type: 'text/plain',
      bytes: [Buffer.from('x')],
      path: '/etc/passwd',
      href: 'http://127.0.0.1/',
    };
    const composed = await composeMime({ ...plain, attachments: [hostile] });
    assert.doesNotMatch(joinEntity(composed.entity).toString(), /root:/);
  });

  it('T17 takes 25 MB of attachments', async () => {
    const bytes = Buffer.alloc(25 * 1024 * 1024, 7);
    const { entity } = await composeMime({
      ...plain,
      attachments: [{ name: 'big.bin', type: 'application/zip', bytes: [bytes] }],
    });
    assert.ok(joinEntity(entity).length > (bytes.length * 4) / 3);
  });

  it('carries a very long text and empty files whole', async () => {
    const text = 'Grüße aus Gent\n'.repeat(40_000);
    const files = [[], [Buffer.from('abc')], []].map((bytes) => ({ name: 'a.bin', type: 'application/x-test', bytes }));
    for (const attachments of [[], files]) {
      const message = Buffer.concat([
        Buffer.from('MIME-Version: 1.0\r\n'),
        joinEntity((await composeMime({ ...plain, text, attachments })).entity),
      ]);
      const read = collectContent(parseEntity(message));
      assert.equal(read.text?.replaceAll('\r\n', '\n').trimEnd(), text.trimEnd());
      assert.deepEqual(
        read.attachments.map((file) => file.size),
        attachments.map(({ bytes }) => bytes.length * 3),
      );
    }
  });

  it('may be empty', async () => {
    const composed = await composeMime({
      ...plain,
      subject: '',
      text: '',
      to: [],
      cc: [{ name: '', address: 'c@d.example' }],
    });
    assert.match(headerText(composed), /^Subject: $/m);
    assert.match(headerText(composed), /^Cc: c@d\.example$/m);
    assert.match(joinEntity(composed.entity).toString(), /^Content-Type: text\/plain/);
  });
});
