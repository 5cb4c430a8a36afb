/** OCSP with the openssl command as the responder: it reads our requests, we read its answers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { context, element, objectIdentifier, sequence } from '../../src/pki/der-writer.ts';
import { type OcspResponse, ocspUris, parseOcspResponse, writeOcspRequest } from '../../src/pki/ocsp.ts';
import { validatePath } from '../../src/pki/path.ts';
import {
  basicConstraints,
  extendedKeyUsage,
  type ForgedExtension,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeName,
  generalName,
  keyUsage,
  subjectAltName,
} from '../support/certificate-forge.ts';

const HOUR_MS = 3_600_000;
const LIFE = { notBefore: new Date(Date.now() - 240 * HOUR_MS), notAfter: new Date(Date.now() + 240 * HOUR_MS) };
const ROOT = forgeName('Root');
const rootKey = forgeKey();
const responderKey = forgeKey();
const strangerKey = forgeKey();
const SERIALS = { anna: 0x1001, bert: 0x1002, carl: 0x1003 };

function made(serial: number, name: string, key: ForgedKey, extensions: ForgedExtension[], signer = rootKey) {
  const subject = name === 'Root' ? ROOT : forgeName(name);
  return parseCertificate(
    forgeCertificate({ serial, issuer: ROOT, subject, ...LIFE, spki: key.spki, extensions, signer }),
  );
}

function person(name: keyof typeof SERIALS): Certificate {
  const responder = sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, 'http://ocsp.example/')));
  return made(SERIALS[name], name, forgeKey(), [
    keyUsage(0),
    extendedKeyUsage('1.3.6.1.5.5.7.3.4'),
    subjectAltName(generalName(1, `${name}@partner.example`)),
    { oid: '1.3.6.1.5.5.7.1.1', value: responder },
  ]);
}

const root = made(1, 'Root', rootKey, [basicConstraints(true), keyUsage(5, 6)]);
const responder = made(2, 'Responder', responderKey, [keyUsage(0), extendedKeyUsage('1.3.6.1.5.5.7.3.9')]);
const notResponder = made(3, 'Not a responder', strangerKey, [keyUsage(0), extendedKeyUsage('1.3.6.1.5.5.7.3.4')]);
const people = { anna: person('anna'), bert: person('bert'), carl: person('carl') };

let folder: string;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sp-ocsp-'));
  const date = (at: Date) => `${at.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`;
  const line = (status: string, revoked: string, serial: number, name: string) =>
    `${status}\t${date(LIFE.notAfter)}\t${revoked}\t${serial.toString(16)}\tunknown\t/CN=${name}\n`;
  const revokedAt = `${date(new Date(Date.now() - 48 * HOUR_MS))},keyCompromise`;
  const index = line('V', '', SERIALS.anna, 'anna') + line('R', revokedAt, SERIALS.bert, 'bert');
  write('index.txt', index);
  write('root.pem', toPem([root]));
  for (const [name, key, certificate] of [
    ['root', rootKey, root],
    ['responder', responderKey, responder],
    ['not-responder', strangerKey, notResponder],
  ] as const) {
    write(`${name}.key`, key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
    write(`${name}-signer.pem`, toPem([certificate]));
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Buffer): void {
  writeFileSync(path.join(folder, name), content, { mode: 0o600 });
}

function ask(certificate: Certificate, signer = 'responder', ...options: string[]): OcspResponse {
  write('request.der', writeOcspRequest(certificate, root));
  const answers = [
    '-index',
    'index.txt',
    '-CA',
    'root.pem',
    '-rsigner',
    `${signer}-signer.pem`,
    '-rkey',
    `${signer}.key`,
  ];
  const files = ['-reqin', 'request.der', '-respout', 'response.der'];
  const done = spawnSync('openssl', ['ocsp', ...answers, ...files, '-ndays', '1', ...options], { cwd: folder });
  assert.equal(done.status, 0, done.stderr.toString());
  return parseOcspResponse(readFileSync(path.join(folder, 'response.der')));
}

function judge(leaf: Certificate, response: OcspResponse, at = new Date(), now = new Date()) {
  const revocation = { lists: [], responses: [response], now, required: false };
  return validatePath({ leaf, candidates: [], anchors: [root], at, purpose: 'email', revocation });
}

test('T25 a responder that the authority named says good, revoked or nothing', () => {
  assert.equal(judge(people.anna, ask(people.anna)).revocation.status, 'good');
  const revoked = judge(people.bert, ask(people.bert));
  assert.deepEqual(revoked.reasons, ['revoked']);
  assert.equal(revoked.revocation.reason, 1);
  assert.equal(judge(people.carl, ask(people.carl)).revocation.status, 'unchecked');
});

test('T25 the authority may answer itself, by name or by key', () => {
  assert.equal(judge(people.anna, ask(people.anna, 'root')).revocation.status, 'good');
  assert.equal(judge(people.anna, ask(people.anna, 'root', '-resp_key_id')).revocation.status, 'good');
  assert.equal(judge(people.anna, ask(people.anna, 'responder', '-resp_key_id')).revocation.status, 'good');
});

test('T25 one whom the authority gave a certificate for mail is no responder', () => {
  assert.equal(judge(people.bert, ask(people.bert, 'not-responder')).revocation.status, 'unchecked');
});

test('T25 an answer about another certificate, an altered one and an old one prove nothing', () => {
  const answer = ask(people.anna);
  assert.equal(judge(people.carl, answer).revocation.status, 'unchecked');
  const altered = Buffer.from(answer.der);
  const at = altered.indexOf(createHash('sha1').update(root.key.keyBits).digest());
  assert.ok(at > 0);
  for (const place of [at, altered.indexOf(answer.signature) + answer.signature.length - 1]) {
    const other = Buffer.from(altered);
    other[place] = (other[place] as number) ^ 1;
    assert.equal(judge(people.anna, parseOcspResponse(other)).revocation.status, 'unchecked');
  }
  const later = new Date(Date.now() + 48 * HOUR_MS);
  assert.equal(judge(people.anna, answer, later, later).revocation.status, 'unchecked');
});

test('T25 a mail from before the revocation stays valid', () => {
  const before = new Date(Date.now() - 72 * HOUR_MS);
  assert.deepEqual(judge(people.bert, ask(people.bert), before).reasons, []);
});

test('T25 the responder that a certificate names is read, and errors are no answers', () => {
  assert.deepEqual(ocspUris(people.anna), ['http://ocsp.example/']);
  const tryLater = sequence(element(0x0a, Buffer.from([3])));
  assert.throws(() => parseOcspResponse(tryLater));
  assert.throws(() => parseOcspResponse(sequence(element(0x0a, Buffer.from([0])), context(0))));
});
