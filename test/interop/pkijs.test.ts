/**
 * Both directions with pkijs, a CMS implementation that shares no code with src/smime. It has no RSA PKCS#1 v1.5 key
 * transport and no AuthEnvelopedData, so envelopes are elliptic curves both ways and RSA-OAEP one way, all AES-CBC.
 */
import assert from 'node:assert/strict';
import { createHash, createPrivateKey, webcrypto } from 'node:crypto';
import { before, describe, it } from 'node:test';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { Certificate } from '../../src/pki/certificate.ts';
import { readCertificates, writeCertificateBundle } from '../../src/pki/certificate-bundle.ts';
import { generateKeyPair, type KeyAlgorithm, type KeyPair } from '../../src/pki/key-pair.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import { type SealQuestion, sealMessage } from '../../src/smime/seal-message.ts';
import type { OpenedMessage } from '../../src/smime/verdict.ts';
import { type DemoAuthorities, demoAuthorities, issueTo, NOON } from '../unit/pki/demo-authorities.ts';

const TEXT = 'Grüße aus Brüssel\r\n'.repeat(120); // over 1024 bytes: pkijs writes opaque content in pieces
const ENTITY = Buffer.from(`Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${TEXT}`);
const SHOWN = TEXT.replaceAll('\r\n', '\n');
const ADDRESS = 'anna@partner.example';
const HEADERS = Buffer.from(
  `From: ${ADDRESS}\r\nTo: ${ADDRESS}\r\nSubject: test\r\nDate: Fri, 20 Nov 2026 12:00:00 +0000\r\n`,
);
const ALGORITHMS = ['RSA-2048', 'P-256', 'P-384'] as const satisfies KeyAlgorithm[];

interface Person extends KeyPair {
  readonly certificate: Certificate;
}

let demo: DemoAuthorities;
const people = new Map<string, Person>();
before(async () => {
  demo = await demoAuthorities();
  for (const algorithm of ALGORITHMS) {
    const keys = await generateKeyPair(algorithm);
    people.set(algorithm, { ...keys, certificate: await issueTo(demo.issuing, keys, ADDRESS) });
  }
});

function personWith(algorithm: KeyAlgorithm): Person {
  return people.get(algorithm) as Person;
}

const keyObject = (person: Person) => createPrivateKey({ key: person.privateKey, format: 'der', type: 'pkcs8' });
const peerCertificate = (certificate: Certificate) => pkijs.Certificate.fromBER(exact(certificate.der));

function open(bytes: Buffer, reader?: Person): OpenedMessage {
  const keys = reader ? [{ certificate: reader.certificate, privateKey: keyObject(reader) }] : [];
  const trust = { anchors: [demo.root.certificate], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys, trust, at: NOON });
}

function seal(question: Partial<SealQuestion>): Buffer {
  return sealMessage({ mime: ENTITY, headers: HEADERS, at: NOON, ...question });
}

function signing(person: Person) {
  return { certificate: person.certificate, privateKey: keyObject(person), chain: [demo.issuing.certificate] };
}

