import { startCpuClock } from '../../support/cpu-clock.ts';
import 'reflect-metadata'; // @peculiar/x509 does not load without it

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as x509 from '@peculiar/x509';
import type { Certificate } from '../../../src/pki/certificate.ts';
import { parseCertificate } from '../../../src/pki/certificate.ts';
import { type Authority, createIssuingAuthority, createRootAuthority } from '../../../src/pki/issue.ts';
import { generateKeyPair } from '../../../src/pki/key-pair.ts';
import type { GeneralName } from '../../../src/pki/name.ts';
import { satisfiesNameConstraints } from '../../../src/pki/name-constraints.ts';
import { validatePath } from '../../../src/pki/path.ts';
import { DECADE, type DemoAuthorities, demoAuthorities, issueOdd, issueTo, NOON } from './demo-authorities.ts';

let demo: DemoAuthorities;
before(async () => {
  demo = await demoAuthorities();
});

function judge(leaf: Certificate, options: { anchors?: Certificate[]; candidates?: Certificate[]; at?: Date } = {}) {
  const { anchors = [demo.root.certificate], candidates = [demo.issuing.certificate], at = NOON } = options;
  return validatePath({ leaf, candidates, anchors, at, purpose: 'email' });
}

test('a path from the person to the trust anchor is valid', () => {
  const verdict = judge(demo.anna);
  assert.deepEqual(verdict.reasons, []);
  assert.ok(verdict.valid);
  assert.deepEqual(
    verdict.path.map((one) => one.commonName),
    ['Anna Müller', 'Demo Issuing', 'Demo Root'],
  );
});

test('a missing issuer and an untrusted root are told apart', () => {
  assert.deepEqual(judge(demo.anna, { candidates: [] }).reasons, ['unknown-issuer']);
  const untrusted = judge(demo.anna, { anchors: [], candidates: [demo.issuing.certificate, demo.root.certificate] });
  assert.deepEqual(untrusted.reasons, ['issuer-not-trusted']);
  assert.equal(untrusted.path.at(-1)?.commonName, 'Demo Root');
});

test('an issuing authority may be the trust anchor itself', () => {
  assert.ok(judge(demo.anna, { anchors: [demo.issuing.certificate], candidates: [] }).valid);
});

test('a certificate is valid from its first second through its last', () => {
  assert.ok(judge(demo.anna, { at: demo.anna.notBefore }).valid);
  assert.ok(judge(demo.anna, { at: new Date(demo.anna.notAfter.getTime() + 999) }).valid);
  assert.deepEqual(judge(demo.anna, { at: new Date(demo.anna.notAfter.getTime() + 1000) }).reasons, ['expired']);
  assert.deepEqual(judge(demo.anna, { at: new Date(demo.anna.notBefore.getTime() - 1) }).reasons, ['not-yet-valid']);
});

test('at a time that is none no certificate is valid', () => {
  assert.deepEqual(judge(demo.anna, { at: new Date(Number.NaN) }).reasons, ['not-yet-valid']);
});

test('a constraint on one mailbox cannot be passed by another case of its name', async () => {
  const certificate = await issueTo(demo.issuing, demo.annaKeys, 'Anna@partner.example');
  const mailbox = (text: string): GeneralName[] => [{ kind: 'rfc822Name', text }];
  const judgement = (permitted: GeneralName[], excluded: GeneralName[]) =>
    satisfiesNameConstraints(certificate, { permitted, excluded, unusable: false });
  assert.ok(judgement(mailbox('Anna@partner.example'), mailbox('carl@partner.example')));
  assert.ok(!judgement([], mailbox('anna@partner.example')));
  assert.ok(!judgement(mailbox('anna@partner.example'), []));
});

test('an altered certificate has no path', () => {
  const der = Buffer.from(demo.anna.der);
  der[der.indexOf('anna@')] = 'e'.charCodeAt(0);
  assert.deepEqual(judge(parseCertificate(der)).reasons, ['path-invalid']);
});

