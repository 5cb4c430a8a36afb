import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { parseCertificate } from '../../../src/pki/certificate.ts';
import { pemBlock, toPem } from '../../../src/pki/certificate-bundle.ts';
import { children, type DerNode, octetsOf, rawOf, readElement } from '../../../src/pki/der.ts';
import { context, integer, objectIdentifier, octetString, sequence } from '../../../src/pki/der-writer.ts';
import { encryptPbes2 } from '../../../src/pki/password-encryption.ts';
import { isSoundRsaKey } from '../../../src/pki/pkcs12-proof.ts';
import { readPkcs12 } from '../../../src/pki/pkcs12-read.ts';
import { writePkcs12 } from '../../../src/pki/pkcs12-write.ts';
import { forgeCertificate, forgeKey, forgeName } from '../../support/certificate-forge.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';
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
  const spentMs = startCpuClock();
  const result = readPkcs12(bytes, PASSWORD);
  assert.deepEqual(result.ok ? null : result.code, 'too-costly');
  assert.ok(spentMs() < 1000);
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

test('S09 a MAC that fits nothing is overlooked only in an old RSA file whose keys and certificates prove themselves', () => {
  const outcome = (key: string, certificate: string, ...options: string[]): string => {
    const files = ['-inkey', key, '-in', certificate, '-out', 'mac.p12', '-passout', 'pass:x'];
    openssl('pkcs12', '-export', ...files, ...options);
    const bytes = readFileSync(path.join(folder, 'mac.p12'));
    assert.ok(readPkcs12(bytes, 'x').ok);
    const digest = bytes.lastIndexOf(Buffer.from([0x05, 0x00, 0x04])) + 4; // NULL of the algorithm, then the digest
    bytes[digest]! ^= 1;
    const result = readPkcs12(bytes, 'x');
    return result.ok ? 'ok' : result.code;
  };
  const certify = (name: string, ...kind: string[]) =>
    openssl('req', '-x509', ...kind, '-nodes', '-subj', '/CN=x', '-keyout', `${name}.key`, '-out', `${name}.pem`);
  certify('rsa', '-newkey', 'rsa:2048');
  certify('ec', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256');
  assert.equal(outcome('rsa.key', 'rsa.pem', '-legacy'), 'ok');
  assert.equal(outcome('rsa.key', 'rsa.pem'), 'wrong-password', 'a SHA-256 MAC');
  assert.equal(outcome('ec.key', 'ec.pem', '-legacy'), 'wrong-password', 'an EC key');
  assert.equal(outcome('key.pem', 'anna.pem', '-legacy'), 'wrong-password', 'no issuer in the file');
});

test('S09 a private key with one altered number is not sound', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pkcs8 = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'pkcs8' });
  assert.ok(isSoundRsaKey(pkcs8(privateKey)));
  const jwk = privateKey.export({ format: 'jwk' });
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
    const altered = Buffer.from(jwk[name] ?? '', 'base64url');
    altered[40]! ^= 2;
    const key = createPrivateKey({ key: { ...jwk, [name]: altered.toString('base64url') }, format: 'jwk' });
    assert.ok(!isSoundRsaKey(pkcs8(key)), name);
  }
});

test('T14 a key that is within the bound is imported although the rest of its chain is not', () => {
  const chain = (iterations: number) => {
    const options = ['-nokeys', '-in', 'chain.pem', '-out', 'chain.p12', '-iter', String(iterations)];
    openssl('pkcs12', '-export', ...options, '-passout', `pass:${PASSWORD}`);
    return partsOf(readFileSync(path.join(folder, 'chain.p12')));
  };
  const lengthOfChain = (parts: Buffer[]) => {
    const result = readPkcs12(fileOf(parts), PASSWORD);
    return result.ok ? result.identities[0]?.chain.length : result.code;
  };
  assert.equal(lengthOfChain([...withoutChain(), ...chain(1000)]), 2);
  assert.equal(lengthOfChain([...withoutChain(), ...chain(2_000_000)]), 0);
});

test('T14 what opening costs is known before, and told while it goes on', () => {
  const told: [number, number][] = [];
  const result = readPkcs12(exported('-iter', '100000'), PASSWORD, (done, planned) => told.push([done, planned]));
  assert.ok(result.ok);
  assert.ok(
    told.every(([, planned]) => planned === 300_000),
    told.join(' '),
  );
  const slices = [0, 32_768, 65_536, 98_304]; // of the MAC; PBKDF2 tells nothing on its way
  assert.deepEqual(
    told.map(([done]) => done),
    [...slices, 100_000, 200_000],
  );
});

