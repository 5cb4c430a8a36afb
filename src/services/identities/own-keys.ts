import type { Account, DigitalId } from '../../generated/prisma/client.ts';
import type { SealedKey } from '../../smime/worker-jobs.ts';
import type { Database } from '../database/connect.ts';
import { privateKeyContext } from '../sessions/vault.ts';

export type { SealedKey } from '../../smime/worker-jobs.ts';

/** Every key the user ever had and has still: mail may be encrypted to a retired or revoked one (T26). Newest first. */
export async function sealedKeysOf(database: Database, accountId: string): Promise<SealedKey[]> {
  const rows = await database.prisma.digitalId.findMany({
    where: { accountId, lostVaultId: null },
    orderBy: [{ notAfter: 'desc' }, { importedAt: 'desc' }],
    select: { certificate: true, sealedPrivateKey: true, sha256: true },
  });
  return rows.map((row) => ({
    sealedKey: row.sealedPrivateKey,
    certificateDer: row.certificate,
    context: privateKeyContext(accountId, row.sha256),
  }));
}

/** The one key of this row, for a worker job. */
export function sealedKeyOf(
  row: Pick<DigitalId, 'accountId' | 'sealedPrivateKey' | 'certificate' | 'sha256'>,
): SealedKey {
  return {
    sealedKey: row.sealedPrivateKey,
    certificateDer: row.certificate,
    context: privateKeyContext(row.accountId, row.sha256),
  };
}

type Chooser = Pick<Account, 'id' | 'address' | 'signingIdentityId' | 'encryptionIdentityId'>;

/** What the account signs with: the chosen one while it is usable, else the first usable one of the list (S09). */
export async function signingIdentity(database: Database, account: Chooser, at: Date): Promise<DigitalId | null> {
  const usable = (await identitiesOf(database, account.id)).filter((row) => isUsable(row, account.address, 'sign', at));
  return usable.find((row) => row.id === account.signingIdentityId) ?? usable[0] ?? null;
}

/** What mail to the account itself (the copy in Sent) is encrypted to; chosen as for signing. */
export async function encryptionIdentity(database: Database, account: Chooser, at: Date): Promise<DigitalId | null> {
  const usable = (await identitiesOf(database, account.id)).filter((row) =>
    isUsable(row, account.address, 'encrypt', at),
  );
  return usable.find((row) => row.id === account.encryptionIdentityId) ?? usable[0] ?? null;
}

/** All Digital IDs in the order of the list: usable ones first, then by the end of their life, the latest first. */
export async function identitiesOf(database: Database, accountId: string): Promise<DigitalId[]> {
  return database.prisma.digitalId.findMany({
    where: { accountId },
    orderBy: [{ state: 'asc' }, { notAfter: 'desc' }, { importedAt: 'desc' }, { id: 'asc' }],
  });
}

/** Active, within its life, made for the purpose, and for exactly this address; case does not count (T02). */
export function isUsable(row: DigitalId, address: string, purpose: 'sign' | 'encrypt', at: Date): boolean {
  if (row.state !== 'active' || row.notBefore > at || row.notAfter < at) return false;
  return (purpose === 'sign' ? row.canSign : row.canEncrypt) && hasAddress(row.addresses, address);
}

/** Whether one of a certificate's addresses is this one. */
export function hasAddress(addresses: readonly string[], address: string): boolean {
  return addresses.some((each) => each.toLowerCase() === address.toLowerCase());
}
