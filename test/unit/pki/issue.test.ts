import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { canEncrypt, canSign, parseCertificate } from '../../../src/pki/certificate.ts';
import { readCertificates, toPem, writeCertificateBundle } from '../../../src/pki/certificate-bundle.ts';
import { createIssuingAuthority, issuePersonalCertificate } from '../../../src/pki/issue.ts';
import { generateKeyPair } from '../../../src/pki/key-pair.ts';
import { DECADE, type DemoAuthorities, demoAuthorities, LOCATIONS, NOON, POLICY } from './demo-authorities.ts';

let demo: DemoAuthorities;
let folder: string;

before(async () => {
  demo = await demoAuthorities();
  folder = mkdtempSync(path.join(tmpdir(), 'sealpost-issue-'));
  writeFileSync(path.join(folder, 'root.pem'), toPem([demo.root.certificate]));
  writeFileSync(path.join(folder, 'issuing.pem'), toPem([demo.issuing.certificate]));
});
after(() => rmSync(folder, { recursive: true }));

function opensslVerify(pem: string, purpose: string): void {
  writeFileSync(path.join(folder, 'leaf.pem'), pem);
  const at = String(NOON.getTime() / 1000);
  const chain = ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem'];
  execFileSync('openssl', ['verify', '-x509_strict', '-attime', at, '-purpose', purpose, ...chain, 'leaf.pem'], {
    cwd: folder,
    stdio: 'pipe',
  });
}

test('T10 the certificate of a person verifies in OpenSSL for signing and encrypting', () => {
  opensslVerify(toPem([demo.anna]), 'smimesign');
  opensslVerify(toPem([demo.anna]), 'smimeencrypt');
});

test('T10 split key pairs get split key usages', async () => {
  for (const algorithm of ['RSA-2048', 'P-256'] as const) {
    const common = { name: 'Ben', address: 'ben@partner.example', issuer: demo.issuing, policyOid: POLICY };
    const { publicKey } = await generateKeyPair(algorithm);
    const signing = await issuePersonalCertificate({ ...common, publicKey, usage: 'sign', ...LOCATIONS, ...DECADE });
    const encrypting = await issuePersonalCertificate({
      ...common,
      publicKey,
      usage: 'encrypt',
      ...LOCATIONS,
      ...DECADE,
    });
    assert.deepEqual([canSign(signing), canEncrypt(signing)], [true, false]);
    assert.deepEqual([canSign(encrypting), canEncrypt(encrypting)], [false, true]);
    opensslVerify(toPem([signing]), 'smimesign');
    // OpenSSL 3.0 asks for keyEncipherment even where RFC 8551 wants keyAgreement.
    if (algorithm === 'RSA-2048') opensslVerify(toPem([encrypting]), 'smimeencrypt');
  }
});

test('T10 the profile has everything a mail program looks for', () => {
  const { anna, issuing } = demo;
  assert.deepEqual(anna.addresses, ['anna@fr.eu-admin.example']);
  assert.deepEqual(anna.extendedKeyUsage, ['1.3.6.1.5.5.7.3.4']);
  assert.deepEqual(anna.authorityKeyIdentifier, issuing.certificate.subjectKeyIdentifier);
  assert.deepEqual(anna.issuerRaw, issuing.certificate.subjectRaw);
  assert.equal(anna.serialNumber.length, 32);
  assert.equal(anna.commonName, 'Anna Müller');
  assert.equal(anna.keyLabel, 'RSA-2048');
  assert.deepEqual(issuing.certificate.basicConstraints, { ca: true, pathLength: 0 });
  assert.equal(demo.root.certificate.notAfter.toISOString(), '2051-01-01T00:00:00.000Z');
});

test('T22 a Digital ID made for signing in too is a client certificate of TLS, and no other is', async () => {
  const issuer = await createIssuingAuthority({
    issuer: demo.root,
    name: 'Issuing for sign-in',
    keyAlgorithm: 'P-256',
    domains: ['partner.example'],
    clientAuthentication: true,
    ...DECADE,
  });
  writeFileSync(path.join(folder, 'issuing.pem'), toPem([issuer.certificate, demo.issuing.certificate]));
  const { publicKey } = await generateKeyPair('RSA-2048');
  const common = { name: 'Ben', address: 'ben@partner.example', policyOid: POLICY, publicKey, ...DECADE };
  const fit = await issuePersonalCertificate({ ...common, issuer, usage: 'both', clientAuthentication: true });
  for (const purpose of ['sslclient', 'smimesign', 'smimeencrypt']) opensslVerify(toPem([fit]), purpose);
  assert.throws(() => opensslVerify(toPem([fit]), 'sslserver'));
  const encrypting = await issuePersonalCertificate({
    ...common,
    issuer,
    usage: 'encrypt',
    clientAuthentication: true,
  });
  assert.deepEqual(encrypting.extendedKeyUsage, ['1.3.6.1.5.5.7.3.4']);
  assert.throws(() => opensslVerify(toPem([demo.anna]), 'sslclient'));
});

test('T10 a policy identifier made of a UUID is written digit by digit', async () => {
  // 128 bits: beyond what a double holds.
  const policyOid = '2.25.213460174052364872153941684736027405911';
  const options = { name: 'Carla', address: 'carla@partner.example', usage: 'both', ...LOCATIONS, ...DECADE } as const;
  const { publicKey } = demo.annaKeys;
  const issued = await issuePersonalCertificate({ ...options, issuer: demo.issuing, publicKey, policyOid });
  const question = ['x509', '-noout', '-ext', 'certificatePolicies'];
  const answer = execFileSync('openssl', question, { input: toPem([issued]), encoding: 'utf8' });
  assert.match(answer, new RegExp(`Policy: ${policyOid}\n`));
});

test('an address outside ASCII is refused rather than written wrongly', async () => {
  const options = {
    name: 'X',
    issuer: demo.issuing,
    usage: 'both',
    policyOid: POLICY,
    ...LOCATIONS,
    ...DECADE,
  } as const;
  const issue = () =>
    issuePersonalCertificate({ ...options, address: 'jürgen@partner.example', publicKey: demo.annaKeys.publicKey });
  await assert.rejects(issue, { code: 'unsupported' });
});

test('a certificate is parsed from its bytes and refused with anything after them', () => {
  assert.equal(parseCertificate(demo.anna.der).sha256, demo.anna.sha256);
  assert.throws(() => parseCertificate(Buffer.concat([demo.anna.der, Buffer.from([0])])), { code: 'malformed' });
});

test('a certificate whose signature or key is not whole octets is malformed', () => {
  const { der, signature, key } = demo.anna;
  const unusedBits = [der.length - signature.length - 1, der.indexOf(key.keyBits) - 1];
  for (const place of unusedBits) {
    const copy = Buffer.from(der);
    assert.equal(copy[place], 0);
    copy[place] = 1;
    assert.throws(() => parseCertificate(copy), { code: 'malformed' }, String(place));
  }
});

test('T13 certificates come back from .p7b and PEM files, and OpenSSL reads the .p7b', () => {
  const all = [demo.anna, demo.issuing.certificate, demo.root.certificate];
  const prints = all.map((one) => one.sha256).sort();
  const bundle = writeCertificateBundle(all);
  for (const file of [bundle, Buffer.from(toPem(all)), Buffer.from(bundle.toString('base64'))]) {
    assert.deepEqual(
      readCertificates(file)
        .map((one) => one.sha256)
        .sort(),
      prints,
    );
  }
  const text = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs', '-noout'], {
    input: bundle,
    encoding: 'utf8',
  });
  assert.equal(text.match(/subject=/g)?.length, 3);
});
