import type { Database } from '../database/connect.ts';

/**
 * What the contact's program announced in a valid signature (T29). An older signature, or one that claims to come from
 * the future, changes nothing: a replayed message must not take algorithms away.
 */
export async function noteCapabilities(
  database: Database,
  contactCertificateId: string,
  announced: { capabilities: readonly string[]; signingTime: Date | null },
  at: Date,
): Promise<void> {
  const { signingTime } = announced;
  if (signingTime === null || signingTime > at || announced.capabilities.length === 0) return;
  await database.prisma.contactCertificate.updateMany({
    where: { id: contactCertificateId, OR: [{ capabilitiesAt: null }, { capabilitiesAt: { lt: signingTime } }] },
    data: { capabilities: announced.capabilities.slice(0, 30), capabilitiesAt: signingTime },
  });
}
