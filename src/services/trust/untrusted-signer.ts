import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { PathReason } from '../../pki/path.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import { mayBeIssuer } from '../contacts/contact-certificates.ts';
import { readable, readOrNull } from '../contacts/contact-marks.ts';
import type { SignedIn } from '../sessions/session.ts';
import { judgeOne } from './judge-path.ts';
import { trustOf } from './trust-of.ts';

/** A certificate whose issuer may have to be confirmed, with what came along with it. */
export type TrustSubject = { leaf: Certificate; carried: readonly Certificate[] };

/** What the clerk can do about a certificate whose issuer is not trusted (S03, S04, S11). */
export type UntrustedPath = {
  /** Leaf first, as far as it could be built; the root last where there is one */
  chain: Certificate[];
  /** The self-signed top of the path; null where it did not come along and is not on the trust page */
  root: Certificate | null;
  /** The root came with the message or the contact's file */
  rootCame: boolean;
  /** What else is wrong with the path, that confirming the root would not mend */
  otherReasons: PathReason[];
};

/** The signer of a message whose claim is `untrusted`; null where there is nothing that a clerk could settle. */
export function untrustedSignerOf(opened: OpenedMessage): TrustSubject | null {
  if (opened.signature.status !== 'untrusted') return null;
  const signer = opened.signature.signers.find((one) => one.intact && one.status === 'untrusted');
  const leaf = signer?.certificate ? readOrNull(signer.certificate.der) : null;
  return signer && leaf ? { leaf, carried: readable(signer.certificates.map((one) => one.der)) } : null;
}

/** A contact's Digital ID with the chain that came with it. @throws AppError not-found, also for somebody else's */
export async function contactCertificateAsSubject(
  context: Context,
  session: SignedIn,
  id: string,
): Promise<TrustSubject & { contactId: string }> {
  const row = await context.database.prisma.contactCertificate.findFirst({
    where: { id, contact: { accountId: session.account.id } },
  });
  const leaf = row ? readOrNull(row.certificate) : null;
  if (!row || !leaf) throw new AppError('not-found');
  return { leaf, carried: readable(row.chain), contactId: row.contactId };
}

/** The path that trusting its root would complete, from all that is at hand. */
export async function untrustedPathOf(
  context: Context,
  session: SignedIn,
  subject: TrustSubject,
): Promise<UntrustedPath> {
  const { leaf, carried } = subject;
  const [trust, roots] = await Promise.all([
    trustOf(context.database, session.account.id),
    context.database.prisma.trustAnchor.findMany({
      where: {
        OR: [
          { accountId: session.account.id },
          { accountId: null, programmeId: session.account.country.programmeId, state: 'trusted' },
        ],
      },
      select: { certificate: true },
    }),
  ]);
  const chain = [...carried.map((one) => one.der), ...roots.map((row) => row.certificate)];
  // Without anchors the best attempt is the path to a self-signed top.
  const judged = await judgeOne(context, session, { certificate: leaf.der, chain }, { ...trust, anchors: [] });
  const path = judged === null ? [leaf] : readable(judged.path);
  const reasons = judged?.reasons ?? ['too-complex'];
  const top = path.at(-1) ?? leaf;
  // A certificate that signed itself and belongs to a person is no root: it can only be trusted by itself.
  const root = path.length > 1 && top.isSelfIssued && mayBeIssuer(top) ? top : null;
  return {
    chain: [...path],
    root,
    rootCame: root !== null && carried.some((one) => one.sha256 === root.sha256),
    otherReasons: reasons.filter((reason) => reason !== 'issuer-not-trusted' && reason !== 'unknown-issuer'),
  };
}
