/** What one verified signature is worth to this reader: path, explicit trust, address and date (security.md). */
import { type Mailbox, sameAddress } from '../mime/addresses.ts';
import { type Certificate, canSign } from '../pki/certificate.ts';
import { validatePath } from '../pki/path.ts';
import { checkPath } from '../pki/path-checks.ts';
import { summariseCertificate } from './certificate-match.ts';
import { preferredCertificate } from './signed-attributes.ts';
import type { Reason, SignerSummary } from './verdict.ts';
import type { SignatureCheck } from './verify-signature.ts';

/** What the reader believes. */
export interface Trust {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** SHA-256 of certificates trusted one by one (row S11), lower-case hex. */
  readonly explicitlyTrusted: readonly string[];
}

/** The header fields a signature is measured against. */
export interface SenderFacts {
  readonly from: readonly Mailbox[];
  /** Exactly one From field with exactly one address. */
  readonly single: boolean;
  readonly date: Date | null;
  /** The From inside where it names somebody else (RFC 9788 section 4.4): no certificate fits two senders. */
  readonly protectedFrom: readonly Mailbox[] | null;
}

export interface AssessedSigner {
  readonly summary: SignerSummary;
  readonly check: SignatureCheck;
  /** Of the path alone. */
  readonly pathReasons: readonly Reason[];
}

const HOUR_MS = 3_600_000;
const UNTRUSTED: ReadonlySet<Reason> = new Set(['unknown-issuer', 'issuer-not-trusted']);
const MISMATCH: ReadonlySet<Reason> = new Set(['address-mismatch', 'several-from', 'date-differs', 'several-signers']);
const INFORMATIONAL: ReadonlySet<Reason> = new Set(['explicitly-trusted', 'revocation-unchecked', 'signed-part-only']);

/** The status that reasons add up to: the worst of them. */
export function statusOf(reasons: readonly Reason[]): SignerSummary['status'] {
  const weighty = reasons.filter((reason) => !INFORMATIONAL.has(reason));
  if (weighty.some((reason) => !UNTRUSTED.has(reason) && !MISMATCH.has(reason))) return 'invalid';
  if (weighty.some((reason) => UNTRUSTED.has(reason))) return 'untrusted';
  return weighty.length > 0 ? 'mismatch' : 'trusted';
}

export function assessSigner(
  check: SignatureCheck,
  carried: readonly Certificate[],
  sender: SenderFacts,
  trust: Trust,
  at: Date,
  legacyAlgorithms: boolean,
): AssessedSigner {
  const { certificate } = check;
  const pathVerdict =
    certificate === null || !check.intact
      ? { reasons: [] as Reason[], path: certificate === null ? [] : [certificate] }
      : assessPath(certificate, carried, trust, at, legacyAlgorithms);
  const reasons = [...check.reasons, ...pathVerdict.reasons, ...fitReasons(check, sender)];
  const preferred = preferredCertificate(check.attributes?.encryptionPreference ?? null, carried);
  return {
    check,
    pathReasons: pathVerdict.reasons,
    summary: {
      name: certificate?.commonName ?? null,
      addresses: certificate?.addresses ?? [],
      issuer: certificate?.issuer ?? '',
      sha256: certificate?.sha256 ?? '',
      signingTime: check.attributes?.signingTime ?? null,
      digest: check.digest,
      algorithm: check.algorithm,
      keyLabel: certificate?.keyLabel ?? '',
      intact: check.intact,
      status: statusOf(reasons),
      reasons,
      certificate: certificate === null ? null : summariseCertificate(certificate),
      path: pathVerdict.path.map(summariseCertificate),
      certificates: carried.map(summariseCertificate),
      capabilities: check.intact ? (check.attributes?.capabilities ?? []) : [],
      encryptionCertificate: check.intact ? (preferred?.sha256 ?? null) : null,
    },
  };
}

function assessPath(
  leaf: Certificate,
  carried: readonly Certificate[],
  trust: Trust,
  at: Date,
  legacyAlgorithms: boolean,
): { reasons: Reason[]; path: readonly Certificate[] } {
  const candidates = [...carried, ...trust.intermediates];
  const verdict = validatePath({ leaf, candidates, anchors: trust.anchors, at, purpose: 'email', legacyAlgorithms });
  const usage: Reason[] = canSign(leaf) ? [] : ['wrong-purpose'];
  const pathReasons: readonly Reason[] = verdict.reasons;
  if (pathReasons.length > 0 && trust.explicitlyTrusted.includes(leaf.sha256)) {
    // The user's word stands in for the path, not for what the certificate says about itself.
    const own = checkPath([leaf], { at, purpose: 'email', legacyAlgorithms }).map(({ reason }) => reason);
    return {
      reasons: [...new Set([...usage, ...own]), 'explicitly-trusted', 'revocation-unchecked'],
      path: [leaf],
    };
  }
  const reasons = [...new Set([...usage, ...pathReasons])];
  return { reasons: reasons.length === 0 ? ['revocation-unchecked'] : reasons, path: verdict.path };
}

function fitReasons(check: SignatureCheck, sender: SenderFacts): Reason[] {
  if (!check.intact || check.certificate === null) return [];
  const reasons: Reason[] = [];
  if (!sender.single) reasons.push('several-from');
  if (!fitsSender(check, sender)) reasons.push('address-mismatch');
  if (timesDiffer(check, sender)) reasons.push('date-differs');
  return reasons;
}

/** Whether the certificate has the address of the From field, inside and outside. */
export function fitsSender(check: SignatureCheck, sender: SenderFacts): boolean {
  if (sender.protectedFrom !== null) return false;
  return hasAddressOf(check, sender.from);
}

export function hasAddressOf(check: SignatureCheck, from: readonly Mailbox[]): boolean {
  const address = from[0]?.address ?? '';
  return check.certificate?.addresses.some((own) => sameAddress(own, address)) ?? false;
}

export function timesDiffer(check: SignatureCheck, sender: SenderFacts): boolean {
  const signed = check.attributes?.signingTime ?? null;
  if (signed === null || sender.date === null) return false;
  return Math.abs(signed.getTime() - sender.date.getTime()) > HOUR_MS;
}
