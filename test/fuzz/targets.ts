/** What is fuzzed, and what must hold whatever the bytes are. */
import assert from 'node:assert/strict';
import { slicesOf } from '../../src/bytes/byte-source.ts';
import { sanitiseHtml } from '../../src/html/sanitise.ts';
import { textOfHtml } from '../../src/html/text-of-html.ts';
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
import type { MimeEntity } from '../../src/mime/entity.ts';
import { decodeEncodedWords } from '../../src/mime/headers.ts';
import { parseEntity } from '../../src/mime/parse.ts';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import { readCertificateRequest, verifyCertificateRequest } from '../../src/pki/certificate-request.ts';
import { findEntry, parseRevocationList, type RevocationList } from '../../src/pki/crl.ts';
import { children, type DerNode, readElement } from '../../src/pki/der.ts';
import { PkiError } from '../../src/pki/errors.ts';
import { findResponse, type OcspResponse, ocspUris, parseOcspResponse, writeOcspRequest } from '../../src/pki/ocsp.ts';
import { validatePath } from '../../src/pki/path.ts';
import { checkPath } from '../../src/pki/path-checks.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { isAbout, readOcspRequest } from '../../src/pki/write-ocsp.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { assertHarmless } from '../support/harmless-html.ts';
import { readCorpus } from './corpus.ts';
import { HTML_SEEDS } from './html-seeds.ts';
import { reportsTarget } from './reports-target.ts';

export interface Target {
  readonly corpus: readonly Buffer[];
  /** Around what was mutated, where that is only a part of what is checked. */
  wrap?(bytes: Buffer): Buffer;
  /** Throws for anything that must not be. */
  check(bytes: Buffer): void;
  /** Processor time that one input may cost, where it is not that of every message. */
  mostMs?(bytes: Buffer): number;
}

/** Milliseconds of processor time that a message may cost (security.md, "Bars"). */
export function usualMs(bytes: Buffer): number {
  return 2000 + (bytes.length / (1024 * 1024)) * 200;
}

export const TARGETS = ['der', 'cms', 'mime', 'html', 'base64', 'pkcs12', 'paths', 'request', 'reports'] as const;
export type TargetName = (typeof TARGETS)[number];

const LETTER = [
  'From: "Alice, =?utf-8?q?=C3=89?=" <alice@example.org>\r\nTo: group: b@example.org, c@example.org;\r\nSubject: =?utf-8?b?w6k=?=\r\n',
  'Content-Type: multipart/mixed; boundary="a b"; charset*0=ut; charset*1=f-8\r\n\r\npreamble\r\n--a b\r\n',
  'Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Transfer-Encoding: (so) quoted-printable\r\n\r\nGr=C3=BC=\r\n=20\r\n',
  '--c\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\n<p>x</p>\r\n--c--\r\n--a b\r\nContent-Type: message/rfc822\r\n\r\n',
  "Subject: inner\r\n\r\nhi\r\n--a b\r\nContent-Type: application/pdf; name*=utf-8''%C3%A9.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--a b--\r\n",
].join('');

export function targetOf(name: TargetName): Target {
  switch (name) {
    case 'der':
      return { corpus: readCorpus().certificates, check: checkDer };
    case 'mime':
      return { corpus: [Buffer.from(LETTER), Buffer.from(LETTER.replaceAll('\r\n', '\n'))], check: checkMime };
    case 'html':
      return {
        corpus: HTML_SEEDS.map((seed) => Buffer.from(seed)),
        check: checkHtml,
        // Read twice, as HTML and as text: a page asks for one of them.
        mostMs: (bytes) => 2 * usualMs(bytes),
      };
    case 'base64':
      return {
        corpus: [Buffer.from('QUJD'.repeat(19).concat('\r\n').repeat(40)), Buffer.from('QUI=\r\nQQ==\r\nQUJD')],
        check: checkBase64,
      };
    case 'pkcs12':
      return {
        corpus: readCorpus().pkcs12,
        check: (bytes) => void readPkcs12(bytes, 'fuzz'),
        // The iterations that a file may ask for: it is opened alone, with progress (security.md, "Bars").
        mostMs: () => 15_000,
      };
    case 'paths':
      return pathsTarget();
    case 'reports':
      return reportsTarget();
    case 'request':
      return { corpus: readCorpus().requests, check: checkRequest };
    case 'cms':
      return cmsTarget();
  }
}

