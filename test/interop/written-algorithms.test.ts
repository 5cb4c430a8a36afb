/** What is written here for each kind of key, read by the openssl command and by ourselves (crypto.md, "Must write"). */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { children, oidOf, rawOf, readElement } from '../../src/pki/der.ts';
import { KEY_ALGORITHM } from '../../src/smime/algorithms.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { type SealQuestion, sealMessage } from '../../src/smime/seal-message.ts';
import { addPerson, makePeople, type People, type Person } from '../support/smime-people.ts';

const TEXT = 'For every kind of key.\r\n';
const ENTITY = Buffer.from(`Content-Type: text/plain\r\n\r\n${TEXT}`);

const SIGNERS: Record<string, { key: string[]; micalg: string; digest: string; algorithm: string }> = {
  rsa: { key: ['RSA'], micalg: 'sha-256', digest: 'SHA-256', algorithm: 'RSA' },
  pss: { key: ['RSA-PSS'], micalg: 'sha-256', digest: 'SHA-256', algorithm: 'RSA-PSS' },
  pss512: {
    key: ['RSA-PSS', '-pkeyopt', 'rsa_pss_keygen_md:sha512', '-pkeyopt', 'rsa_pss_keygen_mgf1_md:sha512'],
    micalg: 'sha-512',
    digest: 'SHA-512',
    algorithm: 'RSA-PSS',
  },
  p256: { key: curve('P-256'), micalg: 'sha-256', digest: 'SHA-256', algorithm: 'ECDSA' },
  p384: { key: curve('P-384'), micalg: 'sha-384', digest: 'SHA-384', algorithm: 'ECDSA' },
  p521: { key: curve('P-521'), micalg: 'sha-512', digest: 'SHA-512', algorithm: 'ECDSA' },
  brainpool: { key: curve('brainpoolP384r1'), micalg: 'sha-384', digest: 'SHA-384', algorithm: 'ECDSA' },
  ed25519: { key: ['ED25519'], micalg: 'sha-512', digest: 'SHA-512', algorithm: 'Ed25519' },
};

function curve(name: string): string[] {
  return ['EC', '-pkeyopt', `ec_paramgen_curve:${name}`];
}

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

function person(name: string, key: readonly string[]): Person {
  return addPerson(people, name, key[0]?.startsWith('RSA') ? [...key, '-pkeyopt', 'rsa_keygen_bits:2048'] : key);
}

function seal(from: Person, question: Partial<SealQuestion>): Buffer {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const headers = Buffer.from(`From: ${from.address}\r\nDate: ${date}\r\n`);
  const sealed = sealMessage({ mime: ENTITY, headers, at: new Date(), ...question });
  writeFileSync(join(people.folder, 'sealed.eml'), sealed);
  return sealed;
}

function open(bytes: Buffer, reader: Person) {
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [reader], trust, at: new Date() });
}

describe('what is written for each kind of key', () => {
  for (const [name, expected] of Object.entries(SIGNERS)) {
    it(`S07 a signature with ${name} verifies in the openssl command and here, with the right digest`, () => {
      const signer = person(name, expected.key);
      for (const opaque of [false, true]) {
        const sealed = seal(signer, { sign: { ...signer, chain: [] }, opaque });
        const message = open(sealed, people.bob);
        assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
        const [first] = message.signature.signers;
        assert.deepEqual([first?.digest, first?.algorithm], [expected.digest, expected.algorithm]);
        if (!opaque) assert.match(sealed.toString('latin1'), new RegExp(`micalg=${expected.micalg};`));
        if (name === 'ed25519') continue; // OpenSSL 3.0 knows no Ed25519 in CMS
        people.openssl('cms', '-verify', '-in', 'sealed.eml', '-CAfile', 'root.pem', '-out', 'verified.txt');
        assert.match(readFileSync(join(people.folder, 'verified.txt'), 'latin1'), /For every kind of key/);
      }
    });
  }

  for (const name of ['p256', 'p384', 'p521', 'brainpool'] as const) {
    it(`S07 an envelope for ${name} opens in the openssl command and here`, () => {
      const reader = person(`to-${name}`, SIGNERS[name]?.key ?? []);
      const sealed = seal(people.alice, { encryptTo: [reader.certificate] });
      assert.equal(open(sealed, reader).layers[0]?.keyTransport, 'ECDH');
      assert.equal(decrypted(reader), TEXT);
    });
  }

  for (const content of ['aes-256-cbc', 'aes-256-gcm'] as const) {
    it(`T29 S07 RSA-OAEP with SHA-256 around ${content} opens in the openssl command and here`, () => {
      const question = { encryptTo: [people.bob.certificate], keyTransport: 'rsa-oaep', content } as const;
      const message = open(seal(people.alice, question), people.bob);
      assert.deepEqual([message.encryption.status, message.layers[0]?.keyTransport], ['encrypted', 'RSA-OAEP']);
      assert.equal(decrypted(people.bob), TEXT);
    });
  }

  it('T29 a key that is for RSA-OAEP alone gets OAEP whatever was chosen', () => {
    const { certificate } = people.bob;
    const [plain] = children(readElement(certificate.key.spki));
    assert.ok(plain);
    // No tool here makes such a certificate: the algorithm of the key is exchanged, which the signature is not asked about.
    const oid = rawOf(children(plain)[0] ?? assert.fail());
    const own = Buffer.from(certificate.der);
    own[own.indexOf(certificate.key.spki) + rawOf(plain).indexOf(oid) + 4 + oid.length - 1] = 7;
    const changed = parseCertificate(own);
    assert.equal(changed.key.family, 'rsa-oaep');
    const message = open(seal(people.alice, { encryptTo: [changed] }), { ...people.bob, certificate: changed });
    assert.deepEqual([message.encryption.status, message.layers[0]?.keyTransport], ['encrypted', 'RSA-OAEP']);
    assert.equal(oidOf(readElement(oid)), KEY_ALGORITHM.rsa);
  });
});

function decrypted(reader: Person): string {
  const args = ['-inkey', reader.keyFile, '-recip', reader.certificateFile, '-out', 'opened.txt'];
  people.openssl('cms', '-decrypt', '-in', 'sealed.eml', ...args);
  return readFileSync(join(people.folder, 'opened.txt'), 'latin1').replace(/^.*?\r\n\r\n/s, '');
}
