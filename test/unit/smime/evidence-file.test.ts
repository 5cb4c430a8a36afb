import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import {
  type Authority,
  createEvidenceSigner,
  createIssuingAuthority,
  createRootAuthority,
  issuePersonalCertificate,
} from '../../../src/pki/issue.ts';
import { generateKeyPair } from '../../../src/pki/key-pair.ts';
import { type EvidenceSigner, verifyEvidence, writeEvidence } from '../../../src/smime/evidence-file.ts';

const DAY_MS = 86_400_000;
const AT = new Date('2026-11-24T10:30:00Z');
const LIFE = { notBefore: new Date(AT.getTime() - DAY_MS), notAfter: new Date(AT.getTime() + 90 * DAY_MS) };
const CONTENT = { format: 'sealpost evidence 1', letter: { messageId: '<a@b>', words: 'Grüße, „so“' } };

let root: Authority;
let issuing: Authority;
let signer: EvidenceSigner;

const signerOf = ({ certificate, privateKey }: Authority): EvidenceSigner => ({
  certificate,
  privateKey: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }),
  chain: [issuing.certificate, root.certificate],
});

before(async () => {
  root = await createRootAuthority({ name: 'Root', keyAlgorithm: 'P-256', ...LIFE });
  const domains = ['.eu-admin.net'];
  issuing = await createIssuingAuthority({ issuer: root, name: 'Issuing', keyAlgorithm: 'P-256', domains, ...LIFE });
  const options = { issuer: issuing, name: 'Evidence of TACHOnet', keyAlgorithm: 'P-256' as const, ...LIFE };
  signer = signerOf(await createEvidenceSigner(options));
});

const verify = (bytes: Buffer) => verifyEvidence(bytes, { anchors: [root.certificate] });

describe('T24 an evidence file', () => {
  it('T24 is genuine for whoever trusts the root, and holds what was signed', () => {
    const verdict = verify(writeEvidence(CONTENT, signer, AT));
    assert.deepEqual(verdict.reasons, []);
    assert.equal(verdict.valid, true);
    assert.deepEqual(verdict.content?.['letter'], CONTENT.letter);
    assert.deepEqual(verdict.signedAt, AT);
    assert.equal(verdict.path.at(-1)?.sha256, root.certificate.sha256);
  });

  it('T24 is refused after any byte of it was changed, or one was added or taken away', () => {
    const bytes = writeEvidence(CONTENT, signer, AT);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      assert.equal(verify(changed).valid, false, `byte ${at} of ${bytes.length}`);
    }
    assert.equal(verify(Buffer.concat([bytes, Buffer.alloc(1)])).valid, false);
    assert.equal(verify(bytes.subarray(0, -1)).valid, false);
    for (let end = 0; end < bytes.length; end += 13) assert.equal(verify(bytes.subarray(0, end)).valid, false);
  });

  it('T24 is not made by a stranger’s root, by a clerk’s Digital ID, or outside the life of its signer', async () => {
    const bytes = writeEvidence(CONTENT, signer, AT);
    const other = await createRootAuthority({ name: 'Root', keyAlgorithm: 'P-256', ...LIFE });
    assert.deepEqual(verifyEvidence(bytes, { anchors: [other.certificate] }).valid, false);
    assert.deepEqual(verifyEvidence(bytes, { anchors: [] }).valid, false);
    const pair = await generateKeyPair('P-256');
    const certificate = await issuePersonalCertificate({
      ...{ issuer: issuing, name: 'Alain', address: 'alain@tcn.b.eu-admin.net', usage: 'both', policyOid: '2.25.1' },
      ...{ publicKey: pair.publicKey, ...LIFE },
    });
    const forged = verify(writeEvidence(CONTENT, signerOf({ certificate, privateKey: pair.privateKey }), AT));
    assert.deepEqual([forged.valid, forged.reasons], [false, ['not-a-service']]);
    const late = verify(writeEvidence(CONTENT, signer, new Date(AT.getTime() + 100 * DAY_MS)));
    assert.ok(late.reasons.includes('expired'), late.reasons.join());
  });

  it('T24 is no file with another certificate in it, with two signers, or around something else', () => {
    const bytes = writeEvidence(CONTENT, signer, AT);
    const more = writeEvidence(
      { ...CONTENT, certificates: [] },
      { ...signer, chain: [...signer.chain, root.certificate] },
      AT,
    );
    assert.equal(verify(more).valid, false, 'one certificate twice');
    for (const bad of [Buffer.alloc(0), Buffer.from('{}'), bytes.subarray(20), Buffer.from('3003020101', 'hex')])
      assert.deepEqual(verify(bad).reasons, ['malformed']);
  });

  it('T24 can be verified with openssl alone', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-evidence-'));
    fs.writeFileSync(path.join(folder, 'file.p7m'), writeEvidence(CONTENT, signer, AT));
    const pem = `-----BEGIN CERTIFICATE-----\n${root.certificate.der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
    fs.writeFileSync(path.join(folder, 'root.pem'), pem);
    const args = [
      'cms',
      '-verify',
      '-inform',
      'DER',
      '-in',
      'file.p7m',
      '-CAfile',
      'root.pem',
      '-purpose',
      'any',
      '-binary',
      '-attime',
      String(AT.getTime() / 1000),
    ];
    const said = execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    assert.equal(JSON.parse(said.toString('utf8')).letter.words, CONTENT.letter.words);
  });
});
