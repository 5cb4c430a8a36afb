/** What an authority publishes, as OpenSSL and NSS read it: its lists, its answers, and its signer. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import type { RevocationList } from '../../src/pki/crl.ts';
import {
  type Authority,
  createIssuingAuthority,
  createRootAuthority,
  createStatusSigner,
  issuePersonalCertificate,
  statusSignerName,
} from '../../src/pki/issue.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import { type WrittenEntry, writeRevocationList } from '../../src/pki/write-crl.ts';
import { type CertificateStatus, readOcspRequest, writeOcspResponse } from '../../src/pki/write-ocsp.ts';

const HOUR_MS = 3_600_000;
const DAILY = 'http://pki.example/lists/a-daily.crl';
const NOW = Date.now();
const LIFE = { notBefore: new Date(NOW - 24 * HOUR_MS), notAfter: new Date(NOW + 240 * HOUR_MS) };

let folder: string;
let root: Authority;
let issuing: Authority;
let signer: Authority;
let anna: Certificate;
let ben: Certificate;

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sp-lists-'));
  root = await createRootAuthority({ name: 'Root', keyAlgorithm: 'RSA-2048', ...LIFE });
  const domains = ['partner.example'];
  const below = { name: 'Issuing', domains, issuer: root, crlUrl: 'http://pki.example/root.crl' };
  issuing = await createIssuingAuthority({ ...below, keyAlgorithm: 'RSA-2048', ...LIFE });
  signer = await createStatusSigner({ issuer: issuing, keyAlgorithm: 'RSA-2048', ...LIFE });
  [anna, ben] = [await issued('anna'), await issued('ben')];
  const revoked = [entryOf(ben)];
  write('root.pem', toPem([root.certificate]));
  write('issuing.pem', toPem([issuing.certificate]));
  write('below.pem', toPem([issuing.certificate, signer.certificate]));
  write('anna.pem', toPem([anna]));
  write('ben.pem', toPem([ben]));
  const lists = {
    root: list(root, []),
    direct: list(issuing, revoked),
    none: list(issuing, []),
    daily: daily(revoked),
  };
  for (const [name, { der }] of Object.entries(lists)) {
    write(`${name}.crl`, der);
    write(`${name}.crl.pem`, `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function issued(name: string): Promise<Certificate> {
  const { publicKey } = await generateKeyPair('RSA-2048');
  return issuePersonalCertificate({
    ...{ name, address: `${name}@partner.example`, publicKey, usage: 'both', policyOid: '2.25.1', issuer: issuing },
    crlUrl: 'http://pki.example/lists/a.crl',
    indirectCrl: { url: DAILY, signerName: statusSignerName(issuing.certificate) },
    ocspUrl: 'http://pki.example/ocsp',
    ...LIFE,
  });
}

function entryOf(certificate: Certificate): WrittenEntry {
  const revokedAt = new Date(NOW - HOUR_MS);
  const invalidSince = new Date(NOW - 2 * HOUR_MS);
  return { serialNumber: certificate.serialNumber, revokedAt, invalidSince, reason: 'keyCompromise' };
}

const DATES = { number: 300n, thisUpdate: new Date(NOW - 60_000), nextUpdate: new Date(NOW + 24 * HOUR_MS) };

function list({ certificate, privateKey }: Authority, entries: WrittenEntry[]): RevocationList {
  return writeRevocationList({ signer: certificate, privateKey, ...DATES, entries });
}

function daily(entries: WrittenEntry[]): RevocationList {
  const thisUpdate = new Date(NOW - 30_000);
  const indirect = { url: DAILY, issuer: issuing.certificate, signerUrl: 'http://pki.example/certificates/s.cer' };
  return writeRevocationList({
    signer: signer.certificate,
    privateKey: signer.privateKey,
    ...DATES,
    thisUpdate,
    entries,
    indirect,
  });
}

function write(name: string, content: string | Buffer): void {
  writeFileSync(path.join(folder, name), content, { mode: 0o600 });
}

function run(command: string, args: string[], input?: string) {
  const done = spawnSync(command, args, { cwd: folder, encoding: 'utf8', input });
  return { ok: done.status === 0, output: `${done.stdout}${done.stderr}` };
}

const openssl = (...args: string[]) => run('openssl', args);

test('S08 OpenSSL verifies the list and reads its number, reasons and dates', () => {
  const direct = openssl('crl', '-inform', 'DER', '-in', 'direct.crl', '-CAfile', 'issuing.pem', '-text', '-noout');
  assert.match(direct.output, /verify OK/);
  assert.match(direct.output, /X509v3 CRL Number: *\n *300\n/);
  assert.match(direct.output, /Key Compromise/);
  assert.match(direct.output, /Invalidity Date/);
  assert.match(
    openssl('crl', '-inform', 'DER', '-in', 'root.crl', '-CAfile', 'root.pem', '-noout').output,
    /verify OK/,
  );
  const indirect = openssl('crl', '-inform', 'DER', '-in', 'daily.crl', '-text', '-noout');
  assert.match(indirect.output, /X509v3 Issuing Distribution Point: critical/);
  assert.match(indirect.output, /Indirect CRL/);
});

test('S08 OpenSSL believes the lists: strictly, for mail, and for the whole path', () => {
  const verify = (leaf: string, lists: string[], ...how: string[]) =>
    openssl(
      ...['verify', '-x509_strict', '-purpose', 'smimesign', '-CAfile', 'root.pem', '-untrusted', 'below.pem', ...how],
      ...[...lists.flatMap((name) => ['-CRLfile', `${name}.crl.pem`]), leaf],
    ).output;
  const lists = ['root', 'direct'];
  assert.equal(verify('anna.pem', lists, '-crl_check_all'), 'anna.pem: OK\n');
  assert.match(verify('ben.pem', lists, '-crl_check_all'), /certificate revoked/);
  assert.match(verify('anna.pem', ['direct'], '-crl_check_all'), /unable to get certificate CRL/);
  assert.equal(verify('ben.pem', ['root', 'none'], '-crl_check_all'), 'ben.pem: OK\n');
  // The signer is looked up in turn, in the list that the authority signed itself.
  const both = ['root', 'none', 'daily'];
  assert.equal(verify('anna.pem', both, '-crl_check_all', '-extended_crl'), 'anna.pem: OK\n');
  assert.equal(verify('anna.pem', ['daily'], '-crl_check', '-extended_crl'), 'anna.pem: OK\n');
  assert.match(verify('ben.pem', ['daily'], '-crl_check', '-extended_crl'), /certificate revoked/);
});

test('S08 NSS takes the lists in and refuses who is on them', () => {
  const database = ['-d', 'sql:nss', '-f', 'password'];
  write('password', '');
  run('mkdir', ['nss']);
  const add = (name: string, trust: string) =>
    run('certutil', ['-A', ...database, '-n', name, '-t', trust, '-i', `${name}.pem`]);
  assert.ok(run('certutil', ['-N', ...database]).ok);
  for (const [name, trust] of [
    ['root', ',CT,'],
    ['issuing', ',,'],
    ['anna', ',,'],
    ['ben', ',,'],
  ] as const)
    assert.ok(add(name, trust).ok, name);
  const check = (name: string) => run('certutil', ['-V', ...database, '-n', name, '-u', 'S']);
  assert.match(check('ben').output, /certificate is valid/);
  for (const name of ['root', 'direct']) {
    const taken = run('crlutil', ['-I', '-i', `${name}.crl`, ...database]);
    assert.ok(taken.ok, taken.output);
  }
  const shown = run('crlutil', ['-L', '-n', 'issuing', '-d', 'sql:nss']).output;
  assert.match(shown, /CRL Number/i);
  assert.match(check('anna').output, /certificate is valid/);
  assert.match(check('ben').output, /revoked/);
});

test('S08 OpenSSL asks, and believes the answer of the signer', () => {
  const asked = openssl('ocsp', '-issuer', 'issuing.pem', '-cert', 'ben.pem', '-reqout', 'asked.der');
  assert.ok(asked.ok, asked.output);
  const request = readOcspRequest(readFileSync(path.join(folder, 'asked.der')));
  assert.notEqual(request.nonce, null);
  const [about] = request.asked;
  assert.equal(about?.serialNumber, ben.serialNumber);
  const read = (status: CertificateStatus, by = signer, how = ['-no_nonce']) => {
    const answer = {
      ...{ signer: by.certificate, privateKey: by.privateKey, answers: [{ asked: about as { raw: Buffer }, status }] },
      nonce: request.nonce,
      ...{ producedAt: new Date(NOW), thisUpdate: DATES.thisUpdate, nextUpdate: DATES.nextUpdate },
    };
    write('answer.der', writeOcspResponse(answer));
    const files = ['-issuer', 'issuing.pem', '-cert', 'ben.pem', '-reqin', 'asked.der', '-respin', 'answer.der'];
    return openssl('ocsp', ...files, '-CAfile', 'root.pem', '-verify_other', 'issuing.pem', ...how).output;
  };
  const good = read({ status: 'good' });
  assert.match(good, /Response verify OK/);
  assert.match(good, /ben\.pem: good/);
  const revoked = read({ status: 'revoked', revokedAt: new Date(NOW - HOUR_MS), reason: 'superseded' });
  assert.match(revoked, /ben\.pem: revoked[\s\S]*Reason: superseded[\s\S]*Response verify OK/);
  // With a nonce of its own, which is not the one that was asked with, it refuses.
  assert.match(read({ status: 'good' }, signer, []), /Nonce Verify error/);
  const person = { certificate: anna, privateKey: signer.privateKey };
  assert.match(read({ status: 'good' }, person), /Response Verify Failure/i);
});
