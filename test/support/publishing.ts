import type { Account } from '../../src/generated/prisma/client.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair, type KeyPair } from '../../src/pki/key-pair.ts';
import { createAuthorities, openAuthority, POLICY_OID } from '../../src/services/identities/authorities.ts';
import { issuerLocations } from '../../src/services/identities/issuer-locations.ts';
import { signDirectList } from '../../src/services/publishing/publish-lists.ts';
import type { TestApp } from './app.ts';

export const CA_PASSPHRASE = 'four plain words here';
const DAY_MS = 24 * 3_600_000;

/** The programme's two authorities; their lists are not signed yet. */
export async function makeAuthorities(world: TestApp): Promise<{ root: Certificate; issuing: Certificate }> {
  const programme = await world.database.prisma.programme.update({
    where: { code: 'tcn' },
    data: { keyAlgorithm: 'P-256' },
  });
  const wanted = { passphrase: CA_PASSPHRASE, keyAlgorithm: 'P-256' as const };
  return createAuthorities(world.database, programme, wanted, world.context.now());
}

async function open(world: TestApp, sha256: string) {
  const row = await world.database.prisma.authority.findUniqueOrThrow({ where: { sha256 } });
  const authority = await openAuthority(row, CA_PASSPHRASE);
  if (authority === null) throw new Error('wrong passphrase');
  return { row, authority };
}

/** The ceremony, without its page. */
export async function signLists(world: TestApp, ...authorities: readonly Certificate[]): Promise<void> {
  for (const { sha256 } of authorities) {
    const { row, authority } = await open(world, sha256);
    await signDirectList(world.context, row, authority);
  }
}

export type IssuedHere = { id: string; certificate: Certificate; keys: KeyPair };

/** A Digital ID as it is issued here, which names where its lists are. */
export async function issueHere(
  world: TestApp,
  issuing: Certificate,
  account: Account,
  { days = 30 } = {},
): Promise<IssuedHere> {
  const { row, authority } = await open(world, issuing.sha256);
  const at = world.context.now();
  const keys = await generateKeyPair('P-256');
  const certificate = await issuePersonalCertificate({
    ...{ issuer: authority, name: `${account.firstName} ${account.surname}`, address: account.address },
    ...{ publicKey: keys.publicKey, usage: 'both', policyOid: POLICY_OID },
    ...{ notBefore: new Date(at.getTime() - 300_000), notAfter: new Date(at.getTime() + days * DAY_MS) },
    ...issuerLocations(world.config.publicUrl, issuing),
  });
  const { sha256, serialNumber, notBefore, notAfter } = certificate;
  const issued = await world.database.prisma.issuedCertificate.create({
    data: {
      ...{ authorityId: row.id, accountId: account.id, address: account.address, usage: 'both', issuedAt: at },
      ...{ certificate: new Uint8Array(certificate.der), sha256, serialNumber, notBefore, notAfter },
    },
  });
  return { id: issued.id, certificate, keys };
}
