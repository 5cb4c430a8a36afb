import { type Certificate, parseCertificate } from '../../pki/certificate.ts';
import type { Database } from '../database/connect.ts';
import { authorityPath } from '../identities/authorities.ts';

/** An authority, or one that signs lists in its place, and what is above it, the root last; empty when it is not one of ours. */
export async function publishedPath(database: Database, sha256: string): Promise<Certificate[]> {
  const path = await authorityPath(database, sha256);
  if (path.length > 0) return path;
  const signer = await database.prisma.statusSigner.findUnique({
    where: { sha256 },
    select: { certificate: true, authority: { select: { sha256: true } } },
  });
  if (signer === null) return [];
  return [parseCertificate(signer.certificate), ...(await authorityPath(database, signer.authority.sha256))];
}
