/** S11: what the word of the user stands in for, and what not. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, test } from 'node:test';
import { parseCertificate } from '../../../src/pki/certificate.ts';
import { parseRevocationList } from '../../../src/pki/crl.ts';
import { sealMessage } from '../../../src/smime/seal-message.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  crlNumber,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  generalName,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../support/certificate-forge.ts';
import { ENTITY, header, openAs, verdict } from '../../support/crafted-mail.ts';
import { makePeople, type People } from '../../support/smime-people.ts';

const DAY_MS = 86_400_000;
const LIFE = { notBefore: new Date(Date.now() - 30 * DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
const ISSUER = forgeName('Nobody trusts this one');
const issuerKey = forgeKey();
let people: People;
before(() => {
  people = makePeople();
});
after(() => people.remove());

function authority(key = issuerKey, serial = 1) {
  const extensions = [basicConstraints(true), keyUsage(5, 6), subjectKeyIdentifier(Buffer.from('issuer'))];
  const names = { issuer: ISSUER, subject: ISSUER };
  return parseCertificate(forgeCertificate({ serial, ...names, ...LIFE, spki: key.spki, extensions, signer: key }));
}

function list(revoked: number[], signer = issuerKey) {
  const at = new Date(Date.now() - DAY_MS);
  const entries = revoked.map((serial) => ({ serial, at }));
  const dates = { thisUpdate: at, nextUpdate: LIFE.notAfter };
  return parseRevocationList(
    forgeList({ issuer: ISSUER, ...dates, revoked: entries, extensions: [crlNumber(1)], signer }),
  );
}

function evesLetter(lists: ReturnType<typeof list>[], strangers = 0): string {
  const certificate = parseCertificate(
    forgeCertificate({
      serial: 66,
      issuer: ISSUER,
      subject: forgeName('Eve'),
      ...LIFE,
      spki: createPublicKey(people.eve.privateKey).export({ type: 'spki', format: 'der' }),
      extensions: [
        keyUsage(0),
        subjectAltName(generalName(1, 'eve@example.org')),
        authorityKeyIdentifier(Buffer.from('issuer')),
      ],
      signer: issuerKey,
    }),
  );
  const others = Array.from({ length: strangers }, (_, index) => authority(forgeKey(), 10 + index));
  const sign = { certificate, privateKey: people.eve.privateKey, chain: [] };
  const at = new Date();
  const bytes = sealMessage({ mime: ENTITY, headers: Buffer.from(header('eve@example.org')), sign, at });
  const trust = {
    anchors: [],
    intermediates: [...others, authority()],
    explicitlyTrusted: [certificate.sha256],
    revocation: { lists, responses: [], now: at },
  };
  return verdict(openAs(people, bytes, { keys: [], trust, at }));
}

test('S11 explicit trust stands in for the path, also beside lists that name somebody else or that a stranger signed', () => {
  assert.equal(evesLetter([]), 'trusted explicitly-trusted revocation-unchecked');
  assert.equal(evesLetter([list([67])]), 'trusted explicitly-trusted revocation-unchecked');
  assert.equal(evesLetter([list([66], forgeKey())]), 'trusted explicitly-trusted revocation-unchecked');
});

test('S11 explicit trust does not outlive a revocation by the issuer that nobody else trusts', () => {
  assert.match(evesLetter([list([66])]), /^invalid .*revoked/);
});

test('S11 a signer cannot have the revocation overlooked by strangers that are known', () => {
  for (const strangers of [97, 99, 120]) assert.match(evesLetter([list([66])], strangers), /^invalid /, `${strangers}`);
});
