import type { Context } from '../../context.ts';
import { addressKey } from '../../mail/address.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import type { Database } from '../database/connect.ts';
import type { SignedIn } from '../sessions/session.ts';

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

/**
 * A program that protects header fields shows protected ones, too: learnt once from a trusted signature of the contact
 * (RFC 9788). Where the clerk has decided, nothing is learnt any more.
 */
export async function noteHeaderProtection(
  context: Pick<Context, 'database'>,
  session: Pick<SignedIn, 'account'>,
  opened: Pick<OpenedMessage, 'from' | 'signature' | 'headersProtected'>,
): Promise<void> {
  const [from] = opened.from;
  if (!from || opened.signature.status !== 'trusted' || !opened.headersProtected) return;
  await context.database.prisma.contact.updateMany({
    where: { accountId: session.account.id, addressKey: addressKey(from.address), showsProtectedSubject: null },
    data: { showsProtectedSubject: true },
  });
}
