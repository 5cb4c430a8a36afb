/** A small hierarchy as a programme has it: a root, an issuing authority for two domains, and Anna in one of them. */

import type { Certificate } from '../../../src/pki/certificate.ts';
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
  const anna = issueTo(issuing, annaKeys, 'anna@fr.eu-admin.example');
  return { root, issuing, annaKeys, anna };
}

export function issueTo(issuer: Authority, keys: KeyPair, address: string, validity = MONTH): Certificate {
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
