/** Algorithms that are rare in mail but stand in docs/standards.md: made by the openssl command, read here. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { deflateSync } from 'node:zlib';
import * as der from '../../src/pki/der-writer.ts';
import { CONTENT_TYPE } from '../../src/smime/algorithms.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { contentInfo } from '../../src/smime/write-signature.ts';
import { addPerson, makePeople, type People, type Person } from '../support/smime-people.ts';

const TEXT = 'Rarely seen.\r\n';
const ENTITY = Buffer.from(`Content-Type: text/plain\r\n\r\n${TEXT}`);

let people: People;
before(() => {
  people = makePeople();
  writeFileSync(join(people.folder, 'entity.eml'), ENTITY);
});
after(() => people.remove());

const person = (name: string, ...kind: string[]) => addPerson(people, name, kind);

function cms(...args: string[]): Buffer {
  people.openssl('cms', '-in', 'entity.eml', '-out', 'made.eml', ...args);
  return readFileSync(join(people.folder, 'made.eml'));
}

function open(made: Buffer, from: Person, reader?: Person): OpenedMessage {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const bytes = Buffer.concat([Buffer.from(`From: ${from.address}\r\nDate: ${date}\r\n`), made]);
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: reader ? [reader] : [], trust, at: new Date() });
}

const signedBy = (who: Person, ...more: string[]) =>
  cms('-sign', '-signer', who.certificateFile, '-inkey', who.keyFile, ...more);
const sealedTo = (who: Person, ...more: string[]) => cms('-encrypt', '-recip', who.certificateFile, ...more);

describe('rare algorithms of the openssl command', () => {
  const CURVES = ['P-521', 'brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'];
  for (const curve of CURVES) {
    it(`S14 ECDSA signatures and ECDH envelopes with ${curve} are read`, () => {
      const eve = person(
        'curve',
        'EC',
        '-pkeyopt',
        `ec_paramgen_curve:${curve}`,
        '-pkeyopt',
        'ec_param_enc:named_curve',
      );
      const message = open(signedBy(eve, '-md', 'sha512'), eve);
      assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
      assert.equal(open(sealedTo(eve, '-aes-256-cbc'), eve, eve).text?.trim(), TEXT.trim());
    });
  }

  it('S14 a signature of a key that is bound to RSA-PSS is trusted', () => {
    const pss = person('pss', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048');
    const message = open(signedBy(pss, '-keyopt', 'rsa_padding_mode:pss'), pss);
    assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
  });

  it('S14 an envelope under RSA-OAEP with a label and two different digests is opened', () => {
    const { bob } = people;
    const oaep = ['rsa_padding_mode:oaep', 'rsa_oaep_md:sha512', 'rsa_mgf1_md:sha256', 'rsa_oaep_label:74657374'];
    const options = oaep.flatMap((each) => ['-keyopt', each]);
    const message = open(sealedTo(bob, '-aes-256-cbc', ...options), bob, bob);
    assert.equal(message.layers[0]?.keyTransport, 'RSA-OAEP');
    assert.equal(message.text?.trim(), TEXT.trim());
  });

  it('S14 an envelope with RC2 is opened and called weak', () => {
    const { bob } = people;
    const legacy = ['-provider', 'default', '-provider', 'legacy'];
    for (const cipher of ['-rc2-40', '-rc2-64', '-rc2-128']) {
      const message = open(sealedTo(bob, cipher, ...legacy), bob, bob);
      assert.equal(message.encryption.status, 'weak', cipher);
      assert.equal(message.text?.trim(), TEXT.trim());
    }
  });

  it('S06 a signature made with a longer curve has a digest of its length, which gpgsm insists on', () => {
    const digests = { 'P-256': 'SHA-256', 'P-384': 'SHA-384', 'P-521': 'SHA-512' };
    for (const [curve, digest] of Object.entries(digests)) {
      const signer = person('long', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`);
      const sealed = sealMessage({
        mime: ENTITY,
        headers: Buffer.alloc(0),
        sign: { ...signer, chain: [] },
        at: new Date(),
      });
      const message = open(sealed, signer);
      assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
      assert.equal(message.layers[0]?.algorithm, digest);
      const micalg = digest.toLowerCase();
      assert.ok(sealed.includes(`micalg=${micalg};`));
    }
  });

  it('S14 an envelope with 3DES for an elliptic curve, its key wrapped with 3DES too, is opened and called weak', () => {
    const { carol } = people;
    const message = open(sealedTo(carol, '-des3'), carol, carol);
    assert.equal(message.text?.trim(), TEXT.trim());
    assert.equal(message.encryption.status, 'weak');
  });

  for (const digest of ['sha1', 'sha224']) {
    it(`S14 a signature with ${digest} is weak`, () => {
      const message = open(signedBy(people.alice, '-md', digest), people.alice);
      assert.equal(message.signature.status, 'invalid');
      assert.ok(message.signature.reasons.includes('weak-algorithm'));
    });
  }

  it('S14 an envelope with a cipher that is not known here cannot be opened, as with other keys, and is not called broken', () => {
    const { bob, carol } = people;
    const strange = open(sealedTo(bob, '-camellia256'), bob, bob);
    const other = open(sealedTo(bob, '-aes-256-cbc'), bob, carol);
    for (const { encryption, text } of [strange, other]) {
      assert.deepEqual([encryption.status, encryption.reasons, text], ['failed', [], null]);
    }
  });

  it('S14 a signature without signed attributes is invalid', () => {
    const message = open(signedBy(people.alice, '-noattr'), people.alice);
    assert.equal(message.signature.status, 'invalid');
    assert.ok(message.signature.reasons.includes('attributes-malformed'));
  });

  it('S14 an envelope only for a password or a shared key is nobody’s', () => {
    const shared = ['-secretkey', '00'.repeat(16), '-secretkeyid', '01', '-aes-128-cbc'];
    for (const options of [['-pwri_password', 'x', '-aes-128-cbc'], shared]) {
      const message = open(cms('-encrypt', ...options), people.alice, people.bob);
      assert.equal(message.encryption.status, 'failed');
    }
  });

  it('S14 digested, encrypted and authenticated data are no mail', () => {
    const key = ['-secretkey', '00'.repeat(16), '-aes-128-cbc'];
    for (const options of [['-digest_create'], ['-EncryptedData_encrypt', ...key]]) {
      const message = open(cms(...options), people.alice, people.bob);
      assert.equal(message.signature.status === 'trusted', false);
      assert.equal(message.text, null);
    }
  });

  it('S14 compressed content is shown, and one that grows past the bound is too complex', () => {
    // Debian's openssl is built without compression, so these are made here (RFC 3274 section 1.1).
    const compressed = (content: Buffer): OpenedMessage => {
      const zlib = der.algorithmIdentifier('1.2.840.113549.1.9.16.3.8');
      const octets = der.octetString(deflateSync(content));
      const inner = der.sequence(der.objectIdentifier(CONTENT_TYPE.data), der.context(0, octets));
      const made = contentInfo(CONTENT_TYPE.compressedData, der.sequence(der.integer(0), zlib, inner));
      const type = 'Content-Type: application/pkcs7-mime; smime-type=compressed-data; name=smime.p7z';
      const head = `MIME-Version: 1.0\r\n${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n`;
      return open(Buffer.from(`${head}${made.toString('base64')}\r\n`), people.alice);
    };
    const honest = compressed(ENTITY);
    assert.equal(honest.layers[0]?.kind, 'compressed');
    assert.equal(honest.text?.trim(), TEXT.trim());
    const bomb = compressed(Buffer.alloc(70 * 1024 * 1024));
    assert.deepEqual(bomb.layers[0]?.reasons, ['too-complex']);
    assert.equal(bomb.text, null);
  });

  it('S07 application/octet-stream is CMS by its file name', () => {
    const made = sealedTo(people.bob, '-aes-256-cbc').toString('latin1');
    const named = made.replace(
      /application\/(x-)?pkcs7-mime;[^\n]*\n(?:[ \t][^\n]*\n)*/,
      'application/octet-stream; name="smime.p7m"\n',
    );
    assert.match(named, /octet-stream/);
    assert.equal(open(Buffer.from(named, 'latin1'), people.alice, people.bob).text?.trim(), TEXT.trim());
  });
});
