/** Structures that no program at hand writes, made by hand after their standards. */
import assert from 'node:assert/strict';
import {
  createCipheriv,
  createHash,
  createPrivateKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCertificates } from '../../../src/pki/certificate-bundle.ts';
import { children, type DerNode, Fields, rawOf, readWhole, TAG } from '../../../src/pki/der.ts';
import * as der from '../../../src/pki/der-writer.ts';
import { CONTENT_TYPE } from '../../../src/smime/algorithms.ts';
import type { DecryptionKey } from '../../../src/smime/decryption-key.ts';
import { openMessage } from '../../../src/smime/open-message.ts';
import { writeRecipientInfo } from '../../../src/smime/write-recipient-info.ts';
import { contentInfo, writeSignedData } from '../../../src/smime/write-signature.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n');
const GCM = '2.16.840.1.101.3.4.1.46';
const AES256_WRAP = '2.16.840.1.101.3.4.1.45';

let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

function open(cms: Buffer, keys: readonly DecryptionKey[] = []) {
  const type = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64';
  const bytes = Buffer.from(`From: alice@example.org\r\n${type}\r\n\r\n${cms.toString('base64')}\r\n`);
  const trust = { anchors: [people.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys, trust, at: new Date() });
}

interface Attributes {
  readonly authenticated?: Buffer;
  /** What stands in the message in place of them, where it is something else */
  readonly shown?: Buffer;
  readonly unauthenticated?: Buffer;
}

/** AuthEnvelopedData (RFC 5083 section 2.1): the attributes are covered as a SET OF, and stand there under [1]. */
function authEnveloped(
  contentKey: Buffer,
  recipient: Buffer,
  { authenticated, shown, unauthenticated }: Attributes,
): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce, { authTagLength: 16 });
  if (authenticated !== undefined) cipher.setAAD(der.element(TAG.set, authenticated));
  const encrypted = Buffer.concat([cipher.update(ENTITY), cipher.final()]);
  const algorithm = der.algorithmIdentifier(GCM, der.sequence(der.octetString(nonce), der.integer(16)));
  const info = der.sequence(der.objectIdentifier(CONTENT_TYPE.data), algorithm, der.contextPrimitive(0, encrypted));
  const inside = shown ?? authenticated;
  const parts = [
    der.integer(0),
    der.setOf(recipient),
    info,
    ...(inside === undefined ? [] : [der.context(1, inside)]),
    der.octetString(cipher.getAuthTag()),
    ...(unauthenticated === undefined ? [] : [der.context(2, unauthenticated)]),
  ];
  return contentInfo(CONTENT_TYPE.authEnvelopedData, der.sequence(...parts));
}

const attribute = (word: string) =>
  der.sequence(der.objectIdentifier('1.3.6.1.4.1.32473.1'), der.setOf(der.octetString(Buffer.from(word))));

describe('AuthEnvelopedData with attributes', () => {
  const made = (attributes: Attributes) => {
    const key = randomBytes(32);
    return open(authEnveloped(key, writeRecipientInfo(people.bob.certificate, key, 'rsa-pkcs1'), attributes), [
      people.bob,
    ]);
  };

  it('S14 opens when the authenticated attributes are those under the tag', () => {
    const message = made({ authenticated: attribute('known') });
    assert.equal(message.encryption.status, 'encrypted');
    assert.equal(message.text, 'hello\n');
  });

  it('S14 opens for nobody when a bit of an authenticated attribute was flipped, or they were taken away or added', () => {
    const authenticated = attribute('known');
    for (let bit = 0; bit < 8 * 'known'.length; bit += 1) {
      const shown = Buffer.from(authenticated);
      const at = shown.length - 1 - (bit >> 3);
      shown[at] = (shown[at] as number) ^ (1 << (bit & 7));
      const message = made({ authenticated, shown });
      assert.deepEqual([message.encryption.status, message.text], ['failed', null]);
    }
    for (const shown of [Buffer.alloc(0), Buffer.concat([authenticated, attribute('more')])]) {
      assert.equal(made({ authenticated, shown }).encryption.status, 'failed');
    }
    assert.equal(made({ shown: authenticated }).encryption.status, 'failed');
  });

  it('S14 opens whatever the attributes say that nothing covers', () => {
    const message = made({ unauthenticated: attribute('anything') });
    assert.equal(message.encryption.status, 'encrypted');
    assert.equal(message.text, 'hello\n');
  });
});

