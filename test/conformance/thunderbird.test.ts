/** Thunderbird's own S/MIME messages: what security.md says about each must agree with what Thunderbird expects. */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { readCertificates } from '../../src/pki/certificate-bundle.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import type { DecryptionKey } from '../../src/smime/decryption-key.ts';
import { openMessage } from '../../src/smime/open-message.ts';

const root = resolve(import.meta.dirname, '..', '..');
const folder = resolve(root, process.env['SEALPOST_SUITES'] ?? join('..', 'shared', 'suites'), 'thunderbird');
const missing = !existsSync(folder);
if (missing && process.env['SEALPOST_REQUIRE_SUITES'])
  throw new Error(`the suites are required, and ${folder} is missing`);
const AT = new Date('2026-06-01T00:00:00Z');

interface Row {
  file: string;
  encrypted: boolean;
  signed: string;
  good: string;
  nested: boolean;
}

function rows(): Row[] {
  const [, ...lines] = readFileSync(join(folder, 'expected.tsv'), 'latin1').trim().split('\n');
  return lines.map((line) => {
    const [file = '', enc, signed = '', good = '', dave] = line.split('\t');
    return { file, encrypted: enc === 'true', signed, good, nested: dave === '1' };
  });
}

function keysOf(...names: string[]): DecryptionKey[] {
  return names.flatMap((name) => {
    const read = readPkcs12(readFileSync(join(folder, 'smime', `${name}.p12`)), 'nss');
    assert.ok(read.ok, name);
    return read.identities.map(({ certificate, privateKey }) => ({
      certificate,
      privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
    }));
  });
}

// Dave signed once more around Alice's message. Thunderbird calls a clear-signed layer inside another signature bad; here
// every layer that is the single content of the one around it counts, and the one made for the From address speaks.
const NESTED_WEAK = /SHA1/;

describe('Thunderbird', { skip: missing && `${folder} is missing` }, () => {
  if (missing) return;
  const keys = keysOf('Bob', 'Fran', 'Fran-ec');
  const anchors = readCertificates(readFileSync(join(folder, 'smime', 'TestCA.pem')));
  const trust = { anchors, intermediates: [], explicitlyTrusted: [] };

  for (const row of rows()) {
    it(`S07 ${row.file}`, () => {
      const message = openMessage({ bytes: readFileSync(join(folder, 'smime', row.file)), keys, trust, at: AT });
      const { status, reasons } = message.signature;
      const said = `${status} ${reasons.join(' ')}`;
      if (row.nested) {
        const encrypted = row.file.startsWith('alice.env');
        assert.equal(message.encryption.status, encrypted ? 'encrypted' : 'none', said);
        if (encrypted) assert.equal(status, 'none', said);
        else assert.equal(status, NESTED_WEAK.test(row.file) ? 'invalid' : 'trusted', said);
        return;
      }
      const weak = message.encryption.algorithm === '3DES'; // one of the OAEP messages
      assert.equal(message.encryption.status, row.encrypted ? (weak ? 'weak' : 'encrypted') : 'none', said);
      if (row.signed !== '-') assert.equal(status !== 'none', row.signed === 'true', said);
      if (row.signed === 'true') assert.equal(status === 'trusted', row.good === 'true', said);
      assert.ok((message.text ?? message.html ?? '').length > 10);
    });
  }
});
