import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { ExplicitTrust } from '../../generated/prisma/client.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { compareThumbprint, type ThumbprintComparison } from '../../pki/thumbprint.ts';
import type { SignedIn } from '../sessions/session.ts';
import { auditRefusal, comparedBy, type ReadOut } from './trust-anchors.ts';
import { recordDecision } from './trust-decisions.ts';

/**
 * Trusts one certificate by itself, not recommended (S11). Also here only the thumbprint that the partner read out
 * decides; what counts afterwards is this certificate for the address in it, as long as it is valid.
 */
export async function trustCertificate(
  context: Context,
  session: SignedIn,
  certificate: Certificate,
  readOut: ReadOut,
): Promise<ThumbprintComparison> {
  const outcome = compareThumbprint(readOut.typed, certificate);
  if (outcome === 'different') await auditRefusal(context, session, certificate.sha256);
  if (outcome !== 'equal') return outcome;
  const at = context.now();
  const accountId = session.account.id;
  const subject = certificate.commonName ?? certificate.addresses[0] ?? certificate.subject;
  await context.database.prisma.explicitTrust.upsert({
    where: { accountId_sha256: { accountId, sha256: certificate.sha256 } },
    update: { trustedAt: at, withdrawnAt: null },
    create: {
      accountId,
      certificate: new Uint8Array(certificate.der),
      subject,
      sha256: certificate.sha256,
      trustedAt: at,
    },
  });
  await recordDecision(context, session, {
    decision: 'certificate-trusted',
    sha256: certificate.sha256,
    subject,
    comparedBy: comparedBy(readOut.typed),
    toldBy: readOut.toldBy,
  });
  return outcome;
}

/** @throws AppError not-found, also for somebody else's */
export async function findExplicitTrust(context: Context, session: SignedIn, id: string): Promise<ExplicitTrust> {
  const found = await context.database.prisma.explicitTrust.findFirst({ where: { id, accountId: session.account.id } });
  if (!found) throw new AppError('not-found');
  return found;
}

export async function withdrawExplicitTrust(context: Context, session: SignedIn, trust: ExplicitTrust): Promise<void> {
  const withdrawn = await context.database.prisma.explicitTrust.updateMany({
    where: { id: trust.id, accountId: session.account.id, withdrawnAt: null },
    data: { withdrawnAt: context.now() },
  });
  if (withdrawn.count === 0) return;
  await recordDecision(context, session, {
    decision: 'certificate-withdrawn',
    sha256: trust.sha256,
    subject: trust.subject,
  });
}

/** When the clerk trusted this certificate by itself, for the ribbon; null where it is not so. */
export async function explicitlyTrustedAt(context: Context, session: SignedIn, sha256: string): Promise<Date | null> {
  const found = await context.database.prisma.explicitTrust.findFirst({
    where: { accountId: session.account.id, sha256, withdrawnAt: null },
    select: { trustedAt: true },
  });
  return found?.trustedAt ?? null;
}
