import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import type { Certificate } from '../../src/pki/certificate.ts';
import {
  type Authority,
  createRootAuthority,
  issuePersonalCertificate,
  type PersonalUsage,
} from '../../src/pki/issue.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import type { Database } from '../../src/services/database/connect.ts';
import { openAuthority, POLICY_OID } from '../../src/services/identities/authorities.ts';
import type { ClientTls } from './certificate-fetch.ts';

const DAY_MS = 86_400_000;

export type WantedCertificate = {
  address: string;
  usage?: PersonalUsage;
  notBefore?: Date;
  notAfter?: Date;
  /** `other`: one of the same name that nobody knows */
  authority?: 'programme' | 'other';
};

/** Valid since yesterday and until tomorrow. */
function lifeOf({ notBefore, notAfter }: WantedCertificate) {
  const now = Date.now();
  return { notBefore: notBefore ?? new Date(now - DAY_MS), notAfter: notAfter ?? new Date(now + DAY_MS) };
}

/** A certificate that no page of the product would issue: expired, for somebody else, by a stranger. */
export async function issueForTest(
  database: Database,
  passphrase: string,
  tls: ClientTls,
  wanted: WantedCertificate,
): Promise<ClientTls> {
  const row = await database.prisma.authority.findFirstOrThrow({ where: { kind: 'issuing' } });
  const issuer =
    wanted.authority === 'other'
      ? await createRootAuthority({ name: 'TACHOnet EC CA', keyAlgorithm: 'P-256', ...lifeOf({ address: '' }) })
      : await openAuthority(row, passphrase);
  assert.ok(issuer);
  return (await certify(issuer, tls, wanted)).tls;
}

export async function certify(
  issuer: Authority,
  tls: ClientTls,
  wanted: WantedCertificate,
): Promise<{ certificate: Certificate; tls: ClientTls }> {
  const { address, usage = 'sign' } = wanted;
  const pair = await generateKeyPair(usage === 'encrypt' ? 'RSA-2048' : 'P-256');
  const { publicKey } = pair;
  const options = { issuer, name: 'Somebody', address, publicKey, usage, policyOid: POLICY_OID, ...lifeOf(wanted) };
  const certificate = await issuePersonalCertificate(options);
  const key = createPrivateKey({ key: pair.privateKey, format: 'der', type: 'pkcs8' });
  return {
    certificate,
    tls: { ...tls, cert: pemOf(certificate.der), key: key.export({ format: 'pem', type: 'pkcs8' }).toString() },
  };
}

export function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}
