import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXTENDED_KEY_USAGE, EXTENSION } from '../../../src/pki/certificate-extensions.ts';
import {
  certificateRequestPem,
  parseCertificateRequest,
  readCertificateRequest,
  verifyCertificateRequest,
  writeCertificateRequest,
} from '../../../src/pki/certificate-request.ts';
import {
  algorithmIdentifier,
  bitString,
  context,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from '../../../src/pki/der-writer.ts';
import { PkiError } from '../../../src/pki/errors.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../../src/pki/key-pair.ts';

const ALGORITHMS: KeyAlgorithm[] = ['RSA-2048', 'RSA-3072', 'P-256', 'P-384'];
const SUBJECT = { name: 'Zoë Müller', organisation: 'Straßenamt', country: 'LU' };
const ADDRESS = 'Zoe.Mueller@tcn.lu.eu-admin.net';

async function requestWith(algorithm: KeyAlgorithm): Promise<Buffer> {
  const { privateKey } = await generateKeyPair(algorithm);
  return writeCertificateRequest({
    privateKey,
    subject: SUBJECT,
    address: ADDRESS,
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: [EXTENDED_KEY_USAGE.emailProtection],
  });
}

test('T21 a request says who asks, for which address and purpose, and proves that the key is there', async () => {
  for (const algorithm of ALGORITHMS) {
    const request = parseCertificateRequest(await requestWith(algorithm));
    assert.equal(verifyCertificateRequest(request), 'valid');
    assert.equal(request.commonName, 'Zoë Müller');
    assert.match(request.subject, /C=LU.*O=Straßenamt/);
    assert.deepEqual(request.addresses, [ADDRESS]);
    assert.deepEqual(request.extendedKeyUsage, [EXTENDED_KEY_USAGE.emailProtection]);
    assert.deepEqual([...(request.keyUsage ?? [])], ['digitalSignature', 'keyEncipherment']);
    assert.equal(request.key.label, algorithm);
    assert.equal(request.basicConstraints, null);
  }
});

test('T12 an authority asks with its constraints and without an address', async () => {
  const { privateKey } = await generateKeyPair('P-256');
  const basicConstraints = { ca: true, pathLength: 0 };
  const der = writeCertificateRequest({
    privateKey,
    subject: { name: 'Issuing' },
    keyUsage: ['cRLSign', 'keyCertSign'],
    basicConstraints,
  });
  const request = parseCertificateRequest(der);
  assert.deepEqual(request.basicConstraints, basicConstraints);
  assert.deepEqual([...(request.keyUsage ?? [])], ['keyCertSign', 'cRLSign']);
  assert.deepEqual(request.addresses, []);
});

test('T21 a request is read from DER, PEM of Windows and others, and bare base64', async () => {
  const der = await requestWith('P-256');
  const pem = certificateRequestPem(der);
  const forms = [
    der,
    Buffer.from(pem),
    Buffer.from(pem.replaceAll('CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST').replaceAll('\n', '\r\n')),
    Buffer.from(der.toString('base64')),
  ];
  for (const form of forms) assert.deepEqual(readCertificateRequest(form).der, der);
  assert.throws(() => readCertificateRequest(Buffer.from(pem + pem)), PkiError);
});

test('T21 a request that was altered, or signed by another key, does not verify', async () => {
  const [one, other] = [await requestWith('P-256'), await requestWith('P-256')];
  const altered = Buffer.from(one);
  altered[altered.indexOf('Zoe.Mueller')] = 'X'.charCodeAt(0);
  assert.equal(verifyCertificateRequest(parseCertificateRequest(altered)), 'invalid');
  const mixed = { ...parseCertificateRequest(one), signature: parseCertificateRequest(other).signature };
  Object.defineProperty(mixed, 'publicKey', { value: parseCertificateRequest(one).publicKey });
  assert.equal(verifyCertificateRequest(mixed), 'invalid');
});

test('T21 what is no request, or asks in two ways, is refused as malformed', async () => {
  const der = await requestWith('P-256');
  const { key } = parseCertificateRequest(der);
  const extension = sequence(objectIdentifier(EXTENSION.keyUsage), octetString(bitString(Buffer.from([0x80]), 7)));
  const wish = sequence(objectIdentifier('1.2.840.113549.1.9.14'), setOf(sequence(extension)));
  const make = (version: number, attributes: Buffer) =>
    sequence(
      sequence(integer(version), sequence(), key.spki, attributes),
      algorithmIdentifier('1.2.840.10045.4.3.2'),
      bitString(Buffer.from([0])),
    );
  assert.ok(parseCertificateRequest(make(0, context(0, wish))));
  assert.equal(verifyCertificateRequest(parseCertificateRequest(make(0, context(0)))), 'invalid');
  const bad = [
    make(1, context(0, wish)),
    make(0, context(0, wish, wish)),
    make(0, context(1, wish)),
    Buffer.concat([der, Buffer.from([0])]),
    der.subarray(0, der.length - 1),
    Buffer.alloc(0),
    Buffer.from('no request'),
  ];
  for (const bytes of bad) assert.throws(() => readCertificateRequest(bytes), PkiError);
});

test('T21 an address that is none in ASCII and a key of another kind are not asked for', async () => {
  const { privateKey } = await generateKeyPair('P-256');
  for (const address of ['müller@x.example', 'a b@x.example', 'a@x.example\r\nBcc: y', ''])
    assert.throws(() => writeCertificateRequest({ privateKey, subject: SUBJECT, address }), PkiError);
});