/** Certificates on a path, and what is published about them: nothing that is odd is believed, and nothing throws but as documented. */
function pathsTarget(): Target {
  const { revocation, root } = readCorpus();
  const [authority, person] = revocation.slice(0, 2).map((der) => parseCertificate(der)) as [Certificate, Certificate];
  const at = new Date('2026-06-15T00:00:00Z');
  const judged = (lists: RevocationList[], responses: OcspResponse[], candidates: Certificate[] = []) =>
    validatePath({
      ...{ leaf: person, candidates: [authority, ...candidates], anchors: [root], at, purpose: 'email' },
      revocation: { lists, responses, now: at, required: true },
    });
  return {
    corpus: [...revocation, writeOcspRequest(person, authority)],
    check(bytes) {
      allowed(() => {
        for (const asked of readOcspRequest(bytes).asked) isAbout(asked, authority);
      });
      allowed(() => {
        const list = parseRevocationList(bytes);
        findEntry(list, person);
        assert.equal(judged([list], []).valid, false);
      });
      allowed(() => {
        const response = parseOcspResponse(bytes);
        findResponse(response, person, authority);
        assert.equal(judged([], [response]).valid, false);
      });
      let odd: Certificate | null = null;
      allowed(() => {
        odd = parseCertificate(bytes);
      });
      if (odd === null) return;
      checkPath([person, odd, root], { at, purpose: 'email' });
      checkPath([odd, authority, root], { at, purpose: 'email' });
      allowed(() => void ocspUris(odd as Certificate));
      assert.equal(judged([], [], [odd]).valid, false);
    },
  };
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

/** A request that verifies is for exactly what its key signed: the corpus has two, whatever stands around them. */
function checkRequest(bytes: Buffer): void {
  allowed(() => {
    const request = readCertificateRequest(bytes);
    if (verifyCertificateRequest(request) !== 'valid') return;
    const honest = readCorpus().requests.map((one) => readCertificateRequest(one).info);
    assert.ok(
      honest.some((info) => info.equals(request.info)),
      'verified with another content',
    );
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

/** Larger inputs are only decoded: what is compared with them would cost more than they do. */
const COMPARED_BYTES = 64 * 1024;

function checkBase64(bytes: Buffer): void {
  const decoded = decodeBase64(bytes);
  const canonical = toCanonicalLines(bytes);
  decodeQuotedPrintable(bytes);
  assert.ok(decoded.length <= bytes.length && canonical.length >= bytes.length);
  assert.equal(
    [...slicesOf(bytes)].reduce((sum, slice) => sum + slice.length, 0),
    bytes.length,
  );
  if (bytes.length <= COMPARED_BYTES) compareWithPlain(bytes, decoded, canonical);
}

function compareWithPlain(bytes: Buffer, decoded: Buffer, canonical: Buffer): void {
  const plain = bytes
    .toString('latin1')
    .split('=')
    .map((stretch) => Buffer.from(stretch.replace(/[^A-Za-z0-9+/_-]/g, ''), 'base64'));
  assert.deepEqual(decoded, Buffer.concat(plain));
  const slices = Array.from({ length: Math.ceil(bytes.length / 101) }, (_, n) =>
    bytes.subarray(n * 101, n * 101 + 101),
  );
  assert.deepEqual(Buffer.concat([...base64Slices(slices)]), decoded);
  assert.deepEqual(canonical, Buffer.from(bytes.toString('latin1').replace(/\r\n|\n/g, '\r\n'), 'latin1'));
  assert.deepEqual(Buffer.concat([...canonicalSlices(bytes, 0, bytes.length)]), canonical);
}

function checkHtml(bytes: Buffer): void {
  const html = bytes.toString('utf8');
  const options = { inlineImages: new Map(), remote: 'block', links: true } as const;
  const cleaned = sanitiseHtml(html, options).html;
  assertHarmless(cleaned);
  textOfHtml(html);
}

const MARK = Buffer.from('\0cms');

function cmsTarget(): Target {
  const { at, letters, readers, root } = readCorpus();
  // The letters as they are, and the CMS alone: in base64 a character too many would shift all that follows.
  const structures = letters.slice(1).map((letter) => {
    const text = letter.toString('latin1');
    return Buffer.concat([MARK, Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'base64')]);
  });
  const date = at.toUTCString().replace('GMT', '+0000');
  const type = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n';
  const around = Buffer.from(`From: alice@example.org\r\nSubject: fuzz\r\nDate: ${date}\r\n${type}`);
  const trust = { anchors: [root], intermediates: [], explicitlyTrusted: [] };
  return {
    corpus: [...letters, ...structures, ...structures],
    wrap: (bytes) => (bytes.indexOf(MARK) === 0 ? Buffer.concat([around, bytes.subarray(MARK.length)]) : bytes),
    check: (bytes) => {
      const message = openMessage({ bytes, keys: readers, trust, at });
      if (message.signature.status !== 'trusted') return;
      assert.equal(message.text, 'the honest text\n', 'trusted with another text');
      assert.deepEqual(message.attachments, [], 'trusted with something more');
    },
  };
}
