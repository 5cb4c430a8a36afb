/** What one verified signature is worth to this reader: path, explicit trust, address and date (security.md). */
import { type Mailbox, sameAddress } from '../mime/addresses.ts';
import { type Certificate, canSign } from '../pki/certificate.ts';
import { heedingIssuer, type PathFault, type PathQuestion, type PathVerdict, validatePath } from '../pki/path.ts';
import { checkPath } from '../pki/path-checks.ts';
import { type RevocationEvidence, UNCHECKED } from '../pki/revocation.ts';
import { summariseCertificate } from './certificate-match.ts';
import { preferredCertificate } from './signed-attributes.ts';
import type { PathFaultSummary, Reason, RevocationSummary, SignerSummary } from './verdict.ts';
import type { SignatureCheck } from './verify-signature.ts';

/** What the reader believes. */
export interface Trust {
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** SHA-256 of certificates trusted one by one (row S11), lower-case hex. */
  readonly explicitlyTrusted: readonly string[];
  /** Anchors, by SHA-256, that are believed for mail addresses of these domains only. */
  readonly anchorDomains?: ReadonlyMap<string, readonly string[]>;
  /** Lists and responses at hand; without any, nothing is known about revocation. */
  readonly revocation?: RevocationEvidence;
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
      ? { ...NO_PATH, path: certificate === null ? [] : [certificate] }
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
      pathFaults: pathVerdict.faults,
      revocation: pathVerdict.revocation,
      certificates: carried.map(summariseCertificate),
      capabilities: check.intact ? (check.attributes?.capabilities ?? []) : [],
      encryptionCertificate: check.intact ? (preferred?.sha256 ?? null) : null,
      receiptRequest: receiptRequestOf(check),
    },
  };
}

function receiptRequestOf({ receipt, attributes }: SignatureCheck): SignerSummary['receiptRequest'] {
  const request = attributes?.receiptRequest ?? null;
  return receipt === null || request === null ? null : { ...receipt, to: request.to, readers: request.readers };
}

const NO_PATH = { reasons: [] as Reason[], faults: [], revocation: UNCHECKED };

interface AssessedPath {
  readonly reasons: readonly Reason[];
  readonly faults: readonly PathFaultSummary[];
  readonly path: readonly Certificate[];
  readonly revocation: RevocationSummary;
}

function assessPath(
  leaf: Certificate,
  carried: readonly Certificate[],
  trust: Trust,
  at: Date,
  legacyAlgorithms: boolean,
): AssessedPath {
  const question: PathQuestion = {
    leaf,
    candidates: [...carried, ...trust.intermediates],
    anchors: trust.anchors,
    anchorDomains: trust.anchorDomains,
    at,
    purpose: 'email',
    legacyAlgorithms,
    revocation: trust.revocation && { ...trust.revocation, required: false },
  };
  const found = validatePath(question);
  const verdict = trust.explicitlyTrusted.includes(leaf.sha256) ? heedingIssuer(question, found) : found;
  const usage: Reason[] = canSign(leaf) ? [] : ['wrong-purpose'];
  const { index: _, ...revocation } = verdict.revocation;
  const { status } = revocation;
  const unchecked: Reason[] = status === 'unchecked' ? ['revocation-unchecked'] : [];
  if (isExplicit(verdict, leaf, trust)) {
    // The user's word stands in for the path, not for what the certificate says about itself.
    const own = checkPath([leaf], { at, purpose: 'email', legacyAlgorithms }).map((fault) => fault.reason);
    return {
      reasons: [...new Set([...usage, ...own]), 'explicitly-trusted', ...unchecked],
      faults: [],
      path: [leaf],
      revocation,
    };
  }
  const reasons = [...new Set([...usage, ...verdict.reasons])];
  const faults = verdict.faults.map((fault) => summariseFault(fault, verdict.path));
  return { reasons: reasons.length === 0 ? unchecked : reasons, faults, path: verdict.path, revocation };
}

function summariseFault({ reason, rule, index }: PathFault, path: readonly Certificate[]): PathFaultSummary {
  const { commonName, subject, issuer, keyLabel, notBefore, notAfter } = path[index] as Certificate;
  return { reason, rule, name: commonName ?? subject, issuer, keyLabel, notBefore, notAfter };
}

/** Nobody's word helps a certificate that its own authority took back, or about which that could not be told for all the strangers. */
function isExplicit({ valid, reasons, revocation }: PathVerdict, leaf: Certificate, trust: Trust): boolean {
  if (valid || revocation.status === 'revoked' || reasons.includes('too-complex')) return false;
  return trust.explicitlyTrusted.includes(leaf.sha256);
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
