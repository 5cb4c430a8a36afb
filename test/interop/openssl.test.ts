/** Both directions with the openssl command: what it makes opens here, what is made here it reads. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openMessage } from '../../src/smime/open-message.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { makePeople, type People, type Person } from '../support/smime-people.ts';

const TEXT = 'Grüße aus Brüssel\r\nzweite Zeile\r\n';
const ENTITY = Buffer.from(`Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${TEXT}`);
const SHOWN = TEXT.replaceAll('\r\n', '\n');

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const path = (name: string) => join(people.folder, name);

function outer(from: Person): string {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  return `From: ${from.address}\r\nTo: bob@example.org\r\nSubject: test\r\nDate: ${date}\r\n`;
}

function open(bytes: Buffer, reader?: Person): OpenedMessage {
  return openMessage({
    bytes,
    keys: reader ? [reader] : [],
    trust: { anchors: [people.root], intermediates: [], explicitlyTrusted: [] },
    at: new Date(),
  });
}

/** What the openssl command made, under a header that fits the signer. */
function withHeader(from: Person, made: Buffer): Buffer {
  return Buffer.concat([Buffer.from(outer(from)), made]);
}

function opensslCms(...args: string[]): Buffer {
  writeFileSync(path('entity.eml'), ENTITY);
  people.openssl('cms', '-in', 'entity.eml', '-out', 'made.eml', ...args);
  return readFileSync(path('made.eml'));
}

const signer = (person: Person) => ['-signer', person.certificateFile, '-inkey', person.keyFile];

describe('mail made by the openssl command opens here', () => {
  for (const tool of ['cms', 'smime'] as const) {
    it(`S14 ${tool} -sign, clear and opaque, is trusted`, () => {
      for (const form of [[], ['-nodetach']]) {
        writeFileSync(path('entity.eml'), ENTITY);
        people.openssl(tool, '-sign', '-in', 'entity.eml', '-out', 'made.eml', ...signer(people.alice), ...form);
        const message = open(withHeader(people.alice, readFileSync(path('made.eml'))));
        assert.equal(message.signature.status, 'trusted', JSON.stringify(message.signature.reasons));
        assert.deepEqual(message.signature.reasons, ['revocation-unchecked']);
        assert.equal(message.text, SHOWN);
      }
    });
  }

  it('S14 PSS, ECDSA and Ed25519 signatures, SHA-384 and SHA-512, key identifiers are read', () => {
    const cases: [Person, string[]][] = [
      [people.alice, ['-keyopt', 'rsa_padding_mode:pss']],
      [people.alice, ['-md', 'sha384', '-keyid']],
      [people.carol, ['-md', 'sha512']],
      [people.carol, []],
    ];
    for (const [person, options] of cases) {
      const message = open(withHeader(person, opensslCms('-sign', ...signer(person), ...options)));
      assert.equal(message.signature.status, 'trusted', `${options.join(' ')} ${message.signature.reasons}`);
    }
  });

  it('S14 AES, 3DES, GCM, OAEP, ECDH and streamed BER envelopes are opened', () => {
    const cases: [Person, string[], string, string][] = [
      [people.bob, ['-aes-128-cbc'], 'AES-128-CBC', 'encrypted'],
      [people.bob, ['-aes-256-cbc', '-keyid'], 'AES-256-CBC', 'encrypted'],
      [people.bob, ['-des3'], '3DES', 'weak'],
      [people.bob, ['-aes-256-cbc', '-stream', '-indef'], 'AES-256-CBC', 'encrypted'],
      [people.bob, ['-aes-256-gcm'], 'AES-256-GCM', 'encrypted'],
      [people.carol, ['-aes-256-gcm', '-stream'], 'AES-256-GCM', 'encrypted'],
      [people.carol, ['-aes-192-cbc'], 'AES-192-CBC', 'encrypted'],
    ];
    for (const [person, options, algorithm, status] of cases) {
      const made = opensslCms('-encrypt', '-recip', person.certificateFile, ...options);
      const message = open(withHeader(people.alice, made), person);
      assert.equal(message.encryption.status, status, options.join(' '));
      assert.equal(message.encryption.algorithm, algorithm);
      assert.equal(message.text, SHOWN);
      assert.equal(message.signature.status, 'none');
      assert.equal(message.encryption.malleable, !algorithm.endsWith('GCM'));
    }
    const oaep = ['-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256', '-keyopt', 'rsa_mgf1_md:sha1'];
    const made = opensslCms('-encrypt', '-aes-256-cbc', '-recip', people.bob.certificateFile, ...oaep);
    const message = open(withHeader(people.alice, made), people.bob);
    assert.equal(message.text, SHOWN);
    assert.equal(message.layers[0]?.keyTransport, 'RSA-OAEP');
  });

  it('S14 signed inside encrypted inside signed is opened whole, the outer signature only a detail', () => {
    writeFileSync(path('1.eml'), ENTITY);
    people.openssl('cms', '-sign', '-in', '1.eml', '-out', '2.eml', ...signer(people.alice));
    people.openssl(
      'cms',
      '-encrypt',
      '-aes-256-cbc',
      '-in',
      '2.eml',
      '-out',
      '3.eml',
      '-recip',
      people.bob.certificateFile,
    );
    people.openssl('cms', '-sign', '-nodetach', '-in', '3.eml', '-out', '4.eml', ...signer(people.eve));
    const message = open(withHeader(people.alice, readFileSync(path('4.eml'))), people.bob);
    assert.deepEqual(
      message.layers.map((layer) => layer.kind),
      ['signed', 'encrypted', 'signed'],
    );
    assert.equal(message.signature.status, 'trusted');
    assert.equal(message.encryption.status, 'encrypted');
    assert.equal(message.encryption.malleable, false);
    assert.equal(message.text, SHOWN);
  });

  it('S14 certificates only is no signature and no attachment', () => {
    const message = open(withHeader(people.alice, certificatesOnly()));
    assert.equal(message.signature.status, 'none');
    assert.equal(message.layers[0]?.kind, 'certificates');
    assert.equal(message.layers[0]?.certificates[0]?.sha256, people.alice.certificate.sha256);
    assert.deepEqual(message.attachments, []);
  });

  it('S14 compressed mail is opened', (context) => {
    try {
      const message = open(withHeader(people.alice, opensslCms('-compress')));
      assert.equal(message.layers[0]?.kind, 'compressed');
      assert.equal(message.text, SHOWN);
    } catch (error) {
      if (String(error).includes('-compress')) context.skip('this openssl was built without compression');
      else throw error;
    }
  });
});

