import type { TrustAnchor } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';

/** What one account believes, as DER for the worker: `anchors` end a path, `intermediates` only help to build one. */
export type TrustMaterial = {
  anchors: Uint8Array[];
  intermediates: Uint8Array[];
  /** SHA-256 in lower-case hex of certificates that were trusted one by one (S11) */
  explicitlyTrusted: string[];
  /** Anchors, by SHA-256, that were confirmed for the mail of one domain only */
  anchorDomains: Map<string, readonly string[]>;
};

/** More would cost path building more than it helps; the newest count. */
const MAX_INTERMEDIATES = 500;

/**
 * Anchors that this clerk accepted or confirmed and did not withdraw. A programme's root counts once the clerk accepted
 * it, and only as long as the programme still stands behind it (T13).
 */
export async function trustOf(database: Database, accountId: string): Promise<TrustMaterial> {
  const [own, explicit, intermediates] = await Promise.all([
    acceptedAnchors(database, accountId),
    database.prisma.explicitTrust.findMany({ where: { accountId, withdrawnAt: null }, select: { sha256: true } }),
    intermediatesOf(database, accountId),
  ]);
  return {
    anchors: own.map((row) => row.certificate),
    intermediates,
    explicitlyTrusted: explicit.map((row) => row.sha256),
    anchorDomains: new Map(own.flatMap((row) => (row.onlyDomain === null ? [] : [[row.sha256, [row.onlyDomain]]]))),
  };
}

/** What the programme stands behind, whatever the clerk decided: for whoever asks on the programme's behalf. */
export async function programmeTrust(
  database: Database,
  programmeId: string,
  accountId: string,
): Promise<TrustMaterial> {
  const [anchors, intermediates] = await Promise.all([
    database.prisma.trustAnchor.findMany({ where: { accountId: null, programmeId, state: 'trusted' } }),
    intermediatesOf(database, accountId),
  ]);
  return {
    anchors: anchors.map((row) => row.certificate),
    intermediates,
    explicitlyTrusted: [],
    anchorDomains: new Map(anchors.flatMap((row) => (row.onlyDomain === null ? [] : [[row.sha256, [row.onlyDomain]]]))),
  };
}

async function acceptedAnchors(database: Database, accountId: string): Promise<TrustAnchor[]> {
  const rows = await database.prisma.trustAnchor.findMany({
    where: { accountId, state: 'trusted' },
    orderBy: { decidedAt: 'asc' },
  });
  const programmes = rows.flatMap((row) => (row.programmeId === null ? [] : [row.programmeId]));
  if (programmes.length === 0) return rows;
  const standing = await database.prisma.trustAnchor.findMany({
    where: { accountId: null, programmeId: { in: programmes }, state: 'trusted' },
    select: { programmeId: true, sha256: true },
  });
  const stands = new Set(standing.map((row) => `${row.programmeId} ${row.sha256}`));
  return rows.filter((row) => row.programmeId === null || stands.has(`${row.programmeId} ${row.sha256}`));
}

/** Chains that came with own Digital IDs and with contacts, and of the account's programme the issuing authorities and who signs lists for them. */
async function intermediatesOf(database: Database, accountId: string): Promise<Uint8Array[]> {
  const ofProgramme = { programme: { countries: { some: { accounts: { some: { id: accountId } } } } } };
  const [identities, contacts, authorities, signers] = await Promise.all([
    database.prisma.digitalId.findMany({
      where: { accountId },
      select: { chain: true },
      orderBy: { importedAt: 'desc' },
    }),
    database.prisma.contactCertificate.findMany({
      where: { contact: { accountId } },
      select: { chain: true },
      orderBy: { addedAt: 'desc' },
    }),
    database.prisma.authority.findMany({
      where: { kind: 'issuing', ...ofProgramme },
      select: { certificate: true },
    }),
    database.prisma.statusSigner.findMany({
      where: { authority: ofProgramme },
      select: { certificate: true },
      orderBy: { createdAt: 'desc' },
    }),
  ]);
  const all = [
    ...[...authorities, ...signers].map((row) => row.certificate),
    ...[...identities, ...contacts].flatMap((row) => row.chain),
  ];
  const distinct = new Map(all.map((der) => [Buffer.from(der).toString('latin1'), der]));
  return [...distinct.values()].slice(0, MAX_INTERMEDIATES);
}
