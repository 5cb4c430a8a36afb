/** The sample people of RFC 9216: Alice and Bob with RSA, Carlos and Dana with Ed25519 and X25519, each with two pairs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Certificate, canEncrypt, canSign } from '../../src/pki/certificate.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { type ContentEncryption, sealMessage } from '../../src/smime/seal-message.ts';
import {
  keyOf,
  readSampleCertificate as readAnchor,
  readSamplePerson,
  rfc9216Missing,
  type SamplePerson,
} from '../support/rfc9216.ts';

const NAMES = ['alice', 'bob', 'carlos', 'dana'] as const;
const AT = new Date('2026-11-20T12:00:00Z');
const TEXT = 'Round trip under RFC 9216.';

describe('RFC 9216', { skip: rfc9216Missing }, () => {
  if (rfc9216Missing) return;
  const people = Object.fromEntries(NAMES.map((name) => [name, readSamplePerson(name)]));
  const anchors = [readAnchor('ca.rsa.crt'), readAnchor('ca.25519.crt')];
  const trust = { anchors, intermediates: [], explicitlyTrusted: [] };

  for (const [name, { identities, signing, encryption }] of Object.entries(people)) {
    it(`T14 the file of ${name} holds a pair for signing and one for encryption, the certificates those of the RFC`, () => {
      assert.equal(identities.length, 2);
      const kinds = name === 'alice' || name === 'bob' ? ['RSA-2048', 'RSA-2048'] : ['Ed25519', 'X25519'];
      assert.deepEqual([signing.certificate.keyLabel, encryption.certificate.keyLabel], kinds);
      assert.equal(signing.certificate.sha256, readAnchor(`${name}.sign.crt`).sha256);
      assert.equal(encryption.certificate.sha256, readAnchor(`${name}.encrypt.crt`).sha256);
      assert.ok(!canEncrypt(signing.certificate) && !canSign(encryption.certificate));
    });
  }

  const send = (from: SamplePerson, to: SamplePerson, content: ContentEncryption): Buffer => {
    const headers = `From: ${from.address}\r\nTo: ${to.address}\r\nSubject: x\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n`;
    const { certificate, chain } = from.signing;
    return sealMessage({
      mime: Buffer.from(`Content-Type: text/plain\r\n\r\n${TEXT}\r\n`),
      headers: Buffer.from(headers),
      sign: { certificate, chain, privateKey: keyOf(from.signing), encryptionCertificate: from.encryption.certificate },
      encryptTo: [to.encryption.certificate],
      content,
      at: AT,
    });
  };

  for (const content of ['aes-256-cbc', 'aes-256-gcm'] as const) {
    for (const from of NAMES) {
      it(`S07 mail of ${from} with ${content} is trusted and opens for everybody it was encrypted to`, () => {
        for (const to of NAMES) {
          const [sender, reader] = [people[from], people[to]];
          assert.ok(sender && reader);
          const keys = reader.identities.map((each) => ({ certificate: each.certificate, privateKey: keyOf(each) }));
          const bytes = send(sender, reader, content);
          const message = openMessage({ bytes, keys, trust, at: AT });
          assert.equal(message.signature.status, 'trusted', `${to}: ${message.signature.reasons.join()}`);
          assert.equal(message.signature.signers[0]?.addresses[0], sender.address);
          assert.equal(message.encryption.status, 'encrypted', to);
          assert.equal(message.encryption.algorithm, content.toUpperCase());
          assert.equal(message.text?.trim(), TEXT);
          const other = people[to === 'alice' ? 'carlos' : 'alice'];
          const wrong = (other?.identities ?? []).map((each) => ({
            certificate: each.certificate,
            privateKey: keyOf(each),
          }));
          assert.equal(openMessage({ bytes, keys: wrong, trust, at: AT }).encryption.status, 'failed');
        }
      });
    }
  }

  it('S07 a path through the cross certificate of the RFC counts, and none at all leaves the signature untrusted', () => {
    const { alice, bob } = people;
    assert.ok(alice && bob);
    const keys = [{ certificate: bob.encryption.certificate, privateKey: keyOf(bob.encryption) }];
    const bytes = send(alice, bob, 'aes-256-cbc');
    const statusUnder = (own: Certificate[], intermediates: Certificate[]) =>
      openMessage({ bytes, keys, trust: { ...trust, anchors: own, intermediates }, at: AT }).signature.status;
    assert.equal(statusUnder([readAnchor('ca.25519.crt')], [readAnchor('ca.rsa.cross.crt')]), 'trusted');
    assert.equal(statusUnder([], [readAnchor('ca.rsa.cross.crt')]), 'untrusted');
  });
});
