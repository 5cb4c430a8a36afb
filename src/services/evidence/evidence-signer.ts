import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type Config, keyOf } from '../../config.ts';
import type { Authority as AuthorityRow, EvidenceSigner as SignerRow } from '../../generated/prisma/client.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { type Authority, createEvidenceSigner, type IssuerLocations } from '../../pki/issue.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import type { EvidenceSigner } from '../../smime/evidence-file.ts';
import { openSealed, sealUnder } from '../../vault/seal.ts';
import type { Database } from '../database/connect.ts';
import { chainOfAuthority } from '../identities/authorities.ts';

const DAY_MS = 24 * 3_600_000;
const BACKDATED_MS = 5 * 60_000;
/** Its key is on every node, so that it shall not be good for long. */
const LIFE_DAYS = 180;
/** Whenever the authority is opened in the last part of its life, the next one is made. */
const RENEWED_AHEAD_DAYS = 120;

type Needs = { database: Database; config: Pick<Config, 'serverKeys'> };
type Issuer = {
  row: Pick<AuthorityRow, 'id' | 'programmeId'>;
  authority: Authority;
  locations: IssuerLocations;
};

/**
 * A signer certified by this authority, whose key is open just now, unless there is one that is good for long enough. The
 * key is sealed under K_srv: whoever holds the database alone has none.
 * @param anyway also where the present one would do
 * @returns whether one was made
 */
export async function renewEvidenceSigner(
  { database, config }: Needs,
  issuer: Issuer,
  at: Date,
  anyway = false,
): Promise<boolean> {
  const { row, authority } = issuer;
  const current = await signerInForce(database, row.programmeId, at);
  const isEnough = current !== null && current.notAfter.getTime() - at.getTime() > RENEWED_AHEAD_DAYS * DAY_MS;
  if (!anyway && isEnough && current.authorityId === row.id) return false;
  const programme = await database.prisma.programme.findUniqueOrThrow({ where: { id: row.programmeId } });
  const signer = await createEvidenceSigner({
    issuer: authority,
    name: `Evidence of ${programme.name}`.slice(0, 64),
    keyAlgorithm: programme.keyAlgorithm as KeyAlgorithm,
    notBefore: new Date(Math.max(at.getTime() - BACKDATED_MS, authority.certificate.notBefore.getTime())),
    notAfter: new Date(Math.min(at.getTime() + LIFE_DAYS * DAY_MS, authority.certificate.notAfter.getTime())),
    ...issuer.locations,
  });
  const { certificate } = signer;
  const { sha256, notBefore, notAfter, serialNumber } = certificate;
  const serverKeyVersion = config.serverKeys.current;
  const sealed = sealKey(config, serverKeyVersion, signer);
  const issued = { authorityId: row.id, certificate: new Uint8Array(certificate.der), sha256, notBefore, notAfter };
  await database.prisma.$transaction([
    database.prisma.evidenceSigner.create({
      data: { ...issued, sealedPrivateKey: new Uint8Array(sealed), serverKeyVersion, createdAt: at },
    }),
    // So that it can be answered for and taken back like all that the authority issued.
    database.prisma.issuedCertificate.create({
      data: { ...issued, address: '', usage: 'evidence', serialNumber, issuedAt: at },
    }),
  ]);
  return true;
}

/** The programme's signer now: the newest within its life that was not taken back. */
export async function signerInForce(database: Database, programmeId: string, at: Date): Promise<SignerRow | null> {
  const signers = await database.prisma.evidenceSigner.findMany({
    where: { authority: { programmeId }, notBefore: { lte: at }, notAfter: { gt: at } },
    orderBy: { createdAt: 'desc' },
  });
  const revoked = await database.prisma.issuedCertificate.findMany({
    where: { sha256: { in: signers.map(({ sha256 }) => sha256) }, revokedAt: { not: null } },
    select: { sha256: true },
  });
  return signers.find(({ sha256 }) => !revoked.some((one) => one.sha256 === sha256)) ?? null;
}

/** The signer in force, ready to sign; null when the programme has none. */
export async function openEvidenceSigner(
  { database, config }: Needs,
  programmeId: string,
  at: Date,
): Promise<EvidenceSigner | null> {
  const row = await signerInForce(database, programmeId, at);
  if (row === null) return null;
  const key = openSealed(keyOf(config.serverKeys, row.serverKeyVersion), row.sealedPrivateKey, sealContext(row.sha256));
  const privateKey = readKey(key);
  const authority = await database.prisma.authority.findUniqueOrThrow({ where: { id: row.authorityId } });
  const chain = [parseCertificate(authority.certificate), ...(await chainOfAuthority(database, authority))];
  return { certificate: parseCertificate(row.certificate), privateKey, chain };
}

/** The key itself is overwritten. */
function sealKey({ serverKeys }: Pick<Config, 'serverKeys'>, version: string, signer: Authority): Buffer {
  try {
    return sealUnder(keyOf(serverKeys, version), signer.privateKey, sealContext(signer.certificate.sha256));
  } finally {
    signer.privateKey.fill(0);
  }
}

/** Its bytes are overwritten. */
function readKey(key: Buffer): KeyObject {
  try {
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } finally {
    key.fill(0);
  }
}

function sealContext(sha256: string): string {
  return `evidence signer ${sha256}`;
}