function certificatesOnly(): Buffer {
  people.openssl(
    'crl2pkcs7',
    '-nocrl',
    '-certfile',
    people.alice.certificateFile,
    '-outform',
    'DER',
    '-out',
    'certs.p7c',
  );
  const base64 = readFileSync(path('certs.p7c')).toString('base64');
  const type = 'Content-Type: application/pkcs7-mime; smime-type=certs-only; name=smime.p7c';
  return Buffer.from(`MIME-Version: 1.0\r\n${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}\r\n`);
}

describe('mail made here is read by the openssl command', () => {
  const at = () => new Date();

  it('T17 clear and opaque signatures of RSA, ECDSA and Ed25519 keys verify', () => {
    for (const person of [people.alice, people.carol, people.dave]) {
      for (const opaque of [false, true]) {
        const sign = { ...person, chain: [] };
        const sealed = sealMessage({ mime: ENTITY, headers: Buffer.from(outer(person)), sign, opaque, at: at() });
        assert.equal(open(sealed).signature.status, 'trusted');
        if (person === people.dave) continue; // openssl 3.0 knows no Ed25519 in CMS
        writeFileSync(path('sealed.eml'), sealed);
        const out = people.openssl('cms', '-verify', '-in', 'sealed.eml', '-CAfile', people.rootFile);
        assert.ok(out.includes(Buffer.from(TEXT)), person.address);
      }
    }
  });

  it('S06 a marking is a security label that openssl shows, and the signature over it verifies', () => {
    for (const person of [people.alice, people.carol]) {
      const sign = { ...person, chain: [], marking: 'SENSITIVE: Personnel only' };
      const sealed = sealMessage({ mime: ENTITY, headers: Buffer.from(outer(person)), sign, at: at() });
      assert.deepEqual(open(sealed).marking, { text: 'SENSITIVE: Personnel only', bound: true });
      writeFileSync(path('sealed.eml'), sealed);
      people.openssl('cms', '-verify', '-in', 'sealed.eml', '-CAfile', people.rootFile);
      const shown = people.openssl('cms', '-cmsout', '-print', '-noout', '-in', 'sealed.eml').toString();
      const label = /id-smime-aa-securityLabel \(1\.2\.840\.113549\.1\.9\.16\.2\.2\)[\s\S]*?(?=object:)/.exec(
        shown,
      )?.[0];
      assert.match(label ?? shown, /SET:/);
      assert.match(label ?? '', /OBJECT +:2\.25\.85542863497380551331878845481181964395/);
      assert.match(label ?? '', /UTF8STRING +:SENSITIVE: Personnel only/);
    }
  });

  it('S06 AES-256 envelopes, CBC and GCM, for RSA and elliptic curves are decrypted', () => {
    for (const person of [people.bob, people.carol]) {
      for (const content of ['aes-256-cbc', 'aes-256-gcm'] as const) {
        const encryptTo = [people.alice.certificate, person.certificate];
        const headers = Buffer.from(outer(people.alice));
        const sealed = sealMessage({ mime: ENTITY, headers, encryptTo, content, at: at() });
        writeFileSync(path('sealed.eml'), sealed);
        const own = ['-recip', person.certificateFile, '-inkey', person.keyFile];
        const out = people.openssl('cms', '-decrypt', '-in', 'sealed.eml', ...own, '-binary');
        assert.deepEqual(out, ENTITY);
        assert.equal(open(sealed, person).encryption.status, 'encrypted');
        assert.equal(sealed.includes('Brüssel'), false);
      }
    }
  });
});
