/** Messages built so that one program verifies one part and another shows another one. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as der from '../../../src/pki/der-writer.ts';
import { CONTENT_TYPE } from '../../../src/smime/algorithms.ts';
import { contentInfo } from '../../../src/smime/write-signature.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';
import {
  clearSigned,
  ENTITY,
  header,
  multipart,
  opaque,
  openAs,
  signedData,
  signedEntity,
  verdict,
} from '../../support/crafted-mail.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const open = (bytes: Buffer) => openAs(people, bytes);
const TRUSTED = 'trusted revocation-unchecked';
const text = (words: string) => `Content-Type: text/plain\r\n\r\n${words}\r\n`;

const message = (entity: Buffer) => Buffer.concat([Buffer.from(header()), entity]);
const cms = (content: Buffer) => signedData({ content, signers: [{ person: people.alice }], detached: true });

describe('a signed part of a larger mail', () => {
  it('T25 is told by the check that failed: the message is not signed as a whole', () => {
    const opened = open(message(multipart('mixed', [signedEntity(people.alice), text('after')])));
    assert.deepEqual(
      opened.checks.map((check) => `${check.id} ${check.outcome}`),
      ['whole-message failed'],
    );
  });

  it('T25 before the first and behind the last boundary of multipart/signed is not shown', () => {
    const bytes = clearSigned(ENTITY, cms(ENTITY)).toString('latin1');
    const wrapped = `${bytes.replace('\r\n\r\n--b\r\n', '\r\n\r\nPay Mallory.\r\n--b\r\n')}Pay Mallory.\r\n`;
    const opened = open(Buffer.from(wrapped, 'latin1'));
    assert.equal(verdict(opened), TRUSTED);
    assert.equal(opened.text, 'Pay 100 EUR to Alice.\n');
    assert.deepEqual(opened.attachments, []);
  });

  it('T30 what only passes for its signature was not read, and so goes through the virus scanner', () => {
    const whole = clearSigned(ENTITY, cms(ENTITY));
    assert.equal(open(whole).readWhole, true);
    const disguised = clearSigned(ENTITY, Buffer.from('a program'));
    assert.equal(open(disguised).readWhole, false);
    assert.equal(open(message(multipart('mixed', [signedEntity(people.alice), text('after')]))).readWhole, true);
    const holding = signedData({ content: ENTITY, signers: [{ person: people.alice }] });
    assert.equal(open(clearSigned(ENTITY, holding)).readWhole, false);
  });

  it('T25 that is an attached message stays a file: no layer, no text of its own', () => {
    const signed = message(signedEntity(people.alice));
    const attached = Buffer.concat([Buffer.from('Content-Type: message/rfc822\r\n\r\n'), signed]);
    const opened = open(message(multipart('mixed', [text('See what Alice wrote.'), attached])));
    assert.deepEqual(opened.layers, []);
    assert.equal(opened.text, 'See what Alice wrote.\n');
    const alone = open(message(attached));
    assert.equal(alone.text, null);
    assert.deepEqual(
      alone.attachments.map((one) => one.type),
      ['message/rfc822'],
    );
  });
});

describe('boundaries', () => {
  const named = (boundary: string, content: Buffer = ENTITY) =>
    clearSigned(content, cms(content), header(), boundary).toString('latin1');
  const claim = (bytes: string) => verdict(open(Buffer.from(bytes, 'latin1')));

  it('S14 of which one begins like the other are kept apart, whichever is outside', () => {
    for (const [outer, inner] of [
      ['b', 'bb'],
      ['bb', 'b'],
      ['b', 'b--x'],
    ] as const) {
      const content = multipart('mixed', [text('one'), text('two')], inner);
      const opened = open(Buffer.from(named(outer, content), 'latin1'));
      assert.equal(verdict(opened), TRUSTED, outer);
      assert.equal(opened.text, 'one\n\n\ntwo\n', outer);
    }
    // Here the end of the one is the beginning of the other.
    assert.match(claim(named('b--', multipart('mixed', [text('one'), text('two')], 'b'))), /^invalid malformed/);
  });

  it('T25 white space behind a delimiter is transport padding, at the end of a boundary it makes the message malformed', () => {
    assert.equal(claim(named('b').replaceAll(/^--b(--)?$/gm, (line) => `${line} \t`)), TRUSTED);
    assert.equal(claim(named('b ')), 'invalid malformed');
    assert.equal(claim(named('b ').replaceAll(/^--b /gm, '--b')), 'invalid malformed');
  });

  it('T25 without the last boundary the message may be cut short, and is malformed', () => {
    for (const bytes of [
      named('b').replace('\r\n--b--\r\n', '\r\n'),
      named('b').replace('\r\n--b--\r\n', '\r\n--b-\r\n'),
    ]) {
      assert.equal(claim(bytes), 'invalid malformed');
    }
    assert.equal(claim(named('b').trimEnd()), TRUSTED);
  });

  it('T25 an end in the middle, or a part before the signed one, never leaves it trusted with another text', () => {
    const bytes = named('b');
    const forged = [
      bytes.replace('\r\n\r\n--b\r\n', '\r\n\r\n--b\r\n\r\nPay Mallory.\r\n--b\r\n'),
      bytes.replace('\r\n\r\n--b\r\n', '\r\n\r\n--b--\r\n--b\r\n'),
      bytes.replace('Pay 100 EUR', '--b\r\n\r\nPay 900 EUR'),
      bytes.replace('Pay 100 EUR', '--b--\r\nPay 100 EUR'),
      bytes.replace('\r\n--b\r\nContent-Type: application', '\r\n--b\r\n\r\nmore\r\n--b\r\nContent-Type: application'),
      bytes.replace('boundary="b"', 'boundary="c"'),
      bytes.replace('boundary="b"', 'boundary=""'),
      bytes.replace('; boundary="b"', ''),
    ];
    for (const [index, one] of forged.entries()) {
      assert.notEqual(one, bytes);
      assert.match(claim(one), /^(invalid|none|partial)/, String(index));
    }
  });
});

describe('lengths and nesting', () => {
  const wrapIn = (piece: Buffer, indefinite: boolean) =>
    indefinite ? Buffer.concat([Buffer.from([0x24, 0x80]), piece, Buffer.from([0, 0])]) : der.element(0x24, piece);

  function withContent(octets: Buffer): Buffer {
    const honest = signedData({ content: ENTITY, signers: [{ person: people.alice }] });
    const plain = der.octetString(ENTITY);
    const at = honest.indexOf(plain);
    const [before, after] = [honest.subarray(0, at), honest.subarray(at + plain.length)];
    return indefiniteAround(before, octets, after);
  }

  /** The same CMS with indefinite lengths around the content, so that its size may differ. */
  function indefiniteAround(before: Buffer, octets: Buffer, after: Buffer): Buffer {
    const version = before.indexOf(Buffer.from([0x02, 0x01, 0x01]));
    const type = before.indexOf(der.objectIdentifier(CONTENT_TYPE.data));
    const digests = before.subarray(version, before.lastIndexOf(0x30, type - 1));
    const open80 = (tag: number) => Buffer.from([tag, 0x80]);
    const close = (count: number) => Buffer.alloc(2 * count);
    const signed = der.objectIdentifier(CONTENT_TYPE.signedData);
    const data = der.objectIdentifier(CONTENT_TYPE.data);
    return Buffer.concat([
      ...[open80(0x30), signed, open80(0xa0), open80(0x30), digests],
      ...[open80(0x30), data, open80(0xa0), octets, close(2)],
      ...[after, close(3)],
    ]);
  }

  it('S14 indefinite lengths all through, and content in pieces, are read as what was signed', () => {
    const pieces = [0, 10, 11, 50].map((at, index, all) => der.octetString(ENTITY.subarray(at, all[index + 1])));
    for (const octets of [
      der.octetString(ENTITY),
      wrapIn(Buffer.concat(pieces), true),
      wrapIn(Buffer.concat(pieces), false),
    ]) {
      const opened = open(opaque(withContent(octets)));
      assert.equal(verdict(opened), TRUSTED);
      assert.equal(opened.text, 'Pay 100 EUR to Alice.\n');
    }
    const evil = Buffer.from(ENTITY.toString().replace('100', '900'));
    assert.match(verdict(open(opaque(withContent(der.octetString(evil))))), /^invalid altered/);
  });

  it('T25 an indefinite length without its end is malformed', () => {
    const whole = withContent(der.octetString(ENTITY));
    for (const missing of [2, 4, 6])
      assert.equal(verdict(open(opaque(whole.subarray(0, -missing)))), 'invalid malformed');
  });

  it('T25 octet strings within octet strings, ten thousand deep, are refused before they cost anything', () => {
    for (const indefinite of [false, true]) {
      let octets = der.octetString(ENTITY);
      const layers: Buffer[] = [];
      for (let depth = 0; depth < 10_000; depth += 1) {
        if (indefinite) layers.push(Buffer.from([0x24, 0x80]));
        else octets = wrapIn(octets, false);
      }
      if (indefinite) octets = Buffer.concat([...layers, octets, Buffer.alloc(20_000)]);
      const cpuMs = startCpuClock();
      const opened = open(opaque(withContent(octets)));
      assert.ok(cpuMs() < 2000, `${cpuMs()} ms`);
      assert.equal(verdict(opened), 'invalid too-complex');
      assert.equal(opened.text, null);
    }
  });

  it('T25 ten thousand structures that never end are refused before they cost anything', () => {
    const endless = Buffer.from('3080'.repeat(10_000), 'hex');
    const cpuMs = startCpuClock();
    for (const bytes of [endless, contentInfo(CONTENT_TYPE.signedData, endless)]) {
      assert.match(verdict(open(opaque(bytes))), /^invalid (too-complex|malformed)/);
    }
    assert.ok(cpuMs() < 2000, `${cpuMs()} ms`);
  });
});
