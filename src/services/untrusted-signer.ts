import type { Context } from '../context.ts';
import type { Certificate } from '../pki/certificate.ts';
import { type PathReason, validatePath } from '../pki/path.ts';
import type { OpenedMessage, SignatureStatus, SignerSummary } from '../smime/verdict.ts';
import { mayBeIssuer } from './contact-certificates.ts';
import { readable, readOrNull } from './contact-marks.ts';
import type { SignedIn } from './session.ts';
import { trustOf } from './trust-of.ts';

/** What the clerk can do about a signature whose issuer is not trusted (S03, S04, S11). */
export type UntrustedSigner =
  | { settled: true; status: SignatureStatus }
  | {
      settled: false;
      leaf: Certificate;
      /** Signer first, as far as it could be built; the root last where there is one */
      chain: Certificate[];
      /** The self-signed top of the path; null where it did not come with the message and is not on the trust page */
      root: Certificate | null;
      /** The root came with this message */
      rootCame: boolean;
      /** What else is wrong with the path, that confirming the root would not mend */
      otherReasons: PathReason[];
    };

/** The signer of an opened message whose claim is `untrusted`, with the path that trusting its root would complete. */
export async function untrustedSignerOf(
  context: Context,
  session: SignedIn,
  opened: OpenedMessage,
): Promise<UntrustedSigner> {
  const { status } = opened.signature;
  const signer = status === 'untrusted' ? untrustedOf(opened) : null;
  const leaf = signer?.certificate ? readOrNull(signer.certificate.der) : null;
  if (!signer || !leaf) return { settled: true, status };
  const carried = readable(signer.certificates.map((one) => one.der));
  const { prisma } = context.database;
  const [trust, roots] = await Promise.all([
    trustOf(context.database, session.account.id),
    prisma.trustAnchor.findMany({
      where: {
        OR: [
          { accountId: session.account.id },
          { accountId: null, programmeId: session.account.country.programmeId, state: 'trusted' },
        ],
      },
      select: { certificate: true },
    }),
  ]);
  const candidates = [...carried, ...readable(trust.intermediates), ...readable(roots.map((row) => row.certificate))];
  // Without anchors the best attempt is the path to a self-signed top.
  const { path, reasons } = validatePath({ leaf, candidates, anchors: [], at: context.now(), purpose: 'email' });
  const top = path.at(-1) ?? leaf;
  // A certificate that signed itself and belongs to a person is no root: it can only be trusted by itself.
  const root = path.length > 1 && top.isSelfIssued && mayBeIssuer(top) ? top : null;
  return {
    settled: false,
    leaf,
    chain: [...path],
    root,
    rootCame: root !== null && carried.some((one) => one.sha256 === root.sha256),
    otherReasons: reasons.filter((reason) => reason !== 'issuer-not-trusted' && reason !== 'unknown-issuer'),
  };
}

function untrustedOf(opened: OpenedMessage): SignerSummary | null {
  return opened.signature.signers.find((signer) => signer.intact && signer.status === 'untrusted') ?? null;
}
