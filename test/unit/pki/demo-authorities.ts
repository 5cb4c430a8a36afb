/** A small hierarchy as a programme has it: a root, an issuing authority for two domains, and Anna in one of them. */
import 'reflect-metadata'; // @peculiar/x509 does not load without it

import { createPrivateKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { type Certificate, parseCertificate } from '../../../src/pki/certificate.ts';
import {
  type Authority,
  createIssuingAuthority,
  createRootAuthority,
  issuePersonalCertificate,
} from '../../../src/pki/issue.ts';
import { generateKeyPair, type KeyPair } from '../../../src/pki/key-pair.ts';

export const NOON = new Date('2026-11-20T12:00:00Z');
export const MONTH = { notBefore: new Date('2026-11-01T00:00:00Z'), notAfter: new Date('2026-12-01T00:00:00Z') };
export const DECADE = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2051-01-01T00:00:00Z') };
export const POLICY = '1.3.6.1.4.1.99999.1';
export const LOCATIONS = { crlUrl: 'http://pki.example/ca.crl', caIssuersUrl: 'http://pki.example/ca.cer' };

export interface DemoAuthorities {
  root: Authority;
  issuing: Authority;
  annaKeys: KeyPair;
  anna: Certificate;
}

export async function demoAuthorities(): Promise<DemoAuthorities> {
  const root = await createRootAuthority({
    name: 'Demo Root',
    organisation: 'Ministère "A"',
    country: 'EU',
    keyAlgorithm: 'P-384',
    ...DECADE,
  });
  const issuing = await createIssuingAuthority({
    name: 'Demo Issuing',
    issuer: root,
    keyAlgorithm: 'P-256',
    domains: ['partner.example', '.eu-admin.example'],
    policyOid: POLICY,
    ...LOCATIONS,
    ...DECADE,
  });
  const annaKeys = await generateKeyPair('RSA-2048');
  const anna = await issueTo(issuing, annaKeys, 'anna@fr.eu-admin.example');
  return { root, issuing, annaKeys, anna };
}

export function issueTo(issuer: Authority, keys: KeyPair, address: string, validity = MONTH): Promise<Certificate> {
  const { publicKey } = keys;
  return issuePersonalCertificate({
    name: 'Anna Müller',
    address,
    issuer,
    publicKey,
    usage: 'both',
    policyOid: POLICY,
    ...LOCATIONS,
    ...validity,
  });
}

export interface OddFields {
  /** Name in DER. */
  subject: Buffer;
  issuer: Authority;
  /** SubjectPublicKeyInfo in DER. */
  publicKey: Buffer;
  extensions: x509.Extension[];
}

/** A certificate outside the profile, signed with the P-256 or P-384 key of `issuer`. */
export async function issueOdd({ subject, issuer, publicKey, extensions }: OddFields): Promise<Certificate> {
  const key = createPrivateKey({ key: issuer.privateKey, format: 'der', type: 'pkcs8' });
  const namedCurve = issuer.certificate.keyLabel;
  const generated = await x509.X509CertificateGenerator.create(
    {
      subject: new x509.Name(subject),
      issuer: new x509.Name(issuer.certificate.subjectRaw),
      publicKey,
      ...DECADE,
      extensions,
      signingKey: key.toCryptoKey({ name: 'ECDSA', namedCurve }, false, ['sign']),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    },
    webcrypto,
  );
  return parseCertificate(Buffer.from(generated.rawData));
}