test('the issuing authority is bound to the domains of the programme', async () => {
  const address = async (text: string) => judge(await issueTo(demo.issuing, demo.annaKeys, text)).reasons;
  assert.deepEqual(await address('a@partner.example'), []);
  assert.deepEqual(await address('a@PARTNER.example'), []);
  assert.deepEqual(await address('a@x.y.eu-admin.example'), []);
  assert.deepEqual(await address('a@eu-admin.example'), ['path-invalid']); // the dot means hosts below only
  assert.deepEqual(await address('a@sub.partner.example'), ['path-invalid']);
  assert.deepEqual(await address('a@evilpartner.example'), ['path-invalid']);
  assert.deepEqual(await address('a@evileu-admin.example'), ['path-invalid']);
});

test('an authority under pathLen 0 cannot make another', async () => {
  const below = await createIssuingAuthority({
    name: 'Below',
    issuer: demo.issuing,
    keyAlgorithm: 'P-256',
    domains: ['partner.example'],
    ...DECADE,
  });
  const leaf = await issueTo(below, demo.annaKeys, 'a@partner.example');
  const candidates = [demo.issuing.certificate, below.certificate];
  assert.deepEqual(judge(leaf, { candidates }).reasons, ['path-invalid']);
});

test('a person cannot issue', async () => {
  const anna: Authority = { certificate: demo.anna, privateKey: demo.annaKeys.privateKey };
  const leaf = await issueTo(anna, await generateKeyPair('P-256'), 'b@partner.example');
  const verdict = judge(leaf, { candidates: [demo.anna, demo.issuing.certificate] });
  assert.equal(verdict.valid, false);
  assert.ok(verdict.reasons.includes('path-invalid'));
});

test('an unknown critical extension makes the path invalid', async () => {
  const leaf = await issueOdd({
    subject: demo.anna.subjectRaw,
    issuer: demo.root,
    publicKey: demo.annaKeys.publicKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.Extension('1.2.3.4', true, Buffer.from([5, 0])),
    ],
  });
  assert.deepEqual(judge(leaf).reasons, ['path-invalid']);
});

test('authorities that certify each other end the search within its bounds', async () => {
  const authorities = await Promise.all(
    Array.from({ length: 12 }, async (_, i) =>
      createRootAuthority({ name: `CA ${i}`, keyAlgorithm: 'P-256', ...DECADE }),
    ),
  );
  const pairs = authorities.flatMap((issuer) =>
    authorities.flatMap((subject) => (issuer === subject ? [] : [crossCertify(issuer, subject)])),
  );
  const cross = await Promise.all(pairs);
  const leaf = await issueTo(authorities[0]!, demo.annaKeys, 'a@partner.example');
  const spentMs = startCpuClock();
  const verdict = judge(leaf, { candidates: cross });
  assert.equal(verdict.valid, false);
  assert.ok(verdict.reasons.includes('too-complex'));
  assert.ok(spentMs() < 2000);
});

test('a cross certificate leads to the anchor that is trusted', async () => {
  const own = await createRootAuthority({ name: 'Own Root', keyAlgorithm: 'P-256', ...DECADE });
  const cross = await crossCertify(own, demo.root);
  const candidates = [demo.root.certificate, demo.issuing.certificate, cross];
  const verdict = judge(demo.anna, { anchors: [own.certificate], candidates });
  assert.ok(verdict.valid, verdict.reasons.join());
  assert.equal(verdict.path.at(-1)?.commonName, 'Own Root');
});

test('a short key on the path is weak', async () => {
  const { generateKeyPairSync } = await import('node:crypto');
  const pair = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
  assert.deepEqual(judge(await issueTo(demo.issuing, { publicKey, privateKey }, 'a@partner.example')).reasons, [
    'weak-key',
  ]);
});

test('a renewed key pair of a person needs no new path', async () => {
  const keys = await generateKeyPair('P-256');
  assert.ok(judge(await issueTo(demo.issuing, keys, 'a@partner.example')).valid);
});

function crossCertify(issuer: Authority, subject: Authority): Promise<Certificate> {
  const { subjectRaw, key } = subject.certificate;
  const extensions = [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
  ];
  return issueOdd({ subject: subjectRaw, issuer, publicKey: key.spki, extensions });
}
