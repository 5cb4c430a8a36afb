import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pemBlock, toPem } from '../../../src/pki/certificate-bundle.ts';
import { readPkcs12 } from '../../../src/pki/pkcs12-read.ts';
import { writePkcs12 } from '../../../src/pki/pkcs12-write.ts';
import { type DemoAuthorities, demoAuthorities } from './demo-authorities.ts';

const PASSWORD = 'Čaj & 茶';
let demo: DemoAuthorities;
let folder: string;

before(async () => {
  demo = await demoAuthorities();
  folder = mkdtempSync(path.join(tmpdir(), 'sealpost-pkcs12-'));
  writeFileSync(path.join(folder, 'key.pem'), pemBlock('PRIVATE KEY', demo.annaKeys.privateKey));
  writeFileSync(path.join(folder, 'anna.pem'), toPem([demo.anna]));
  writeFileSync(path.join(folder, 'chain.pem'), toPem([demo.issuing.certificate, demo.root.certificate]));
});
after(() => rmSync(folder, { recursive: true }));

function openssl(...options: string[]): string {
  return execFileSync('openssl', options, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function exported(...options: string[]): Buffer {
  const files = ['-inkey', 'key.pem', '-in', 'anna.pem', '-certfile', 'chain.pem', '-out', 'out.p12'];
  openssl('pkcs12', '-export', ...files, '-passout', `pass:${PASSWORD}`, ...options);
  return readFileSync(path.join(folder, 'out.p12'));
}

function assertIsAnna(bytes: Buffer): void {
  const result = readPkcs12(bytes, PASSWORD);
  assert.ok(result.ok, result.ok ? '' : result.message);
  assert.equal(result.identities.length, 1);
  const identity = result.identities[0]!;
  assert.deepEqual(identity.privateKey, demo.annaKeys.privateKey);
  assert.equal(identity.certificate.sha256, demo.anna.sha256);
  const chain = [demo.issuing.certificate.sha256, demo.root.certificate.sha256];
  assert.deepEqual(
    identity.chain.map((issuer) => issuer.sha256),
    chain,
  );
  assert.equal(result.certificates.length, 3);
}

const FORMS: [title: string, options: string[]][] = [
  ['T14 a .pfx of OpenSSL with AES-256 is imported', []],
  [
    'T14 a .pfx of Windows with RC2-40 is imported',
    ['-legacy', '-certpbe', 'PBE-SHA1-RC2-40', '-keypbe', 'PBE-SHA1-3DES'],
  ],
  [
    'T14 a .pfx with RC2-128 and two-key 3DES is imported',
    ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128', '-keypbe', 'PBE-SHA1-2DES'],
  ],
  [
    'T14 a .pfx with 3DES alone is imported',
    ['-certpbe', 'PBE-SHA1-3DES', '-keypbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
  ],
  [
    'T14 a .pfx with AES-128 and a SHA-512 MAC is imported',
    ['-certpbe', 'AES-128-CBC', '-keypbe', 'AES-192-CBC', '-macalg', 'sha512'],
  ],
  ['T14 a .pfx whose certificates are not encrypted is imported', ['-certpbe', 'NONE']],
  ['T14 a .pfx without a MAC is imported', ['-nomac']],
];
for (const [title, options] of FORMS) test(title, () => assertIsAnna(exported(...options)));

test('T14 a wrong password is told apart from a broken file', () => {
  const bytes = exported();
  const wrong = readPkcs12(bytes, 'another');
  assert.deepEqual(wrong.ok ? null : wrong.code, 'wrong-password');
  const cut = readPkcs12(bytes.subarray(0, 900), PASSWORD);
  assert.deepEqual(cut.ok ? null : cut.code, 'not-pkcs12');
  const text = readPkcs12(Buffer.from('-----BEGIN CERTIFICATE-----'), PASSWORD);
  assert.deepEqual(text.ok ? null : text.code, 'not-pkcs12');
});

test('T14 a wrong password is recognised without a MAC too', () => {
  const bytes = exported('-nomac');
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const wrong = readPkcs12(bytes, `wrong ${attempt}`);
    assert.deepEqual(wrong.ok ? null : wrong.code, 'wrong-password');
  }
});

test('T14 a file of certificates without a key is refused with its reason', () => {
  openssl('pkcs12', '-export', '-nokeys', '-in', 'anna.pem', '-out', 'certs.p12', '-passout', 'pass:x');
  const result = readPkcs12(readFileSync(path.join(folder, 'certs.p12')), 'x');
  assert.deepEqual(result.ok ? null : result.code, 'no-key');
});

test('a file that asks for too many iterations is refused before they are computed', () => {
  const bytes = Buffer.from(exported('-iter', '8388607', '-nomac')); // OpenSSL computes them, once
  const started = performance.now();
  const result = readPkcs12(bytes, PASSWORD);
  assert.deepEqual(result.ok ? null : result.code, 'too-costly');
  assert.ok(performance.now() - started < 1000);
});

function written(form: 'modern' | 'legacy'): Buffer {
  const chain = [demo.issuing.certificate, demo.root.certificate];
  const privateKey = demo.annaKeys.privateKey;
  return writePkcs12({
    privateKey,
    certificate: demo.anna,
    chain,
    password: PASSWORD,
    form,
    friendlyName: 'Anna Müller',
  });
}

test('T16 an exported .pfx opens again, in both forms', () => {
  assertIsAnna(written('modern'));
  assertIsAnna(written('legacy'));
});

test('T16 OpenSSL opens an exported .pfx, in both forms', () => {
  for (const [form, options] of [
    ['modern', []],
    ['legacy', ['-legacy']],
  ] as const) {
    writeFileSync(path.join(folder, 'own.p12'), written(form));
    const text = openssl('pkcs12', '-in', 'own.p12', '-passin', `pass:${PASSWORD}`, '-nodes', '-info', ...options);
    assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 3);
    assert.match(text, /BEGIN PRIVATE KEY/);
    assert.match(text, /friendlyName: Anna M/);
  }
});
