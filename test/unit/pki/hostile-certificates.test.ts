/** Certificates made to keep a reader busy: each gets an answer within 2 s of processor time. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { type Certificate, parseCertificate } from '../../../src/pki/certificate.ts';
import { element, integer, sequence } from '../../../src/pki/der-writer.ts';
import { PkiError } from '../../../src/pki/errors.ts';
import { type PathVerdict, validatePath } from '../../../src/pki/path.ts';
import {
  basicConstraints,
  certificatePolicies,
  directoryName,
  extendedKeyUsage,
  type ForgedExtension,
  forgeCertificate,
  forgeKey,
  forgeName,
  generalName,
  keyUsage,
  nameConstraints,
  policyConstraints,
  policyMappings,
  subjectAltName,
} from '../../support/certificate-forge.ts';
import { startCpuClock } from '../../support/cpu-clock.ts';

const AT = new Date('2026-06-15T12:00:00Z');
const LIFE = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') };
const key = forgeKey();
const AUTHORITY = [basicConstraints(true), keyUsage(5, 6)];
const PERSON = [keyUsage(0), extendedKeyUsage('1.3.6.1.5.5.7.3.4')];

function certificate(
  subject: string,
  issuer: string,
  extensions: ForgedExtension[],
  spki = key.spki,
  signer = key,
): Certificate {
  const names = { subject: forgeName(subject), issuer: forgeName(issuer) };
  return parseCertificate(forgeCertificate({ serial: 1, ...names, ...LIFE, spki, extensions, signer }));
}

function judge(leaf: Certificate, candidates: Certificate[], anchor: Certificate): PathVerdict {
  const spentMs = startCpuClock();
  const verdict = validatePath({ leaf, candidates, anchors: [anchor], at: AT, purpose: 'email' });
  assert.ok(spentMs() < 2000, `${spentMs()} ms`);
  return verdict;
}

const mailbox = subjectAltName(generalName(1, 'anna@partner.example'));
const root = certificate('Root', 'Root', AUTHORITY);

test('2,000 authorities that certify each other end as too complex', () => {
  const keys = Array.from({ length: 45 }, forgeKey);
  const cross = keys.flatMap((subjectKey, subject) =>
    keys.flatMap((issuerKey, issuer) => {
      const names = [`CA ${subject}`, `CA ${issuer}`] as const;
      return issuer === subject ? [] : [certificate(...names, AUTHORITY, subjectKey.spki, issuerKey)];
    }),
  );
  const anna = certificate('Anna', 'CA 0', [...PERSON, mailbox], key.spki, keys[0]);
  const verdict = judge(anna, cross, root);
  assert.equal(cross.length, 45 * 44);
  assert.ok(verdict.reasons.includes('too-complex'), verdict.reasons.join());
});

test('2,000 authorities of one name and one key end as too complex or unknown', () => {
  const same = Array.from({ length: 2000 }, (_, index) =>
    certificate('CA', 'CA', [...AUTHORITY, { oid: '1.2.3.4', value: integer(index) }]),
  );
  assert.equal(judge(certificate('Anna', 'CA', [...PERSON, mailbox]), same, root).valid, false);
});

test('policies that would grow into a tree of 30^14 nodes are judged at once', () => {
  const policy = (number: number) => `1.3.6.1.4.1.99999.8.${number}`;
  const all = Array.from({ length: 30 }, (_, number) => policy(number));
  const each = all.flatMap((from) => all.map((to): [string, string] => [from, to]));
  const keys = Array.from({ length: 15 }, forgeKey);
  const authorities = keys.slice(0, 14).map(({ spki }, index) => {
    const signer = index === 13 ? key : (keys[index + 1] as (typeof keys)[number]);
    return parseCertificate(
      forgeCertificate({
        serial: index + 2,
        subject: forgeName(`CA ${index + 1}`),
        issuer: forgeName(index === 13 ? 'Root' : `CA ${index + 2}`),
        ...LIFE,
        spki,
        extensions: [...AUTHORITY, certificatePolicies(...all), policyMappings(...each), policyConstraints(0, null)],
        signer,
      }),
    );
  });
  const leaf = parseCertificate(
    forgeCertificate({
      serial: 1,
      subject: forgeName('Anna'),
      issuer: forgeName('CA 1'),
      ...LIFE,
      spki: key.spki,
      extensions: [...PERSON, mailbox, certificatePolicies(...all)],
      signer: keys[0] as (typeof keys)[number],
    }),
  );
  const verdict = judge(leaf, authorities, root);
  assert.deepEqual(verdict.reasons, []);
  assert.equal(verdict.path.length, 16);
});

test('10,000 name constraints over 5,000 names end as too complex', () => {
  const bases = Array.from({ length: 10_000 }, (_, index) => generalName(1, `${index}.ex`));
  const names = Array.from({ length: 5000 }, (_, index) => generalName(1, `a@${index}.ex`));
  const authority = certificate('CA', 'Root', [...AUTHORITY, nameConstraints(bases, [])], key.spki);
  const verdict = judge(certificate('Anna', 'CA', [...PERSON, subjectAltName(...names)]), [authority], root);
  assert.ok(verdict.reasons.includes('too-complex'), verdict.reasons.join());
});

test('10,000 name constraints over one name are judged', () => {
  const bases = Array.from({ length: 10_000 }, (_, index) => generalName(1, `${index}.ex`));
  const names = [...bases, generalName(1, 'partner.example'), directoryName(forgeName('Anna'))];
  const authority = certificate('CA', 'Root', [...AUTHORITY, nameConstraints(names, [])]);
  assert.deepEqual(judge(certificate('Anna', 'CA', [...PERSON, mailbox]), [authority], root).reasons, []);
});

test('a key of 16,384 bits is never computed with', () => {
  const modulus = Buffer.alloc(2048, 0xff);
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const algorithm = spki.subarray(4, 19);
  const bits = element(0x03, Buffer.from([0]), sequence(integer(modulus), integer(65537)));
  const authority = certificate('CA', 'Root', AUTHORITY, sequence(algorithm, bits));
  assert.equal(authority.keyLabel, 'RSA-16384');
  assert.equal(judge(certificate('Anna', 'CA', [...PERSON, mailbox]), [authority], root).valid, false);
  const anna = certificate('Anna', 'Root', [...PERSON, mailbox], authority.key.spki);
  assert.deepEqual(judge(anna, [], root).reasons, ['weak-key']);
});

test('a serial number of 100,000 octets is carried, not computed with', () => {
  const names = { subject: forgeName('Anna'), issuer: forgeName('Root') };
  const serial = Buffer.alloc(100_000, 0x55);
  const parts = { serial, ...names, ...LIFE, spki: key.spki, extensions: [...PERSON, mailbox], signer: key };
  assert.equal(judge(parseCertificate(forgeCertificate(parts)), [], root).valid, true);
});

test('a length of 1 GB that is not there is malformed', () => {
  const der = Buffer.from('3084400000003084400000000201', 'hex');
  assert.throws(
    () => parseCertificate(der),
    (error) => error instanceof PkiError && error.code === 'malformed',
  );
});