test('T14 each bound of cost is told as too costly, before the work', () => {
  const code = (bytes: Buffer): string => {
    const result = readPkcs12(bytes, PASSWORD);
    return result.ok ? 'ok' : result.code;
  };
  assert.equal(code(Buffer.alloc(1024 * 1024 + 1)), 'too-costly', 'size');
  const many = partsOf(exported('-nomac', '-keypbe', 'NONE', '-certpbe', 'NONE'));
  assert.equal(code(fileOf(Array.from({ length: 21 }, () => many).flat())), 'too-costly', 'keys');
  const certificates = many.slice(0, 1);
  assert.equal(code(fileOf(Array.from({ length: 34 }, () => certificates).flat())), 'too-costly', 'certificates');
  let nested = sequence();
  for (let depth = 0; depth < 40; depth += 1)
    nested = sequence(objectIdentifier(SAFE_CONTENTS), context(0, sequence(nested)));
  assert.equal(code(fileOf([data(sequence(nested))])), 'too-costly', 'depth');
});

// RFC 7292 section 4: a PFX without a MAC around the parts of an AuthenticatedSafe.
const DATA = '1.2.840.113549.1.7.1';
const SAFE_CONTENTS = '1.2.840.113549.1.12.10.1.6';
const data = (content: Buffer): Buffer => sequence(objectIdentifier(DATA), context(0, octetString(content)));
const fileOf = (parts: Buffer[]): Buffer => sequence(integer(3), data(sequence(...parts)));

function partsOf(pfx: Buffer): Buffer[] {
  const info = children(readElement(pfx))[1] as DerNode;
  const content = children(children(info)[1] as DerNode)[0] as DerNode;
  return children(readElement(octetsOf(content))).map(rawOf);
}

function withoutChain(): Buffer[] {
  const files = ['-inkey', 'key.pem', '-in', 'anna.pem', '-out', 'alone.p12', '-passout', `pass:${PASSWORD}`];
  openssl('pkcs12', '-export', ...files);
  return partsOf(readFileSync(path.join(folder, 'alone.p12')));
}

test('T14 a private key for RSA-OAEP alone is imported with its certificate', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const alone = (der: Buffer) =>
    Buffer.from(der.toString('hex').replace('2a864886f70d010101', '2a864886f70d010107'), 'hex');
  const privateKey = alone(pair.privateKey.export({ type: 'pkcs8', format: 'der' }));
  const spki = alone(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const certificate = parseCertificate(
    forgeCertificate({
      ...{ serial: 1, issuer: forgeName('Root'), subject: forgeName('Anna'), spki, extensions: [], signer: forgeKey() },
      ...{ notBefore: new Date(Date.now() - 1000), notAfter: new Date(Date.now() + 1000_000) },
    }),
  );
  assert.equal(certificate.key.family, 'rsa-oaep');
  const contents = { privateKey, certificate, chain: [], password: PASSWORD, friendlyName: 'Anna' };
  const read = readPkcs12(writePkcs12({ ...contents, form: 'modern' }), PASSWORD);
  assert.ok(read.ok, read.ok ? '' : read.message);
  assert.equal(read.identities[0]?.certificate.sha256, certificate.sha256);
  const key = createPrivateKey({
    key: read.identities[0]?.privateKey ?? Buffer.alloc(0),
    format: 'der',
    type: 'pkcs8',
  });
  assert.equal(key.asymmetricKeyType, 'rsa');
});

test('T14 nonsense that has good padding and begins like some element is a wrong password, not an odd key', () => {
  for (const nonsense of ['0402abcd', '3000', '30030401ff', '020101', '301004']) {
    const made = encryptPbes2(Buffer.from(nonsense, 'hex'), 'wrong', {
      ...{ salt: Buffer.alloc(16, 1), iv: Buffer.alloc(16, 2), iterations: 1 },
    });
    const key = sequence(made.algorithm, octetString(made.ciphertext));
    const bag = sequence(objectIdentifier('1.2.840.113549.1.12.10.1.2'), context(0, key));
    const read = readPkcs12(fileOf([data(sequence(bag))]), 'wrong');
    assert.equal(read.ok ? '' : read.code, 'wrong-password', nonsense);
  }
});
