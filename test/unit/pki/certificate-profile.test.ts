import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Certificate, parseCertificate } from '../../../src/pki/certificate.ts';
import { toPem } from '../../../src/pki/certificate-bundle.ts';
import {
  type Authority,
  createIssuingAuthority,
  createRootAuthority,
  issuePersonalCertificate,
  type PersonalUsage,
} from '../../../src/pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../../src/pki/key-pair.ts';
import { POLICY_OID, permittedDomain } from '../../../src/services/identities/authorities.ts';
import { issuerLocations } from '../../../src/services/identities/issuer-locations.ts';
import { openssl } from '../../support/openssl.ts';

const DAY_MS = 86_400_000;
const PUBLIC_URL = new URL('https://mail.tcn.example/');
const AT = new Date('2026-11-28T06:00:00Z');
const life = (days: number) => ({ notBefore: AT, notAfter: new Date(AT.getTime() + days * DAY_MS) });

let root: Authority;
let issuing: Authority;
before(async () => {
  root = await createRootAuthority({ name: 'TACHOnet Root CA', keyAlgorithm: 'RSA-3072', ...life(3650) });
  issuing = await createIssuingAuthority({
    issuer: root,
    name: 'TACHOnet EC CA',
    keyAlgorithm: 'RSA-3072',
    domains: [permittedDomain('tcn.{cc}.eu-admin.net')],
    policyOid: POLICY_OID,
    ...issuerLocations(PUBLIC_URL, root.certificate),
    ...life(1825),
  });
});

async function personal(usage: PersonalUsage, algorithm: KeyAlgorithm): Promise<Certificate> {
  const { publicKey } = await generateKeyPair(algorithm);
  return issuePersonalCertificate({
    issuer: issuing,
    name: 'Zoé Müller',
    address: 'Zoe.Muller@tcn.l.eu-admin.net',
    publicKey,
    usage,
    policyOid: POLICY_OID,
    ...issuerLocations(PUBLIC_URL, issuing.certificate),
    ...life(31),
  });
}

/** Everything in a certificate as OpenSSL, which shares no code with this project, spells it. */
function spelled(certificate: Certificate): { head: Record<string, string>; extensions: Record<string, string> } {
  const shown = openssl(['x509', '-in', 'c.pem', '-noout', '-text', '-nameopt', 'RFC2253,utf8,-esc_msb'], {
    'c.pem': toPem([certificate]),
  });
  const text = shown.stdout.toString();
  const field = (name: string) => new RegExp(`${name}:\\s*([^\\n]*)`).exec(text)?.[1]?.trim() ?? '';
  const head = {
    version: field('Version'),
    algorithm: field('Signature Algorithm'),
    issuer: field('Issuer'),
    subject: field('Subject'),
    key: field('Public Key Algorithm'),
  };
  const extensions: Record<string, string> = {};
  const block = text.slice(text.indexOf('X509v3 extensions:'), text.lastIndexOf('Signature Algorithm'));
  for (const part of block.split(/\n {12}(?=\S)/).slice(1)) {
    const [name = '', ...lines] = part.split('\n');
    extensions[name.replace(/:\s*(critical)?\s*$/, (_all, critical) => (critical ? ' !' : ''))] = lines
      .map((line) => line.trim())
      .filter(Boolean)
      .join(' | ');
  }
  return { head, extensions };
}

const hex = (bytes: Buffer | null) => bytes?.toString('hex').toUpperCase().match(/../g)?.join(':') ?? '';
const LISTS = 'X509v3 CRL Distribution Points';
const ACCESS = 'Authority Information Access';

/** The two that hold addresses are asked for what they must contain; the rest is compared letter by letter. */
function assertPlaces(extensions: Record<string, string>, issuer: Certificate): void {
  assert.match(extensions[LISTS] ?? '', new RegExp(`URI:https?://mail\\.tcn\\.example/lists/${issuer.sha256}\\.crl`));
  assert.match(
    extensions[ACCESS] ?? '',
    new RegExp(`CA Issuers - URI:https?://mail\\.tcn\\.example/certificates/${issuer.sha256}\\.cer`),
  );
  // Nobody signs in the place of a root.
  const delegates = !issuer.isSelfIssued;
  assert.equal(/OCSP - URI:http:\/\/mail\.tcn\.example\/ocsp/.test(extensions[ACCESS] ?? ''), delegates);
  assert.equal(extensions[LISTS]?.includes(`lists/${issuer.sha256}-daily.crl`), delegates);
  delete extensions[LISTS];
  delete extensions[ACCESS];
}

test('T12 the root has a critical CA constraint, two key usages, its identifier, and nothing else', () => {
  const { head, extensions } = spelled(root.certificate);
  assert.deepEqual(head, {
    version: '3 (0x2)',
    algorithm: 'sha256WithRSAEncryption',
    issuer: 'CN=TACHOnet Root CA',
    subject: 'CN=TACHOnet Root CA',
    key: 'rsaEncryption',
  });
  assert.deepEqual(extensions, {
    'X509v3 Basic Constraints !': 'CA:TRUE',
    'X509v3 Key Usage !': 'Certificate Sign, CRL Sign',
    'X509v3 Subject Key Identifier': hex(root.certificate.subjectKeyIdentifier),
  });
});

