import type { RevocationReason } from '../../generated/prisma/client.ts';
import { parseCertificate } from '../../pki/certificate.ts';
import { type EvidenceVerdict, verifyEvidence } from '../../smime/evidence-file.ts';
import type { Database } from '../database/connect.ts';

/**
 * Verifies a file by what this installation knows: the keys that its issuing authorities certified for evidence, and what was taken back.
 * Another key below the same roots, as of somebody who stole an authority's, makes no evidence about mail sent here.
 */
export async function verifyOwnEvidence(database: Database, bytes: Buffer): Promise<EvidenceVerdict> {
  const rows = await database.prisma.authority.findMany({ where: { kind: 'root' } });
  const verdict = verifyEvidence(bytes, { anchors: rows.map((row) => parseCertificate(row.certificate)) });
  const [signer] = verdict.path;
  if (!verdict.valid || signer === undefined || verdict.signedAt === null) return verdict;
  const known = await database.prisma.evidenceSigner.findUnique({
    where: { sha256: signer.sha256 },
    include: { authority: true },
  });
  if (known === null) return { ...verdict, valid: false, reasons: ['not-a-service'] };
  const issued = await database.prisma.issuedCertificate.findUnique({ where: { sha256: signer.sha256 } });
  const { signedAt } = verdict;
  const isRevoked = [issued, known.authority].some((each) => each !== null && countsNoMore(each, signedAt));
  if (isRevoked) return { ...verdict, valid: false, reasons: ['revoked'], revocation: 'revoked' };
  return { ...verdict, revocation: 'good' };
}

type TakenBack = { revokedAt: Date | null; revocationReason: RevocationReason | null; invalidSince?: Date | null };

/** Whoever has a stolen key signs with any time: then none is believed. */
function countsNoMore({ revokedAt, revocationReason, invalidSince }: TakenBack, signedAt: Date): boolean {
  if (revokedAt === null) return false;
  return revocationReason === 'keyCompromise' || signedAt >= revokedAt || (invalidSince ?? revokedAt) <= signedAt;
}
