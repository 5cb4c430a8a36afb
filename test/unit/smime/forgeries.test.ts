/** Known ways to make a page claim what is not so. None may reach `trusted`. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { parseCertificate } from '../../../src/pki/certificate.ts';
import * as der from '../../../src/pki/der-writer.ts';
import { ATTRIBUTE, CONTENT_TYPE } from '../../../src/smime/algorithms.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import { writeSecurityLabel } from '../../../src/smime/security-label.ts';
import type { OpenedMessage } from '../../../src/smime/verdict.ts';
import { writeEnvelope } from '../../../src/smime/write-envelope.ts';
import { writeSignedData } from '../../../src/smime/write-signature.ts';
import {
  attribute,
  clearSigned,
  digestAttribute,
  ENTITY,
  header,
  multipart,
  opaque,
  openAs,
  sealedAs,
  signedData,
  signedEntity,
  typeAttribute,
  verdict,
} from '../../support/crafted-mail.ts';
import { makePeople, type People, type Person } from '../../support/smime-people.ts';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

const now = () => new Date();

function open(
  bytes: Buffer,
  options: { at?: Date; reader?: Person; explicitlyTrusted?: string[]; anchors?: boolean } = {},
): OpenedMessage {
  return openAs(people, bytes, {
    keys: options.reader ? [options.reader] : [],
    trust: {
      anchors: options.anchors === false ? [] : [people.root],
      intermediates: [],
      explicitlyTrusted: options.explicitlyTrusted ?? [],
    },
    at: options.at ?? now(),
  });
}

const signed = (person: Person, head = header(), isOpaque = false) => sealedAs(person, head, ENTITY, isOpaque);

/** SignedData by Alice with attributes of the test's choice; null for none. */
function crafted(attributes: Buffer[] | null, content: Buffer, detached: boolean, signers = 1, type?: string): Buffer {
  const signer = { person: people.alice, attributes };
  return signedData({
    content,
    detached,
    signers: Array.from({ length: signers }, () => signer),
    certificates: [people.alice.certificate],
    ...(type === undefined ? {} : { type }),
  });
}

