import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import { type EvidenceVerdict, verifyEvidence } from '../../smime/evidence-file.ts';
import type { Database } from '../database/connect.ts';

/** Verifies a file by what this installation knows: the roots of its programmes, and what their authorities took back. */
export async function verifyOwnEvidence(database: Database, bytes: Buffer): Promise<EvidenceVerdict> {
  const rows = await database.prisma.authority.findMany({ where: { kind: 'root' } });
  const verdict = verifyEvidence(bytes, { anchors: rows.map((row) => parseCertificate(row.certificate)) });
  const [signer] = verdict.path;
  if (!verdict.valid || signer === undefined || verdict.signedAt === null) return verdict;
  const revokedAt = await revocationOf(database, signer);
  if (revokedAt === null) return { ...verdict, revocation: 'good' };
  if (revokedAt > verdict.signedAt) return { ...verdict, revocation: 'good' };
  return { ...verdict, valid: false, reasons: ['revoked'], revocation: 'revoked' };
}

/** Since when it counts as taken back. A certificate that nobody here issued was not: its path ended at our root. */
async function revocationOf(database: Database, { sha256 }: Certificate): Promise<Date | null> {
  const issued = await database.prisma.issuedCertificate.findUnique({ where: { sha256 }, select: { revokedAt: true } });
  return issued?.revokedAt ?? null;
}
