/** RSA-PSS whose mask has another hash than the message (RFC 4056 section 2), as the openssl command makes it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCertificates } from '../../src/pki/certificate-bundle.ts';
import { parseRevocationList } from '../../src/pki/crl.ts';
import { verifySignature } from '../../src/pki/signature.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { rsaKeyOf } from '../support/odd-rsa-key.ts';
import { addPerson, certify, makePeople, type People, type Person } from '../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
  writeFileSync(join(people.folder, 'entity.eml'), 'Content-Type: text/plain\r\n\r\nTwo hashes.\r\n');
});
after(() => people.remove());

const FORMS = [
  ['sha256', 'sha512', '32'],
  ['sha512', 'sha256', '0'],
  ['sha384', 'sha256', 'max'],
  ['sha256', 'sha384', '20'],
] as const;

function pss(option: '-keyopt' | '-sigopt', [digest, mask, salt]: readonly [string, string, string]): string[] {
  const values = ['rsa_padding_mode:pss', `rsa_mgf1_md:${mask}`, `rsa_pss_saltlen:${salt}`];
  return ['-md', digest, ...values.flatMap((each) => [option, each])].slice(option === '-sigopt' ? 2 : 0);
}

function judged(from: Person, form: readonly [string, string, string], alter = (made: Buffer) => made) {
  const { certificateFile, keyFile } = from;
  const signer = ['-signer', certificateFile, '-inkey', keyFile];
  people.openssl(
    'cms',
    '-sign',
    '-nodetach',
    '-outform',
    'DER',
    '-in',
    'entity.eml',
    '-out',
    'made.der',
    ...signer,
    ...pss('-keyopt', form),
  );
  const made = alter(readFileSync(join(people.folder, 'made.der')));
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const type = 'Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64';
  const bytes = Buffer.from(`From: ${from.address}\r\nDate: ${date}\r\n${type}\r\n\r\n${made.toString('base64')}\r\n`);
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [], trust, at: new Date() });
}

/** A certificate whose authority signed it so. */
function certified(name: string, form: readonly [string, string, string]) {
  people.openssl('req', '-new', '-key', 'alice.key', '-subj', `/CN=${name}`, '-out', `${name}.csr`);
  const signing = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '20', '-extfile', 'alice.ext'];
  people.openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    ...signing,
    `-${form[0]}`,
    ...pss('-sigopt', form),
    '-out',
    `${name}.pem`,
  );
  const certificateFile = join(people.folder, `${name}.pem`);
  const [certificate] = readCertificates(readFileSync(certificateFile));
  assert.ok(certificate);
  return { ...people.alice, certificate, certificateFile };
}

describe('RSA-PSS with two hashes of the openssl command', () => {
  for (const form of FORMS) {
    const [digest, mask, salt] = form;
    it(`S14 a signature with ${digest}, its mask with ${mask} and a salt of ${salt} is trusted, and no longer after a change`, () => {
      const message = judged(people.alice, form);
      assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
      assert.equal(message.layers[0]?.algorithm?.toLowerCase().replace('-', ''), digest);
      for (const back of [1, 100, 256]) {
        const altered = judged(people.alice, form, (made) => {
          made[made.length - back] = (made[made.length - back] as number) ^ 1;
          return made;
        });
        assert.equal(altered.signature.status, 'invalid');
      }
    });

    it(`S14 a certificate that was signed with ${digest}, mask ${mask} and a salt of ${salt} is on a valid path`, () => {
      const signer = certified(`certified-${digest}-${mask}`, form);
      const message = judged(signer, ['sha256', 'sha256', '32']);
      assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
      const { signatureAlgorithm, tbs, signature } = signer.certificate;
      for (let bit = 0; bit < 8 * signature.length; bit += 7) {
        const flipped = Buffer.from(signature);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        assert.equal(verifySignature(signatureAlgorithm, tbs, flipped, people.root), 'invalid', `bit ${bit}`);
      }
    });
  }

  it('S14 a revocation list that was signed with two hashes is verified', () => {
    const section = '[ca]\ndefault_ca=all\n[all]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_crl_days=5\n';
    for (const [name, text] of Object.entries({ 'index.txt': '', crlnumber: '01\n', 'ca.cnf': section })) {
      writeFileSync(join(people.folder, name), text);
    }
    const authority = ['-config', 'ca.cnf', '-cert', 'root.pem', '-keyfile', 'root.key', '-md', 'sha256'];
    people.openssl('ca', '-gencrl', ...authority, ...pss('-sigopt', ['sha256', 'sha512', '32']), '-out', 'root.crl');
    people.openssl('crl', '-in', 'root.crl', '-outform', 'DER', '-out', 'root.crl.der');
    const list = parseRevocationList(readFileSync(join(people.folder, 'root.crl.der')));
    assert.equal(verifySignature(list.signatureAlgorithm, list.tbs, list.signature, people.root), 'valid');
    list.tbs[list.tbs.length - 1] = (list.tbs[list.tbs.length - 1] as number) ^ 1;
    assert.equal(verifySignature(list.signatureAlgorithm, list.tbs, list.signature, people.root), 'invalid');
  });

  for (const bits of [2049, 2050, 2055]) {
    it(`S14 a signature with two hashes by a key of ${bits} bits is trusted`, () => {
      const signer = certify(people, { name: `odd${bits}`, privateKey: rsaKeyOf(bits) });
      assert.equal(signer.certificate.key.bits, bits);
      for (const form of FORMS) {
        const message = judged(signer, form);
        assert.equal(message.signature.status, 'trusted', `${form}: ${message.signature.reasons.join()}`);
      }
    });
  }

  it('S14 a signature with two hashes by a key of 2047 bits fits, and its key is weak', () => {
    const signer = certify(people, { name: 'short', privateKey: rsaKeyOf(2047) });
    for (const form of FORMS) assert.deepEqual(judged(signer, form).signature.reasons, ['weak-key']);
  });

  it('S14 a signature with two hashes by a key that is bound to RSA-PSS is trusted', () => {
    const free = addPerson(people, 'free', ['RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048']);
    const bound = ['md:sha256', 'mgf1_md:sha512', 'saltlen:32'].flatMap((each) => [
      '-pkeyopt',
      `rsa_pss_keygen_${each}`,
    ]);
    const strict = addPerson(people, 'strict', ['RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048', ...bound]);
    for (const signer of [free, strict]) {
      const message = judged(signer, ['sha256', 'sha512', '32']);
      assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
    }
  });

  it('S14 SHA-1 is weak in the mask too, in mail and in certificates', () => {
    const message = judged(people.alice, ['sha256', 'sha1', '32']);
    assert.equal(message.signature.status, 'invalid');
    assert.deepEqual(message.signature.reasons, ['weak-algorithm']);
    const { signatureAlgorithm, tbs, signature } = certified('sha1-mask', ['sha256', 'sha1', '32']).certificate;
    assert.equal(verifySignature(signatureAlgorithm, tbs, signature, people.root), 'weak');
  });
});
