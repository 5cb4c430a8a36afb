/** PKCS#12 files of GnuPG, NSS and BoringSSL, as published; see the README of the suites for where they come from. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.resolve(ROOT, process.env['SEALPOST_SUITES'] ?? '../shared/suites', 'pkcs12');

if (!existsSync(FOLDER)) {
  const required = process.env['SEALPOST_REQUIRE_SUITES'] !== undefined;
  test('T14 published PKCS#12 files are judged as expected', {
    skip: required ? false : `${FOLDER} is missing`,
  }, () => {
    assert.fail(`no suite in ${FOLDER}`);
  });
} else {
  const [, ...rows] = readFileSync(path.join(FOLDER, 'expected.tsv'), 'utf8').trimEnd().split('\n');
  for (const row of rows) {
    const [file = '', password = '', expected = ''] = row.split('\t');
    test(`T14 the published file ${file} is judged as expected`, () => {
      const result = readPkcs12(readFileSync(path.join(FOLDER, file)), password);
      const outcome = result.ok ? 'ok' : result.code;
      if (expected === 'error') assert.notEqual(outcome, 'ok');
      else assert.ok(expected.split(' or ').includes(outcome), `${outcome} instead of ${expected}`);
    });
  }

  test('S09 a file with the MAC of another is read only because everything in it proves itself', () => {
    const bytes = readFileSync(path.join(FOLDER, 't5793-test.pfx'));
    // Its MacData is that of t5793-openssl.pfx, octet for octet; no reading of the password can make it fit.
    assert.deepEqual(bytes.subarray(-51), readFileSync(path.join(FOLDER, 't5793-openssl.pfx')).subarray(-51));
    assert.ok(readPkcs12(bytes, 'test').ok);
    // one octet in each part: the key (offset 1000) and the certificate (offset 3000)
    for (const offset of [1000, 3000]) {
      const altered = Buffer.from(bytes);
      altered[offset]! ^= 1;
      const result = readPkcs12(altered, 'test');
      assert.equal(result.ok ? 'ok' : result.code, 'wrong-password', `octet ${offset}`);
    }
    const wrong = readPkcs12(bytes, 'another');
    assert.equal(wrong.ok ? 'ok' : wrong.code, 'wrong-password');
  });

  test('T14 a file that gpgsm made with its error in the key derivation is read', () => {
    // The second block of I begins with a zero for this salt and password: OpenSSL and GnuTLS cannot open the key.
    const result = readPkcs12(readFileSync(path.join(FOLDER, 'edward.tester@demo.gnupg.com.p12')), 'abc,123456');
    assert.ok(result.ok);
    assert.equal(result.identities[0]?.certificate.keyLabel, 'brainpoolP256r1');
  });

  test('T14 the certificates of the GnuPG files have the fingerprints that GnuPG lists', () => {
    const passwords = new Map(rows.map((row) => [row.split('\t')[0], row.split('\t')[1] ?? '']));
    const list = readFileSync(path.join(FOLDER, 'gnupg-expected.txt'), 'utf8');
    for (const [, file = '', block = ''] of list.matchAll(/^Name: (.+)\n((?:.+\n)*)/gm)) {
      const wanted = [...block.matchAll(/^Cert: (.+)$/gm)].flatMap((match) => (match[1] ?? '').split(','));
      if (!passwords.has(file) || wanted.length === 0) continue;
      const result = readPkcs12(readFileSync(path.join(FOLDER, file)), passwords.get(file) ?? '');
      if (!result.ok) continue;
      const found = result.certificates.map((certificate) => certificate.sha1);
      for (const fingerprint of wanted) assert.ok(found.includes(fingerprint), `${file}: ${fingerprint}`);
    }
  });
}
