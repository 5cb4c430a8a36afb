/** What is fuzzed, and what must hold whatever the bytes are. */
import assert from 'node:assert/strict';
import { slicesOf } from '../../src/bytes/byte-source.ts';
import { parseAddressList } from '../../src/mime/addresses.ts';
import { base64Slices } from '../../src/mime/base64.ts';
import { collectContent } from '../../src/mime/content.ts';
import {
  canonicalSlices,
  decodeBase64,
  decodedSlices,
  decodeQuotedPrintable,
  toCanonicalLines,
} from '../../src/mime/decode.ts';
import { decodeEncodedWords } from '../../src/mime/headers.ts';
import { type MimeEntity, parseEntity } from '../../src/mime/parse.ts';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { children, type DerNode, readElement } from '../../src/pki/der.ts';
import { PkiError } from '../../src/pki/errors.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import { makePeople } from '../support/smime-people.ts';

export interface Target {
  readonly corpus: readonly Buffer[];
  /** Around what was mutated, where that is only a part of what is checked. */
  wrap?(bytes: Buffer): Buffer;
  /** Throws for anything that must not be. */
  check(bytes: Buffer): void;
}

export const TARGETS = ['der', 'cms', 'mime', 'base64', 'pkcs12'] as const;
export type TargetName = (typeof TARGETS)[number];

const LETTER = [
  'From: "Alice, =?utf-8?q?=C3=89?=" <alice@example.org>\r\nTo: group: b@example.org, c@example.org;\r\nSubject: =?utf-8?b?w6k=?=\r\n',
  'Content-Type: multipart/mixed; boundary="a b"; charset*0=ut; charset*1=f-8\r\n\r\npreamble\r\n--a b\r\n',
  'Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=\r\n=20\r\n',
  '--c\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>x</p>\r\n--c--\r\n--a b\r\nContent-Type: message/rfc822\r\n\r\n',
  "Subject: inner\r\n\r\nhi\r\n--a b\r\nContent-Type: application/pdf; name*=utf-8''%C3%A9.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--a b--\r\n",
].join('');

/** The target, made anew: keys and messages are not kept in files. */
export function targetOf(name: TargetName): Target {
  const people = makePeople();
  try {
    switch (name) {
      case 'der':
        return {
          corpus: [people.root.der, people.alice.certificate.der, people.carol.certificate.der],
          check: checkDer,
        };
      case 'mime':
        return { corpus: [Buffer.from(LETTER), Buffer.from(LETTER.replaceAll('\r\n', '\n'))], check: checkMime };
      case 'base64':
        return {
          corpus: [Buffer.from('QUJD'.repeat(19).concat('\r\n').repeat(40)), Buffer.from('QUI=\r\nQQ==\r\nQUJD')],
          check: checkBase64,
        };
      case 'pkcs12':
        return pkcs12Target(people);
      case 'cms':
        return cmsTarget(people);
    }
  } finally {
    people.remove();
  }
}

/** Only the documented error may leave. */
function allowed(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof PkiError)) throw error;
  }
}

function checkDer(bytes: Buffer): void {
  allowed(() => visit(readElement(bytes), bytes.length));
  allowed(() => {
    const certificate = parseCertificate(bytes);
    assert.ok(certificate.der.length <= bytes.length);
  });
}

function visit(node: DerNode, most: number): void {
  assert.ok(node.start < node.contentStart && node.contentEnd <= node.end && node.end <= most, 'within the bytes');
  if (node.constructed) for (const child of children(node)) visit(child, node.contentEnd);
}

function checkMime(bytes: Buffer): void {
  const root = parseEntity(bytes);
  walk(root);
  const content = collectContent(root);
  for (const attachment of content.attachments) assert.equal(attachment.bytes().length, attachment.size);
  for (const field of root.headers) {
    decodeEncodedWords(field.value);
    parseAddressList(field.value);
  }
}