describe('signatures', () => {
  it('S01 an honest one is trusted, and every check of T25 has its line', () => {
    for (const form of [false, true]) {
      const message = open(signed(people.alice, header(), form));
      assert.equal(verdict(message), 'trusted revocation-unchecked');
      const outcomes = message.checks.map((check) => `${check.id} ${check.outcome}`);
      assert.equal(outcomes.filter((line) => line.endsWith('passed')).length, 9);
      assert.ok(outcomes.includes('not-revoked unknown'));
      assert.equal(message.text, 'Pay 100 EUR to Alice.\n');
    }
  });

  it('T29 the capabilities of the signer and the certificate to encrypt to are told', () => {
    const [signer] = open(signed(people.alice)).signature.signers;
    assert.deepEqual(signer?.capabilities, [
      'AES-256-GCM',
      'AES-256-CBC',
      'AES-128-GCM',
      'AES-128-CBC',
      'RSA-OAEP-SHA-256',
    ]);
    assert.equal(signer?.encryptionCertificate, people.alice.certificate.sha256);
  });

  it('S14 bare line feeds on the way do not break a clear signature', () => {
    const bare = Buffer.from(signed(people.alice).toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
    assert.equal(open(bare).signature.status, 'trusted');
  });

  it('T25 an altered text is invalid', () => {
    const bytes = Buffer.from(signed(people.alice).toString('latin1').replace('100 EUR', '900 EUR'), 'latin1');
    assert.equal(verdict(open(bytes)), 'invalid altered');
  });

  it('T25 missing, repeated, doubled or wrong attributes are invalid', () => {
    const twice = attribute(
      ATTRIBUTE.contentType,
      der.objectIdentifier(CONTENT_TYPE.data),
      der.objectIdentifier(CONTENT_TYPE.data),
    );
    const cases = [
      [digestAttribute()],
      [typeAttribute()],
      [typeAttribute(), typeAttribute(), digestAttribute()],
      [typeAttribute(), digestAttribute(), digestAttribute()],
      [twice, digestAttribute()],
      [typeAttribute(CONTENT_TYPE.envelopedData), digestAttribute()],
    ];
    assert.equal(
      open(opaque(crafted([typeAttribute(), digestAttribute()], ENTITY, false))).signature.status,
      'trusted',
    );
    for (const attributes of cases) {
      assert.match(verdict(open(opaque(crafted(attributes, ENTITY, false)))), /^invalid attributes-malformed/);
    }
  });

  it('T25 a signing-certificate attribute that names another certificate is invalid', () => {
    // RFC 5035: SigningCertificateV2 with its default digest SHA-256, and the first version with SHA-1.
    const versions = [
      [ATTRIBUTE.signingCertificateV2, 'sha256'],
      [ATTRIBUTE.signingCertificate, 'sha1'],
    ] as const;
    for (const [type, digest] of versions) {
      const naming = ({ certificate }: Person) => {
        const hash = createHash(digest).update(certificate.der).digest();
        const named = attribute(type, der.sequence(der.sequence(der.sequence(der.octetString(hash)))));
        return verdict(open(opaque(crafted([typeAttribute(), digestAttribute(), named], ENTITY, false))));
      };
      assert.equal(naming(people.alice), 'trusted revocation-unchecked');
      assert.match(naming(people.bob), /^invalid attributes-malformed/);
    }
  });

  it('S06 a security label twice, with two values, or of something else makes the signature invalid', () => {
    const label = writeSecurityLabel('SENSITIVE');
    const labelled = (...labels: Buffer[]) =>
      open(opaque(crafted([typeAttribute(), digestAttribute(), ...labels], ENTITY, false)));
    assert.deepEqual(labelled(attribute(ATTRIBUTE.securityLabel, label)).marking, { text: 'SENSITIVE', bound: true });
    const cases = [
      [attribute(ATTRIBUTE.securityLabel, label), attribute(ATTRIBUTE.securityLabel, label)],
      [attribute(ATTRIBUTE.securityLabel, label, writeSecurityLabel('SENSITIVE: Staff'))],
      [attribute(ATTRIBUTE.securityLabel, der.utf8String('SENSITIVE'))],
    ];
    for (const labels of cases) {
      const message = labelled(...labels);
      assert.match(verdict(message), /^invalid attributes-malformed/);
      assert.equal(message.marking, null);
    }
  });

  it('T25 what was signed as a time stamp is no letter', () => {
    for (const type of ['1.2.840.113549.1.9.16.1.4', CONTENT_TYPE.signedData]) {
      const cms = crafted([typeAttribute(type), digestAttribute()], ENTITY, false, 1, type);
      assert.equal(open(opaque(cms)).signature.status, 'invalid', type);
    }
  });

  it('T25 signed attributes passed off as content are invalid', () => {
    const attributes = der.setOf(typeAttribute(), digestAttribute());
    assert.equal(verdict(open(opaque(crafted(null, attributes, false)))), 'invalid attributes-malformed');
  });

  it('T25 a Date far from the signing time is a mismatch', () => {
    const head = header().replace(/Date:.*\r\n/, 'Date: Mon, 1 Jan 2024 10:00:00 +0000\r\n');
    assert.match(verdict(open(signed(people.alice, head))), /^mismatch .*date-differs/);
  });

  it('S03 an unknown root is untrusted, S11 explicit trust stands in for the path', () => {
    const bytes = signed(people.eve, header('eve@example.org'));
    assert.match(verdict(open(bytes)), /^untrusted (unknown-issuer|issuer-not-trusted)/);
    const explicitlyTrusted = [people.eve.certificate.sha256];
    assert.equal(verdict(open(bytes, { explicitlyTrusted })), 'trusted explicitly-trusted revocation-unchecked');
    const later = new Date(Date.now() + 400 * 86_400_000);
    assert.match(verdict(open(bytes, { explicitlyTrusted, at: later })), /^invalid .*expired/);
  });

  it('S11 explicit trust does not stand in for what the certificate says about itself', () => {
    for (const odd of ['1.2.3.4=critical,ASN1:NULL', 'extendedKeyUsage=serverAuth', 'keyUsage=keyEncipherment']) {
      writeFileSync(join(people.folder, 'odd.ext'), `subjectAltName=email:eve@example.org\n${odd}\n`);
      const request = ['-req', '-in', 'eve.csr', '-CA', 'other.pem', '-CAkey', 'other.key', '-CAcreateserial'];
      const made = people.openssl('x509', ...request, '-days', '20', '-extfile', 'odd.ext', '-outform', 'DER');
      const certificate = parseCertificate(made);
      const message = open(signed({ ...people.eve, certificate }, header('eve@example.org')), {
        explicitlyTrusted: [certificate.sha256],
      });
      assert.equal(message.signature.status, 'invalid', odd);
    }
  });

  it('T25 expired on arrival is invalid', () => {
    assert.match(
      verdict(open(signed(people.alice), { at: new Date(Date.now() + 400 * 86_400_000) })),
      /^invalid .*expired/,
    );
  });

  it('T25 a signed part beside a footer is a trusted layer, and both are shown', () => {
    const footer = 'Content-Type: text/plain\r\n\r\nfooter\r\n';
    const list = multipart('mixed', [signedEntity(people.alice), footer]);
    const message = open(Buffer.concat([Buffer.from(header()), list]));
    assert.deepEqual(
      message.layers.map((layer) => [layer.partPath, layer.status]),
      [['1.1', 'trusted']],
    );
    assert.match(message.text ?? '', /Alice.*footer/s);
  });

  it('T25 a third part in multipart/signed is invalid', () => {
    const bytes = signed(people.alice)
      .toString('latin1')
      .replace(/--(sealpost-[0-9a-f]+)--/, '--$1\r\n\r\nmore\r\n--$1--');
    assert.equal(verdict(open(Buffer.from(bytes, 'latin1'))), 'invalid malformed');
  });

  it('T25 a flipped bit anywhere never leaves a message trusted with another text', () => {
    const bytes = signed(people.alice);
    const start = bytes.indexOf('Content-Type: text/plain');
    const end = bytes.indexOf('\r\n--sealpost', start);
    fc.assert(
      fc.property(fc.integer({ min: start, max: end - 1 }), fc.integer({ min: 0, max: 7 }), (offset, bit) => {
        const copy = Buffer.from(bytes);
        copy[offset] = (copy[offset] as number) ^ (1 << bit);
        assert.notEqual(open(copy).signature.status, 'trusted');
      }),
      { numRuns: 60 },
    );
  });

  it('T25 a flipped bit in the CMS never makes another claim than the honest one', () => {
    const cms = writeSignedData(ENTITY, { ...people.alice, chain: [] }, now(), true);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: cms.length * 8 - 1 }), (position) => {
        const copy = Buffer.from(cms);
        copy[position >> 3] = (copy[position >> 3] as number) ^ (1 << (position & 7));
        const message = open(opaque(copy));
        if (message.signature.status === 'trusted') assert.equal(message.text, 'Pay 100 EUR to Alice.\n');
      }),
      { numRuns: 150 },
    );
  });
});