test('T12 the issuing CA may issue to persons only, for mail, and in the domains of the programme', () => {
  const { head, extensions } = spelled(issuing.certificate);
  assert.equal(head.issuer, 'CN=TACHOnet Root CA');
  assertPlaces(extensions, root.certificate);
  assert.deepEqual(extensions, {
    'X509v3 Basic Constraints !': 'CA:TRUE, pathlen:0',
    'X509v3 Key Usage !': 'Certificate Sign, CRL Sign',
    'X509v3 Extended Key Usage': 'E-mail Protection, OCSP Signing',
    'X509v3 Name Constraints !': 'Permitted: | email:.eu-admin.net',
    'X509v3 Certificate Policies': `Policy: ${POLICY_OID}`,
    'X509v3 Subject Key Identifier': hex(issuing.certificate.subjectKeyIdentifier),
    'X509v3 Authority Key Identifier': hex(root.certificate.subjectKeyIdentifier),
  });
});

test('T10 T12 each field of a person’s certificate is as the profile wants it, and there is no other', async () => {
  const usages = {
    'both RSA-3072': 'Digital Signature, Key Encipherment',
    'sign RSA-3072': 'Digital Signature',
    'encrypt RSA-3072': 'Key Encipherment',
    'both P-256': 'Digital Signature, Key Agreement',
    'sign P-256': 'Digital Signature',
    'encrypt P-256': 'Key Agreement',
  };
  for (const [kind, usage] of Object.entries(usages)) {
    const [of, algorithm] = kind.split(' ') as [PersonalUsage, KeyAlgorithm];
    const certificate = await personal(of, algorithm);
    const { head, extensions } = spelled(certificate);
    assert.deepEqual(
      head,
      {
        version: '3 (0x2)',
        algorithm: 'sha256WithRSAEncryption',
        issuer: 'CN=TACHOnet EC CA',
        subject: 'CN=Zoé Müller',
        key: algorithm === 'P-256' ? 'id-ecPublicKey' : 'rsaEncryption',
      },
      kind,
    );
    assertPlaces(extensions, issuing.certificate);
    assert.deepEqual(
      extensions,
      {
        'X509v3 Basic Constraints !': 'CA:FALSE',
        'X509v3 Key Usage !': usage,
        'X509v3 Extended Key Usage': 'E-mail Protection',
        'X509v3 Subject Alternative Name': 'email:Zoe.Muller@tcn.l.eu-admin.net',
        'X509v3 Certificate Policies': `Policy: ${POLICY_OID}`,
        'X509v3 Subject Key Identifier': hex(certificate.subjectKeyIdentifier),
        'X509v3 Authority Key Identifier': hex(issuing.certificate.subjectKeyIdentifier),
      },
      kind,
    );
    assert.equal(certificate.notAfter.getTime() - certificate.notBefore.getTime(), 31 * DAY_MS);
  }
});

test('T10 serial numbers are positive, of 126 random bits, and never the same', async () => {
  const { publicKey } = await generateKeyPair('P-256');
  const common = { issuer: issuing, name: 'A', address: 'A.B@tcn.l.eu-admin.net', publicKey, ...life(1) } as const;
  const made = await Promise.all(
    Array.from({ length: 200 }, () => issuePersonalCertificate({ ...common, usage: 'both', policyOid: POLICY_OID })),
  );
  const serials = made.map((each) => each.serialNumber);
  assert.equal(new Set(serials).size, serials.length);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/);
  for (const bit of Array.from({ length: 126 }, (_, index) => 1n << BigInt(index))) {
    const set = serials.filter((serial) => (BigInt(`0x${serial}`) & bit) !== 0n).length;
    // 200 fair coins: 40 to 160 is more than eight standard deviations from the middle.
    assert.ok(set > 40 && set < 160, `${bit.toString(16)}: ${set}`);
  }
});

test('T12 the path verifies strictly in OpenSSL, and for no domain outside the programme', async () => {
  const outside = await issuePersonalCertificate({
    issuer: issuing,
    name: 'Mallory',
    address: 'mallory@elsewhere.example',
    publicKey: (await generateKeyPair('P-256')).publicKey,
    usage: 'both',
    policyOid: POLICY_OID,
    ...life(31),
  });
  const verify = (certificate: Certificate) =>
    openssl(
      [
        ...['verify', '-x509_strict', '-purpose', 'smimesign', '-attime', String(AT.getTime() / 1000 + 60)],
        ...['-CAfile', 'root.pem', '-untrusted', 'issuing.pem', 'leaf.pem'],
      ],
      {
        'root.pem': toPem([root.certificate]),
        'issuing.pem': toPem([issuing.certificate]),
        'leaf.pem': toPem([certificate]),
      },
    );
  const fine = verify(await personal('both', 'RSA-3072'));
  assert.ok(fine.ok, fine.stderr);
  const refused = verify(outside);
  assert.equal(refused.ok, false);
  assert.match(refused.stderr, /permitted subtree violation/);
  assert.equal(parseCertificate(outside.der).addresses[0], 'mallory@elsewhere.example');
});