describe('X25519 with the key derivation of X9.63', () => {
  const DERIVATIONS = { sha256: '1.3.132.1.11.1', sha384: '1.3.132.1.11.2', sha512: '1.3.132.1.11.3' };

  /** OpenSSL certifies such a key only in place of another, since it signs no request. */
  const reader = (): DecryptionKey => {
    people.openssl('genpkey', '-algorithm', 'X25519', '-out', 'x.key');
    people.openssl('pkey', '-in', 'x.key', '-pubout', '-out', 'x.pub');
    writeFileSync(join(people.folder, 'x.ext'), 'keyUsage=critical,keyAgreement\nsubjectAltName=email:x@example.org\n');
    const signing = ['-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '20', '-extfile', 'x.ext'];
    people.openssl('x509', '-req', '-in', 'bob.csr', '-force_pubkey', 'x.pub', ...signing, '-out', 'x.pem');
    const [certificate] = readCertificates(readFileSync(join(people.folder, 'x.pem')));
    assert.equal(certificate?.key.family, 'x25519');
    return { certificate, privateKey: createPrivateKey(readFileSync(join(people.folder, 'x.key'))) };
  };

  /** RFC 8418 section 2.1 with ECC-CMS-SharedInfo of RFC 5753 section 7.2; one block of the hash is enough for the key. */
  const recipientInfo = (
    { certificate }: DecryptionKey,
    hash: string,
    scheme: string,
    contentKey: Buffer,
    ukm?: Buffer,
  ) => {
    const ephemeral = generateKeyPairSync('x25519');
    const secret = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: certificate.publicKey });
    const wrapAlgorithm = der.algorithmIdentifier(AES256_WRAP);
    const material = ukm === undefined ? [] : [der.octetString(ukm)];
    const covered = material.map((each) => der.context(0, each));
    const info = der.sequence(wrapAlgorithm, ...covered, der.context(2, der.octetString(Buffer.from([0, 0, 1, 0]))));
    const counter = Buffer.from([0, 0, 0, 1]);
    const kek = createHash(hash).update(secret).update(counter).update(info).digest().subarray(0, 32);
    const cipher = createCipheriv('id-aes256-wrap', kek, Buffer.alloc(8, 0xa6));
    const wrapped = Buffer.concat([cipher.update(contentKey), cipher.final()]);
    const spki = children(readWhole(ephemeral.publicKey.export({ type: 'spki', format: 'der' })));
    return der.context(
      1,
      der.integer(3),
      der.context(0, der.context(1, ...spki.map((part) => rawOf(part)))),
      ...material.map((each) => der.context(1, each)),
      der.algorithmIdentifier(scheme, wrapAlgorithm),
      der.sequence(der.sequence(der.sequence(certificate.issuerRaw, certificate.serialRaw), der.octetString(wrapped))),
    );
  };

  for (const [hash, scheme] of Object.entries(DERIVATIONS)) {
    it(`S14 of ${hash} opens, with and without ukm, and not after a change`, () => {
      const key = reader();
      for (const ukm of [undefined, Buffer.from('material')]) {
        const contentKey = randomBytes(32);
        const recipient = recipientInfo(key, hash, scheme, contentKey, ukm);
        const message = open(authEnveloped(contentKey, recipient, {}), [key]);
        assert.equal(message.encryption.status, 'encrypted');
        assert.equal(message.layers[0]?.keyTransport, 'X25519');
        assert.equal(message.text, 'hello\n');
        recipient[recipient.length - 1] = (recipient[recipient.length - 1] as number) ^ 1;
        assert.equal(open(authEnveloped(contentKey, recipient, {}), [key]).encryption.status, 'failed');
      }
    });
  }
});

describe('SignedData with other things than certificates among them', () => {
  /** AttributeCertificateV2 (RFC 5755 section 4.1) of Alice, who would like to be a director. Its signature is none. */
  const attributeCertificate = () => {
    const { alice } = people;
    const name = der.context(4, alice.certificate.issuerRaw);
    const time = (year: number) => der.element(0x18, Buffer.from(`${year}0101000000Z`));
    const algorithm = der.algorithmIdentifier('1.2.840.113549.1.1.11', der.nullValue());
    const info = der.sequence(
      der.integer(1),
      der.sequence(der.context(0, der.sequence(name), alice.certificate.serialRaw)),
      der.context(0, der.sequence(name)),
      algorithm,
      der.integer(7),
      der.sequence(time(2020), time(2049)),
      der.sequence(attribute('director')),
    );
    return [info, algorithm, der.bitString(Buffer.alloc(256, 1))];
  };

  it('S14 attribute certificates and other formats are skipped, and the signature is trusted', () => {
    const { alice } = people;
    const cms = writeSignedData(ENTITY, { ...alice, chain: [people.root] }, new Date(), true);
    const [type, wrapper] = children(readWhole(cms)) as [DerNode, DerNode];
    const fields = new Fields(children(wrapper)[0] as DerNode);
    const before = [fields.next(), fields.next(), fields.next()].map((part) => rawOf(part));
    const certificates = children(fields.next(0xa0)).map((part) => rawOf(part));
    const rest = fields.rest().map((part) => rawOf(part));
    const others = [
      der.context(1, ...attributeCertificate()), // version 1, obsolete
      der.context(2, ...attributeCertificate()),
      der.context(3, der.objectIdentifier('1.3.6.1.4.1.32473.2'), der.octetString(Buffer.from('other'))),
      der.context(0, ...attributeCertificate()), // extended certificates of PKCS#6, obsolete
    ];
    const set = der.context(0, ...others.slice(0, 2), ...certificates, ...others.slice(2));
    const made = der.sequence(rawOf(type), der.context(0, der.sequence(...before, set, ...rest)));
    const { signature } = open(made);
    assert.equal(signature.status, 'trusted', signature.reasons.join());
    const carried = signature.signers[0]?.certificates.map(({ sha256 }) => sha256).sort();
    assert.deepEqual(carried, [alice.certificate.sha256, people.root.sha256].sort());
  });
});
