/** PKCS#10 with the programs that authorities use: what is written here each reads, what each writes is read here. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { EXTENDED_KEY_USAGE } from '../../src/pki/certificate-extensions.ts';
import {
  certificateRequestPem,
  readCertificateRequest,
  verifyCertificateRequest,
  writeCertificateRequest,
} from '../../src/pki/certificate-request.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import { openTools, type Tools } from '../support/pkcs12-tools.ts';

const ADDRESS = 'Anna.Weber@tcn.lu.eu-admin.net';
let tools: Tools;
before(() => {
  tools = openTools();
});
after(() => tools.remove());

for (const algorithm of ['RSA-3072', 'P-256', 'P-384'] as const) {
  test(`T21 openssl and certtool read and verify a request for ${algorithm}`, async () => {
    const { privateKey } = await generateKeyPair(algorithm);
    const der = writeCertificateRequest({
      privateKey,
      subject: { name: 'Anna Weber', organisation: 'Société nationale', country: 'LU' },
      address: ADDRESS,
      keyUsage: ['digitalSignature', algorithm === 'RSA-3072' ? 'keyEncipherment' : 'keyAgreement'],
      extendedKeyUsage: [EXTENDED_KEY_USAGE.emailProtection],
    });
    tools.write('ours.der', der);
    tools.write('ours.pem', certificateRequestPem(der));
    const text = tools.run('openssl', ['req', '-verify', '-noout', '-text', '-in', 'ours.pem', '-nameopt', 'utf8']);
    assert.match(text, new RegExp(`email:${ADDRESS}`));
    assert.match(text, /E-mail Protection/);
    assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Key (Encipherment|Agreement)/);
    assert.match(text, /Anna Weber/);
    tools.run('openssl', ['req', '-verify', '-noout', '-inform', 'DER', '-in', 'ours.der']);
    const certtool = tools.run('certtool', ['--crq-info', '--infile', 'ours.pem']);
    assert.match(certtool, /Self signature: verified/);
    assert.match(certtool, new RegExp(`RFC822Name: ${ADDRESS}`));
  });
}

test('T21 a request of openssl is read and verified', () => {
  tools.run('openssl', [
    ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'k.pem', '-out', 'openssl.pem'],
    ...['-subj', '/C=LU/O=Example/CN=Anna Weber', '-addext', `subjectAltName=email:${ADDRESS}`],
    ...['-addext', 'extendedKeyUsage=emailProtection', '-addext', 'keyUsage=critical,digitalSignature'],
  ]);
  const request = readCertificateRequest(tools.read('openssl.pem'));
  assert.equal(verifyCertificateRequest(request), 'valid');
  assert.deepEqual(request.addresses, [ADDRESS]);
  assert.deepEqual(request.extendedKeyUsage, [EXTENDED_KEY_USAGE.emailProtection]);
  assert.equal(request.commonName, 'Anna Weber');
});

test('T21 a request of certtool is read and verified', () => {
  tools.write(
    'template',
    `cn = "Anna Weber"\nemail = "${ADDRESS}"\nsigning_key\nencryption_key\nemail_protection_key\n`,
  );
  tools.run('certtool', ['--generate-privkey', '--key-type', 'rsa', '--bits', '2048', '--outfile', 'g.key']);
  tools.run('certtool', [
    ...['--generate-request', '--load-privkey', 'g.key', '--template', 'template', '--outfile', 'g.pem'],
  ]);
  const request = readCertificateRequest(tools.read('g.pem'));
  assert.equal(verifyCertificateRequest(request), 'valid');
  assert.deepEqual(request.addresses, [ADDRESS]);
  assert.equal(request.keyUsage?.has('keyEncipherment'), true);
});

test('T21 a request of NSS certutil is read and verified, in DER and in PEM', () => {
  tools.write('noise', Buffer.alloc(64, 7));
  tools.write('empty', '\n');
  tools.run('certutil', ['-N', '-d', '.', '--empty-password']);
  for (const [form, file] of [
    [[], 'n.der'],
    [['-a'], 'n.pem'],
  ] as const) {
    tools.run('certutil', [
      ...['-R', '-d', '.', '-s', 'CN=Anna Weber,O=Example,C=LU', '-k', 'rsa', '-g', '2048', '-z', 'noise'],
      ...['-7', ADDRESS, '--keyUsage', 'digitalSignature,keyEncipherment', '--extKeyUsage', 'emailProtection'],
      ...['-o', file, ...form],
    ]);
    const request = readCertificateRequest(tools.read(file));
    assert.equal(verifyCertificateRequest(request), 'valid');
    assert.deepEqual(request.addresses, [ADDRESS]);
    assert.deepEqual(request.extendedKeyUsage, [EXTENDED_KEY_USAGE.emailProtection]);
  }
});