describe('encryption', () => {
  const seal = (content: 'aes-256-cbc' | 'aes-256-gcm', withSignature: boolean) =>
    sealMessage({
      mime: ENTITY,
      headers: Buffer.from(header()),
      ...(withSignature ? { sign: { ...people.alice, chain: [] } } : {}),
      encryptTo: [people.alice.certificate, people.bob.certificate],
      content,
      at: now(),
    });

  it('T25 signed inside encrypted is trusted and encrypted, CBC alone is malleable', () => {
    const message = open(seal('aes-256-cbc', true), { reader: people.bob });
    assert.equal(message.signature.status, 'trusted');
    assert.equal(message.encryption.status, 'encrypted');
    assert.equal(message.encryption.malleable, false);
    assert.equal(message.checks.length, 13);
    assert.equal(open(seal('aes-256-cbc', false), { reader: people.bob }).encryption.malleable, true);
    assert.equal(open(seal('aes-256-gcm', false), { reader: people.bob }).encryption.malleable, false);
  });

  it('T18 who is no recipient, and who gets altered bytes, learn the same', () => {
    const altered = (bytes: Buffer) => {
      const base64 = bytes.toString('latin1');
      const at = base64.length - 400;
      return Buffer.from(`${base64.slice(0, at)}${base64[at] === 'A' ? 'B' : 'A'}${base64.slice(at + 1)}`, 'latin1');
    };
    const stranger = open(seal('aes-256-gcm', true), { reader: people.carol });
    const broken = open(altered(seal('aes-256-gcm', true)), { reader: people.bob });
    assert.equal(stranger.encryption.status, 'failed');
    assert.deepEqual(stranger.encryption, broken.encryption);
    assert.equal(stranger.text, null);
    assert.equal(stranger.signature.status, 'none');
    assert.deepEqual(stranger.attachments, []);
  });

  it('T25 a signature around a cipher text makes no claim', () => {
    const inner = seal('aes-256-gcm', false);
    const mime = inner.subarray(inner.indexOf('Content-Type: application/pkcs7-mime'));
    const sign = { ...people.alice, chain: [] };
    const message = open(sealMessage({ mime, headers: Buffer.from(header()), sign, at: now() }), {
      reader: people.bob,
    });
    assert.equal(message.signature.status, 'none');
    assert.equal(message.layers[0]?.status, 'trusted');
    assert.equal(message.text, 'Pay 100 EUR to Alice.\n');
  });

  it('S14 an encrypted part below the root is not opened in place', () => {
    const cms = writeEnvelope(ENTITY, [people.bob.certificate], 'aes-256-cbc').toString('base64');
    const part = `Content-Type: application/pkcs7-mime; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n${cms}`;
    const mixed = `${header()}Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nhello\r\n--m\r\n${part}\r\n--m--\r\n`;
    const message = open(Buffer.from(mixed), { reader: people.bob });
    assert.equal(message.encryption.status, 'none');
    assert.equal(message.text, 'hello');
    assert.equal(message.attachments[0]?.encryptedPart, true);
  });

  it('S14 eleven layers are too complex, ten are opened', () => {
    let mime: Buffer = ENTITY;
    const sign = { ...people.alice, chain: [] };
    const wrap = (entity: Buffer) => {
      const sealed = sealMessage({ mime: entity, headers: Buffer.alloc(0), sign, opaque: true, at: now() });
      return sealed.subarray(sealed.indexOf('Content-Type'));
    };
    for (let i = 0; i < 10; i += 1) mime = wrap(mime);
    assert.equal(open(Buffer.concat([Buffer.from(header()), mime])).signature.status, 'trusted');
    assert.match(verdict(open(Buffer.concat([Buffer.from(header()), wrap(mime)]))), /^invalid too-complex/);
  });

  it('S14 garbage where CMS should be is a verdict, not an error', () => {
    for (const length of [0, 1, 2, 100]) {
      const message = open(opaque(randomBytes(length), 'enveloped-data'));
      assert.equal(message.encryption.status, 'failed');
      assert.match(verdict(open(clearSigned(ENTITY, randomBytes(length)))), /^invalid malformed/);
    }
  });
});
