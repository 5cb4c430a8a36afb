import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type AuthorityTrial, tryAuthority } from '../../../src/pki/authority-fit.ts';
import { writeAuthorityRequest } from '../../../src/pki/authority-request.ts';
import { type Authority, createIssuingAuthority, createRootAuthority } from '../../../src/pki/issue.ts';
import { generateKeyPair } from '../../../src/pki/key-pair.ts';
import { openssl } from '../../support/openssl.ts';

const DAY_MS = 86_400_000;
const AT = new Date('2026-11-28T06:00:00Z');
const DOMAIN = 'tcn.l.eu-admin.net';
const life = (from: number, to: number) => ({
  notBefore: new Date(AT.getTime() + from * DAY_MS),
  notAfter: new Date(AT.getTime() + to * DAY_MS),
});

let root: Authority;
let issuing: Authority;
const below = (issuer: Authority, over: object = {}) =>
  createIssuingAuthority({
    ...{ issuer, name: 'Issuing', keyAlgorithm: 'P-256', domains: ['.eu-admin.net'], ...life(-1, 100) },
    ...over,
  });
before(async () => {
  root = await createRootAuthority({ name: 'Root', keyAlgorithm: 'P-256', ...life(-1, 1000) });
  issuing = await below(root);
});

const trial = (over: Partial<AuthorityTrial> = {}) =>
  tryAuthority({
    ...{ certificate: issuing.certificate, privateKey: issuing.privateKey, others: [root.certificate] },
    ...{ domains: [DOMAIN], policyOid: '2.25.1', at: AT },
    ...over,
  });
const misfit = async (over: Partial<AuthorityTrial>) => {
  const fit = await trial(over);
  return fit.ok ? null : fit.misfit;
};

test('T12 an issuing CA fits with its key, its path and the programme’s domains', async () => {
  const fit = await trial();
  assert.ok(fit.ok);
  assert.deepEqual(
    fit.chain.map((each) => each.sha256),
    [root.certificate.sha256],
  );
});

test('T12 each thing that does not fit has its own name', async () => {
  const { certificate } = issuing;
  assert.equal(await misfit({ privateKey: root.privateKey }), 'key-differs');
  assert.equal(await misfit({ at: new Date(AT.getTime() + 200 * DAY_MS) }), 'expired');
  assert.equal(await misfit({ at: new Date(AT.getTime() - 9 * DAY_MS) }), 'not-yet-valid');
  assert.equal(await misfit({ others: [] }), 'no-root');
  assert.equal(await misfit({ domains: [DOMAIN, 'mail.elsewhere.example'] }), 'domain-not-allowed');
  const stranger = await createRootAuthority({ name: 'Root', keyAlgorithm: 'P-256', ...life(-1, 1000) });
  assert.equal(await misfit({ others: [stranger.certificate] }), 'no-root', 'of the same name, with another key');
  const deeper = await below(issuing, { name: 'Too deep' });
  const both = [certificate, root.certificate];
  assert.equal(
    await misfit({ certificate: deeper.certificate, privateKey: deeper.privateKey, others: both }),
    'not-authority',
  );
  const plain = await createRootAuthority({ name: 'Root', keyAlgorithm: 'P-256', ...life(-1, 1) });
  const bySelf = { certificate: plain.certificate, privateKey: plain.privateKey, others: [] };
  assert.equal(await misfit(bySelf), 'no-root', 'a root issues to authorities, not to persons');
  const oldRoot = await createRootAuthority({ name: 'Old root', keyAlgorithm: 'P-256', ...life(-9, -1) });
  const outlives = await below(oldRoot);
  const { certificate: late, privateKey: lateKey } = outlives;
  assert.equal(await misfit({ certificate: late, privateKey: lateKey, others: [oldRoot.certificate] }), 'expired');
});

test('T12 OpenSSL reads the request for an issuing CA and finds in it what makes one', async () => {
  for (const algorithm of ['RSA-3072', 'P-256', 'P-384'] as const) {
    const { privateKey } = await generateKeyPair(algorithm);
    const request = writeAuthorityRequest({ privateKey, name: 'TACHOnet ÉC CA', domains: ['.eu-admin.net'] });
    const shown = openssl(
      ['req', '-inform', 'DER', '-in', 'r.der', '-noout', '-verify', '-text', '-nameopt', 'utf8,-esc_msb'],
      { 'r.der': request },
    );
    const text = shown.stdout.toString();
    assert.ok(shown.ok, shown.stderr);
    assert.match(text, /CN ?= ?TACHOnet ÉC CA/);
    assert.match(text, /CA:TRUE, pathlen:0/);
    assert.match(text, /Certificate Sign, CRL Sign/);
    assert.match(text, /email:\.eu-admin\.net/);
  }
});
