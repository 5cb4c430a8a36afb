/** PKCS#12 files of GnuPG, NSS and BoringSSL, as published; see the README of the suites for where they come from. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const FOLDER = path.resolve(ROOT, process.env['SEALPOST_SUITES'] ?? '../shared/suites', 'pkcs12');

// Files this product refuses although others open them, and what it says.
const REFUSED: Record<string, string> = {
  // The MAC fits no reading of the password; gpgsm never checks it. A file that fails its integrity is not imported.
  't5793-test.pfx': 'wrong-password',
  // The key does not decrypt under the password that made the MAC; OpenSSL refuses it too, and the suite allows it.
  'edward.tester@demo.gnupg.com.p12': 'unsupported',
};

if (!existsSync(FOLDER)) {
  const required = process.env['SEALPOST_REQUIRE_SUITES'] !== undefined;
  test('T14 published PKCS#12 files are judged as expected', { skip: required ? false : 'suites are absent' }, () => {
    assert.fail(`no suite in ${FOLDER}`);
  });
} else {
  const [, ...rows] = readFileSync(path.join(FOLDER, 'expected.tsv'), 'utf8').trimEnd().split('\n');
  for (const row of rows) {
    const [file = '', password = '', expected = ''] = row.split('\t');
    test(`T14 the published file ${file} is judged as expected`, () => {
      const result = readPkcs12(readFileSync(path.join(FOLDER, file)), password);
      const outcome = result.ok ? 'ok' : result.code;
      if (REFUSED[file] !== undefined) assert.equal(outcome, REFUSED[file]);
      else if (expected === 'error') assert.notEqual(outcome, 'ok');
      else assert.ok(expected.split(' or ').includes(outcome), `${outcome} instead of ${expected}`);
    });
  }

  test('T14 the certificates of the GnuPG files have the fingerprints that GnuPG lists', () => {
    const passwords = new Map(rows.map((row) => [row.split('\t')[0], row.split('\t')[1] ?? '']));
    const list = readFileSync(path.join(FOLDER, 'gnupg-expected.txt'), 'utf8');
    for (const [, file = '', block = ''] of list.matchAll(/^Name: (.+)\n((?:.+\n)*)/gm)) {
      const wanted = [...block.matchAll(/^Cert: (.+)$/gm)].flatMap((match) => (match[1] ?? '').split(','));
      if (!passwords.has(file) || REFUSED[file] !== undefined || wanted.length === 0) continue;
      const result = readPkcs12(readFileSync(path.join(FOLDER, file)), passwords.get(file) ?? '');
      if (!result.ok) continue;
      const found = result.certificates.map((certificate) => certificate.sha1);
      for (const fingerprint of wanted) assert.ok(found.includes(fingerprint), `${file}: ${fingerprint}`);
    }
  });
}