function walk(entity: MimeEntity): void {
  assert.ok(entity.start <= entity.bodyStart && entity.bodyStart <= entity.end && entity.end <= entity.source.length);
  for (const child of entity.children) {
    assert.ok(child.start >= entity.bodyStart && child.end <= entity.end, 'a part lies in its parent');
    walk(child);
  }
  for (const _ of decodedSlices(entity)) void _;
}

function checkBase64(bytes: Buffer): void {
  const plain = bytes
    .toString('latin1')
    .split('=')
    .map((stretch) => Buffer.from(stretch.replace(/[^A-Za-z0-9+/_-]/g, ''), 'base64'));
  assert.deepEqual(decodeBase64(bytes), Buffer.concat(plain));
  const slices = Array.from({ length: Math.ceil(bytes.length / 101) }, (_, n) =>
    bytes.subarray(n * 101, n * 101 + 101),
  );
  assert.deepEqual(Buffer.concat([...base64Slices(slices)]), Buffer.concat(plain));
  const canonical = Buffer.from(bytes.toString('latin1').replace(/\r\n|\n/g, '\r\n'), 'latin1');
  assert.deepEqual(toCanonicalLines(bytes), canonical);
  assert.deepEqual(Buffer.concat([...canonicalSlices(bytes, 0, bytes.length)]), canonical);
  decodeQuotedPrintable(bytes);
  assert.equal(
    [...slicesOf(bytes)].reduce((sum, slice) => sum + slice.length, 0),
    bytes.length,
  );
}

function pkcs12Target({ alice, carol, root }: ReturnType<typeof makePeople>): Target {
  const corpus = [alice, carol].flatMap(({ privateKey, certificate }) =>
    (['modern', 'legacy'] as const).map((form) =>
      writePkcs12({
        privateKey: privateKey.export({ type: 'pkcs8', format: 'der' }),
        certificate,
        chain: [root],
        password: 'fuzz',
        form,
        friendlyName: 'x',
      }),
    ),
  );
  return { corpus, check: (bytes) => void readPkcs12(bytes, 'fuzz') };
}

const MARK = Buffer.from('\0cms');

function cmsTarget(people: ReturnType<typeof makePeople>): Target {
  const { alice, bob, carol, root } = people;
  const at = new Date();
  const date = at.toUTCString().replace('GMT', '+0000');
  const headers = Buffer.from(`From: alice@example.org\r\nSubject: fuzz\r\nDate: ${date}\r\n`);
  const mime = Buffer.from('Content-Type: text/plain\r\n\r\nthe honest text\r\n');
  const sign = { ...alice, chain: [] };
  const common = { mime, headers, at };
  const corpus = [
    sealMessage({ ...common, sign }),
    sealMessage({ ...common, sign, opaque: true }),
    sealMessage({ ...common, encryptTo: [bob.certificate] }),
    sealMessage({ ...common, sign, encryptTo: [bob.certificate, carol.certificate], content: 'aes-256-gcm' }),
  ];
  // The letters as they are, and the CMS alone: in base64 a character too many would shift all that follows.
  const structures = corpus.slice(1).map((letter) => {
    const text = letter.toString('latin1');
    return Buffer.concat([MARK, Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'base64')]);
  });
  const type = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n';
  const around = Buffer.concat([headers, Buffer.from(type)]);
  const trust = { anchors: [root], intermediates: [], explicitlyTrusted: [] };
  const keys = [bob, carol].map(({ certificate, privateKey }) => ({ certificate, privateKey }));
  return {
    corpus: [...corpus, ...structures, ...structures],
    wrap: (bytes) => (bytes.indexOf(MARK) === 0 ? Buffer.concat([around, bytes.subarray(MARK.length)]) : bytes),
    check: (bytes) => {
      const message = openMessage({ bytes, keys, trust, at });
      if (message.signature.status !== 'trusted') return;
      assert.equal(message.text, 'the honest text\n', 'trusted with another text');
      assert.deepEqual(message.attachments, [], 'trusted with something more');
    },
  };
}
