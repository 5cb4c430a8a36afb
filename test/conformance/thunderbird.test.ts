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

// Dave signed once more around Alice's message, and From is Dave. The twelve of these on which security.md decides otherwise
// than Thunderbird, with our verdict and why; on the twelve others (SHA-1, or Alice's clear signature around a cipher text,
// which OpenSSL finds broken too) both agree.
const OUTSIDE =
  'both signatures lie around the cipher text: a detail of the envelope, no claim about what was encrypted';
const CLEAR_INSIDE =
  'Alice’s clear-signed layer is the single content of Dave’s, whose signature covers all and fits From';
const CLEAR_OUTSIDE = 'Dave’s clear signature covers all that is shown and fits From; Alice’s inside is listed';
const CLEAR_BOTH =
  'each clear-signed layer is the single content of the one around it; Dave’s covers all and fits From';
const DECIDED_OTHERWISE: Record<string, ['trusted' | 'none', string]> = {
  'alice.env.sig.SHA256.opaque.dave.sig.SHA256.opaque.eml': ['none', OUTSIDE],
  'alice.env.sig.SHA384.opaque.dave.sig.SHA384.opaque.eml': ['none', OUTSIDE],
  'alice.env.sig.SHA512.opaque.dave.sig.SHA512.opaque.eml': ['none', OUTSIDE],
  'alice.plain.dsig.SHA256.multipart.dave.sig.SHA256.opaque.eml': ['trusted', CLEAR_INSIDE],
  'alice.plain.dsig.SHA384.multipart.dave.sig.SHA384.opaque.eml': ['trusted', CLEAR_INSIDE],
  'alice.plain.dsig.SHA512.multipart.dave.sig.SHA512.opaque.eml': ['trusted', CLEAR_INSIDE],
  'alice.plain.sig.SHA256.opaque.dave.dsig.SHA256.multipart.eml': ['trusted', CLEAR_OUTSIDE],
  'alice.plain.sig.SHA384.opaque.dave.dsig.SHA384.multipart.eml': ['trusted', CLEAR_OUTSIDE],
  'alice.plain.sig.SHA512.opaque.dave.dsig.SHA512.multipart.eml': ['trusted', CLEAR_OUTSIDE],
  'alice.plain.dsig.SHA256.multipart.dave.dsig.SHA256.multipart.eml': ['trusted', CLEAR_BOTH],
  'alice.plain.dsig.SHA384.multipart.dave.dsig.SHA384.multipart.eml': ['trusted', CLEAR_BOTH],
  'alice.plain.dsig.SHA512.multipart.dave.dsig.SHA512.multipart.eml': ['trusted', CLEAR_BOTH],
};

describe('Thunderbird', { skip: missing && `${folder} is missing` }, () => {
  if (missing) return;
  const keys = keysOf('Bob', 'Fran', 'Fran-ec');
  const anchors = readCertificates(readFileSync(join(folder, 'smime', 'TestCA.pem')));
  const trust = { anchors, intermediates: [], explicitlyTrusted: [] };

  it('S07 all 64 messages of Thunderbird are judged', () => {
    assert.equal(rows().length, 64);
  });

  for (const row of rows()) {
    it(`S07 ${row.file}`, () => {
      const message = openMessage({ bytes: readFileSync(join(folder, 'smime', row.file)), keys, trust, at: AT });
      const { status, reasons } = message.signature;
      const said = `${status} ${reasons.join(' ')}`;
      const decided = DECIDED_OTHERWISE[row.file];
      if (row.nested) {
        const encrypted = row.file.startsWith('alice.env');
        assert.equal(message.encryption.status, encrypted ? 'encrypted' : 'none', said);
        assert.deepEqual(
          message.layers.filter((layer) => layer.kind === 'signed').map((layer) => layer.signers[0]?.addresses[0]),
          ['Dave@example.com', 'Alice@example.com'],
        );
        const expected = decided?.[0] ?? (encrypted ? 'none' : row.good === 'true' ? 'trusted' : 'invalid');
        assert.equal(status, expected, `${said}; ${decided?.[1] ?? 'as Thunderbird'}`);
        // The table holds the differences and nothing else.
        assert.equal((status === 'trusted') !== (row.good === 'true'), decided !== undefined, said);
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
