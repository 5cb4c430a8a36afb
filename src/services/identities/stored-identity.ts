import type { DigitalId, Prisma } from '../../generated/prisma/client.ts';
import type { DigitalIdState } from '../../generated/prisma/enums.ts';
import { type Certificate, canEncrypt, canSign } from '../../pki/certificate.ts';

export type NewDigitalId = {
  certificate: Certificate;
  chain: readonly Certificate[];
  sealedKey: Uint8Array;
  state: Extract<DigitalIdState, 'active' | 'retired'>;
  at: Date;
};

/** The row of a Digital ID, from its certificate. */
export function identityData(accountId: string, { certificate, chain, sealedKey, state, at }: NewDigitalId) {
  return {
    accountId,
    certificate: new Uint8Array(certificate.der),
    chain: chain.map((each) => new Uint8Array(each.der)),
    sealedPrivateKey: new Uint8Array(sealedKey),
    state,
    canSign: canSign(certificate),
    canEncrypt: canEncrypt(certificate),
    addresses: [...certificate.addresses],
    commonName: certificate.commonName ?? certificate.subject,
    issuer: certificate.issuer,
    serialNumber: certificate.serialNumber,
    keyLabel: certificate.keyLabel,
    sha1: certificate.sha1,
    sha256: certificate.sha256,
    notBefore: certificate.notBefore,
    notAfter: certificate.notAfter,
    importedAt: at,
  };
}

type Candidate = Pick<DigitalId, 'id' | 'canSign' | 'canEncrypt' | 'notBefore' | 'notAfter'>;

/** Whether two of one clerk serve the same purpose: in production one of them is in use (T21). */
function overlap(one: Candidate, other: Candidate): boolean {
  return (one.canSign && other.canSign) || (one.canEncrypt && other.canEncrypt);
}

/** Of several, those that can be in use together; for each purpose the one that lasts longest. */
export function disjoint(rows: readonly Candidate[]): Candidate[] {
  const chosen: Candidate[] = [];
  for (const row of [...rows].sort((one, other) => +other.notAfter - +one.notAfter))
    if (!chosen.some((each) => overlap(each, row))) chosen.push(row);
  return chosen;
}

/**
 * Puts stored Digital IDs into use and takes those before them out of it, which are kept for reading (T21). They are as a rule
 * all of one file or request.
 * @param longest take the place only of what does not last longer
 * @returns false when what is in use stays: it lasts longer, or one of its purposes would be served by nothing
 */
export async function putIntoUse(
  tx: Prisma.TransactionClient,
  accountId: string,
  ids: readonly string[],
  { at, longest }: { at: Date; longest: boolean },
): Promise<boolean> {
  await tx.$queryRaw`select 1 from account where id = ${accountId}::uuid for no key update`;
  const all = await tx.digitalId.findMany({
    where: { accountId, OR: [{ state: 'active' }, { id: { in: [...ids] } }] },
  });
  const fresh = all.filter((row) => ids.includes(row.id));
  const before = all.filter((row) => !ids.includes(row.id) && fresh.some((each) => overlap(each, row)));
  const serves = (purpose: 'canSign' | 'canEncrypt') => fresh.some((each) => each[purpose]);
  const until = Math.min(...fresh.map((row) => (row.notBefore > at ? 0 : row.notAfter.getTime())));
  const stays = before.some((row) => {
    if (row.notBefore > at || row.notAfter < at) return false;
    const missed = (row.canSign && !serves('canSign')) || (row.canEncrypt && !serves('canEncrypt'));
    return missed || (longest && row.notAfter.getTime() > until);
  });
  if (stays) return false;
  await tx.digitalId.updateMany({ where: { id: { in: before.map((row) => row.id) } }, data: { state: 'retired' } });
  await tx.digitalId.updateMany({ where: { accountId, id: { in: [...ids] } }, data: { state: 'active' } });
  return true;
}