/** The bytes alone in an ArrayBuffer: pkijs looks past the ends of a Buffer's view. */
function exact(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

/** The CMS of a mail whose one body, or whose last part, is base64. */
function cmsOf(mail: Buffer): Buffer {
  const base64 = mail.toString('latin1').split('\r\n\r\n').at(-1)?.split('\r\n--')[0] ?? '';
  return Buffer.from(base64, 'base64');
}

/** The first part of a multipart/signed, byte for byte. */
function signedPartOf(mail: Buffer): Buffer {
  const delimiter = `\r\n--${/boundary="([^"]+)"/.exec(mail.toString('latin1'))?.[1]}`;
  const start = mail.indexOf(delimiter) + delimiter.length + 2;
  return mail.subarray(start, mail.indexOf(delimiter, start));
}

function mailOf(type: string, cms: Buffer): Buffer {
  const fields = `MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=${type}; name=smime.p7m\r\n`;
  const body = cms.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.concat([HEADERS, Buffer.from(`${fields}Content-Transfer-Encoding: base64\r\n\r\n${body}\r\n`)]);
}

function clearMailOf(entity: Buffer, cms: Buffer): Buffer {
  const type = 'multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b"';
  const part = 'Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64';
  const body = cms.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.concat([
    HEADERS,
    Buffer.from(`MIME-Version: 1.0\r\nContent-Type: ${type}\r\n\r\n--b\r\n`),
    entity,
    Buffer.from(`\r\n--b\r\n${part}\r\n\r\n${body}\r\n--b--\r\n`),
  ]);
}

function contentOf(cms: Buffer): asn1js.BaseBlock {
  return pkijs.ContentInfo.fromBER(exact(cms)).content;
}

function wrap(contentType: string, content: pkijs.SignedData | pkijs.EnvelopedData): Buffer {
  const info = new pkijs.ContentInfo({ contentType, content: content.toSchema() });
  return Buffer.from(info.toSchema().toBER());
}

/** Whether pkijs accepts the signature and the path to the root. It throws where it does not. */
async function peerVerifies(cms: Buffer, content?: Buffer): Promise<boolean> {
  const signed = new pkijs.SignedData({ schema: contentOf(cms) });
  return signed.verify({
    signer: 0,
    checkChain: true,
    checkDate: NOON,
    trustedCerts: [peerCertificate(demo.root.certificate)],
    ...(content === undefined ? {} : { data: exact(content) }),
  });
}

type SigningScheme = { name: string; hash: string; namedCurve?: string };

async function peerSigns(person: Person, scheme: SigningScheme, opaque: boolean): Promise<Buffer> {
  const digest = createHash(scheme.hash.replace('-', '')).update(ENTITY).digest();
  const attribute = (type: string, value: asn1js.BaseBlock) => new pkijs.Attribute({ type, values: [value] });
  const certificate = peerCertificate(person.certificate);
  const signed = new pkijs.SignedData({
    version: 1,
    encapContentInfo: new pkijs.EncapsulatedContentInfo({
      eContentType: pkijs.ContentInfo.DATA,
      ...(opaque ? { eContent: new asn1js.OctetString({ valueHex: exact(ENTITY) }) } : {}),
    }),
    signerInfos: [
      new pkijs.SignerInfo({
        version: 1,
        sid: new pkijs.IssuerAndSerialNumber({ issuer: certificate.issuer, serialNumber: certificate.serialNumber }),
        signedAttrs: new pkijs.SignedAndUnsignedAttributes({
          type: 0,
          attributes: [
            attribute('1.2.840.113549.1.9.3', new asn1js.ObjectIdentifier({ value: pkijs.ContentInfo.DATA })),
            attribute('1.2.840.113549.1.9.5', new asn1js.UTCTime({ valueDate: NOON })),
            attribute('1.2.840.113549.1.9.4', new asn1js.OctetString({ valueHex: exact(digest) })),
          ],
        }),
      }),
    ],
    certificates: [certificate, peerCertificate(demo.issuing.certificate)],
  });
  const key = await webcrypto.subtle.importKey('pkcs8', exact(person.privateKey), scheme, false, ['sign']);
  await signed.sign(key, 0, scheme.hash, exact(ENTITY));
  return wrap(pkijs.ContentInfo.SIGNED_DATA, signed);
}

async function peerEncrypts(person: Person, aesBits: number, parameters: object): Promise<Buffer> {
  const enveloped = new pkijs.EnvelopedData();
  enveloped.addRecipientByCertificate(peerCertificate(person.certificate), parameters);
  await enveloped.encrypt({ name: 'AES-CBC', length: aesBits } as webcrypto.Algorithm, exact(ENTITY));
  return wrap(pkijs.ContentInfo.ENVELOPED_DATA, enveloped);
}

async function peerDecrypts(cms: Buffer, recipient: number, person: Person): Promise<Buffer> {
  const enveloped = new pkijs.EnvelopedData({ schema: contentOf(cms) });
  const decrypted = await enveloped.decrypt(recipient, {
    recipientCertificate: peerCertificate(person.certificate),
    recipientPrivateKey: exact(person.privateKey),
  });
  return Buffer.from(decrypted);
}

describe('mail made here is read by pkijs', () => {
  for (const algorithm of ALGORITHMS) {
    it(`T17 clear and opaque ${algorithm} signatures verify, with the path to the root`, async () => {
      const sign = signing(personWith(algorithm));
      const clear = seal({ sign });
      assert.deepEqual(signedPartOf(clear), ENTITY);
      assert.equal(await peerVerifies(cmsOf(clear), ENTITY), true);
      assert.equal(await peerVerifies(cmsOf(seal({ sign, opaque: true }))), true);
    });
  }

  it('T17 pkijs refuses our signature over other content', async () => {
    const clear = seal({ sign: signing(personWith('P-256')) });
    const altered = Buffer.from(ENTITY.toString('latin1').replace('Br', 'br'), 'latin1');
    await assert.rejects(peerVerifies(cmsOf(clear), altered), /digest/);
  });

  it('S06 AES-256-CBC envelopes to P-256 and P-384 are decrypted, by each recipient', async (context) => {
    // Where a message has no user keying material, as OpenSSL's and ours, pkijs derives the key with an empty one instead
    // of none (its issue 335, RFC 5753 section 7.2). Without that default, the rest of its key agreement is put to the test.
    context.mock.method(pkijs.ECCCMSSharedInfo, 'defaultValues', () => undefined);
    const readers = [personWith('P-256'), personWith('P-384')];
    const cms = cmsOf(seal({ encryptTo: readers.map((reader) => reader.certificate) }));
    const decrypted = await Promise.all(readers.map(async (reader) => decryptedByEither(cms, reader)));
    assert.deepEqual(decrypted, [ENTITY, ENTITY]);
  });

  it('T13 a .p7b bundle is read whole', () => {
    const all = [personWith('P-256').certificate, demo.issuing.certificate, demo.root.certificate];
    const signed = new pkijs.SignedData({ schema: contentOf(writeCertificateBundle(all)) });
    const read = (signed.certificates ?? []).map((one) => Buffer.from(one.toSchema().toBER()).toString('hex'));
    assert.deepEqual(read.sort(), all.map((one) => one.der.toString('hex')).sort());
    assert.deepEqual(signed.signerInfos, []);
  });
});

// CMS sorts the recipients, so which is whose is not known beforehand.
async function decryptedByEither(cms: Buffer, reader: Person): Promise<Buffer | null> {
  for (const recipient of [0, 1]) {
    const decrypted = await peerDecrypts(cms, recipient, reader).catch(() => null);
    if (decrypted !== null) return decrypted;
  }
  return null;
}

describe('mail made by pkijs opens here', () => {
  const schemes: [KeyAlgorithm, SigningScheme][] = [
    ['RSA-2048', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }],
    ['RSA-2048', { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' }],
    ['RSA-2048', { name: 'RSA-PSS', hash: 'SHA-256' }],
    ['P-256', { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }],
    ['P-384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }],
  ];
  for (const [algorithm, scheme] of schemes) {
    it(`S14 ${algorithm} ${scheme.name} ${scheme.hash} signatures, clear and opaque, are trusted`, async () => {
      const person = personWith(algorithm);
      const clear = clearMailOf(ENTITY, await peerSigns(person, scheme, false));
      const opaque = mailOf('signed-data', await peerSigns(person, scheme, true));
      for (const message of [open(clear), open(opaque)]) {
        assert.equal(message.signature.status, 'trusted', message.signature.reasons.join());
        assert.equal(message.signature.signers[0]?.digest, scheme.hash);
        assert.equal(message.text, SHOWN);
      }
    });
  }

  it('S14 content altered after pkijs signed it is invalid', async () => {
    const scheme = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const mail = clearMailOf(ENTITY, await peerSigns(personWith('P-256'), scheme, false));
    mail[mail.indexOf('Br')] = 'b'.charCodeAt(0);
    const { signature } = open(mail);
    assert.deepEqual([signature.status, signature.reasons.includes('altered')], ['invalid', true]);
  });

  for (const hash of ['SHA-1', 'SHA-256', 'SHA-512']) {
    it(`S14 an envelope under RSA-OAEP with ${hash} is opened`, async () => {
      const reader = personWith('RSA-2048');
      const message = open(
        mailOf('enveloped-data', await peerEncrypts(reader, 256, { oaepHashAlgorithm: hash })),
        reader,
      );
      assert.deepEqual([message.encryption.status, message.layers[0]?.keyTransport], ['encrypted', 'RSA-OAEP']);
      assert.equal(message.text, SHOWN);
    });
  }

  for (const [algorithm, kdfAlgorithm, kekEncryptionLength] of [
    ['P-256', 'SHA-256', 128],
    ['P-256', 'SHA-512', 256],
    ['P-384', 'SHA-384', 256],
  ] as const) {
    it(`S14 an envelope under ECDH ${algorithm} with ${kdfAlgorithm} and AES-${kekEncryptionLength} wrap is opened`, async () => {
      const reader = personWith(algorithm);
      const cms = await peerEncrypts(reader, 128, { kdfAlgorithm, kekEncryptionLength });
      const message = open(mailOf('enveloped-data', cms), reader);
      assert.deepEqual([message.encryption.status, message.layers[0]?.keyTransport], ['encrypted', 'ECDH']);
      assert.equal(message.encryption.algorithm, 'AES-128-CBC');
      assert.equal(message.text, SHOWN);
    });
  }

  it('T13 a bundle of certificates is read', () => {
    const all = [personWith('P-384').certificate, demo.issuing.certificate];
    const signed = new pkijs.SignedData({
      version: 1,
      encapContentInfo: new pkijs.EncapsulatedContentInfo({ eContentType: pkijs.ContentInfo.DATA }),
      certificates: all.map(peerCertificate),
    });
    const read = readCertificates(wrap(pkijs.ContentInfo.SIGNED_DATA, signed));
    assert.deepEqual(read.map((one) => one.sha256).sort(), all.map((one) => one.sha256).sort());
  });
});
