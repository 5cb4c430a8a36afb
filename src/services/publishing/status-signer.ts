import { type Config, keyOf } from '../../config.ts';
import type { Authority as AuthorityRow, StatusSigner } from '../../generated/prisma/client.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { type Authority, createStatusSigner } from '../../pki/issue.ts';
import type { KeyAlgorithm } from '../../pki/key-pair.ts';
import { openSealed, sealUnder } from '../../vault/seal.ts';
import type { Database } from '../database/connect.ts';
import { issuerLocations } from '../identities/issuer-locations.ts';

const DAY_MS = 24 * 3_600_000;
const BACKDATED_MS = 5 * 60_000;
/** Its key is on every node, so that it shall not be good for long. */
const LIFE_DAYS = 90;
/** At a ceremony within its last days the next one is made. */
const RENEWED_AHEAD_DAYS = 60;

const NO_KEY = new Uint8Array();

type Needs = { database: Database; config: Pick<Config, 'publicUrl' | 'serverKeys'>; now: () => Date };

/**
 * A signer for this authority, unless there is one that is good for long enough. Whoever holds the database alone has no key of it: it is
 * sealed under K_srv.
 */
export async function renewStatusSigner(
  { database, config, now }: Needs,
  row: Pick<AuthorityRow, 'id' | 'programmeId'>,
  issuer: Authority,
): Promise<void> {
  const at = now();
  const current = await signerInForce(database, row.id, at);
  if (current !== null && current.notAfter.getTime() - at.getTime() > RENEWED_AHEAD_DAYS * DAY_MS) return;
  const programme = await database.prisma.programme.findUniqueOrThrow({ where: { id: row.programmeId } });
  const end = Math.min(at.getTime() + LIFE_DAYS * DAY_MS, issuer.certificate.notAfter.getTime());
  const start = Math.max(at.getTime() - BACKDATED_MS, issuer.certificate.notBefore.getTime());
  // Asked about itself, its own answer would prove nothing, and neither would its own list.
  const { crlUrl, caIssuersUrl } = issuerLocations(config.publicUrl, issuer.certificate);
  const signer = await createStatusSigner({
    issuer,
    keyAlgorithm: programme.keyAlgorithm as KeyAlgorithm,
    notBefore: new Date(start),
    notAfter: new Date(end),
    ...(crlUrl && { crlUrl }),
    ...(caIssuersUrl && { caIssuersUrl }),
  });
  const { certificate } = signer;
  const version = config.serverKeys.current;
  const sealed = sealKey(config, version, signer);
  const { sha256, notBefore, notAfter, serialNumber } = certificate;
  const der = new Uint8Array(certificate.der);
  const life = { sha256, notBefore, notAfter };
  await database.prisma.$transaction([
    database.prisma.statusSigner.create({
      data: {
        ...{ authorityId: row.id, certificate: der, ...life, createdAt: at },
        ...{ sealedPrivateKey: new Uint8Array(sealed), serverKeyVersion: version },
      },
    }),
    // So that it can be answered for and taken back like all that the authority issued.
    database.prisma.issuedCertificate.create({
      data: {
        authorityId: row.id,
        address: '',
        usage: 'status',
        certificate: der,
        serialNumber,
        ...life,
        issuedAt: at,
      },
    }),
  ]);
}

/** The one that signs now: the newest within its life that was not taken back. */
export async function signerInForce(database: Database, authorityId: string, at: Date): Promise<StatusSigner | null> {
  const signers = await database.prisma.statusSigner.findMany({
    where: { authorityId, notBefore: { lte: at }, notAfter: { gt: at }, NOT: { sealedPrivateKey: NO_KEY } },
    orderBy: { createdAt: 'desc' },
  });
  if (signers.length === 0) return null;
  const revoked = await database.prisma.issuedCertificate.findMany({
    where: { sha256: { in: signers.map(({ sha256 }) => sha256) }, revokedAt: { not: null } },
    select: { sha256: true },
  });
  return signers.find(({ sha256 }) => !revoked.some((one) => one.sha256 === sha256)) ?? null;
}

/** Whether lists can be signed now without a ceremony. */
export async function hasSignerInForce(
  { database, now }: Pick<Needs, 'database' | 'now'>,
  authorityId: string,
): Promise<boolean> {
  return (await signerInForce(database, authorityId, now())) !== null;
}

/** The signer in force with its key, which the caller overwrites; null when there is none. */
export async function openStatusSigner(
  { database, config, now }: Pick<Needs, 'database' | 'now'> & { config: Pick<Config, 'serverKeys'> },
  authorityId: string,
): Promise<Authority | null> {
  const row = await signerInForce(database, authorityId, now());
  if (row === null) return null;
  const key = keyOf(config.serverKeys, row.serverKeyVersion);
  const certificate = parseCertificate(row.certificate);
  const privateKey = openSealed(key, row.sealedPrivateKey, sealContext(row.sha256));
  return { certificate, privateKey };
}

/** The key itself is overwritten. */
function sealKey({ serverKeys }: Pick<Config, 'serverKeys'>, version: string, signer: Authority): Buffer {
  try {
    return sealUnder(keyOf(serverKeys, version), signer.privateKey, sealContext(signer.certificate.sha256));
  } finally {
    signer.privateKey.fill(0);
  }
}

/** Keys that will sign nothing any more, since their certificate ended or was taken back, are of use to thieves only. */
export async function forgetEndedKeys(database: Database, at: Date): Promise<void> {
  await database.pool.query(
    `update status_signer s set sealed_private_key = ''
     where length(sealed_private_key) > 0 and (not_after <= $1 or exists (
       select 1 from issued_certificate i where i.sha256 = s.sha256 and i.revoked_at is not null))`,
    [at],
  );
}

function sealContext(sha256: string): string {
  return `status signer ${sha256}`;
}
