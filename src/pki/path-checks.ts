/** The rules of RFC 5280 section 6.1 for one path whose signatures have been verified already. */
import type { Certificate } from './certificate.ts';
import { EXTENDED_KEY_USAGE, EXTENSION } from './certificate-extensions.ts';
import { PkiError } from './errors.ts';
import { type NameConstraints, readNameConstraints, satisfiesNameConstraints } from './name-constraints.ts';
import { keyStrength } from './public-key.ts';

/** `email`: every extended key usage on the path must allow mail; `any` asks nothing. */
export type PathPurpose = 'email' | 'any';

/** The part of the closed list of reasons that a path can give. */
export type PathReason =
  | 'unknown-issuer'
  | 'issuer-not-trusted'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-purpose'
  | 'weak-algorithm'
  | 'weak-key'
  | 'path-invalid'
  | 'too-complex';

// Understood when critical. Policies are: with no policy required of anybody (policyConstraints fails below), the set of valid
// policies has no effect on the outcome (RFC 5280 section 6.1.5 g).
const UNDERSTOOD: ReadonlySet<string> = new Set([
  EXTENSION.subjectKeyIdentifier,
  EXTENSION.authorityKeyIdentifier,
  EXTENSION.keyUsage,
  EXTENSION.extendedKeyUsage,
  EXTENSION.basicConstraints,
  EXTENSION.subjectAltName,
  EXTENSION.issuerAltName,
  EXTENSION.nameConstraints,
  EXTENSION.certificatePolicies,
  EXTENSION.crlDistributionPoints,
]);

// Not implemented yet, so they fail whether critical or not.
const REFUSED = [EXTENSION.policyConstraints, EXTENSION.policyMappings, EXTENSION.inhibitAnyPolicy];

/**
 * Everything that is wrong with a path, leaf first, whose last certificate is taken as its top. The top is held to the
 * same rules as the others although RFC 5280 takes only name and key from an anchor: an expired root is no longer believed.
 */
export function checkPath(
  path: readonly Certificate[],
  { at, purpose }: { at: Date; purpose: PathPurpose },
): Set<PathReason> {
  const reasons = new Set<PathReason>();
  for (const [index, certificate] of path.entries()) {
    // Said so that a time that is none fits no certificate.
    if (!(at >= certificate.notBefore)) reasons.add('not-yet-valid');
    if (at.getTime() >= certificate.notAfter.getTime() + 1000) reasons.add('expired'); // through its last second
    if (keyStrength(certificate.key, index === 0 ? 'message' : 'path') !== 'strong') reasons.add('weak-key');
    if (certificate.criticalExtensions.some((type) => !UNDERSTOOD.has(type))) reasons.add('path-invalid');
    if (REFUSED.some((type) => certificate.extensions.has(type))) reasons.add('path-invalid');
    if (purpose === 'email' && !allowsMail(certificate)) reasons.add('wrong-purpose');
    if (index > 0 && !mayIssue(certificate, index === path.length - 1)) reasons.add('path-invalid');
  }
  if (!pathLengthsHold(path) || !nameConstraintsHold(path)) reasons.add('path-invalid');
  return reasons;
}

function allowsMail(certificate: Certificate): boolean {
  const purposes = certificate.extendedKeyUsage;
  return (
    purposes === null ||
    purposes.includes(EXTENDED_KEY_USAGE.emailProtection) ||
    purposes.includes(EXTENDED_KEY_USAGE.any)
  );
}

// RFC 5280 section 6.1.4 k and n. Old roots are version 1 and carry no extension at all: as an anchor that is enough.
function mayIssue(certificate: Certificate, isTop: boolean): boolean {
  if (isTop && certificate.extensions.size === 0) return true;
  const usage = certificate.keyUsage;
  return certificate.basicConstraints?.ca === true && (usage === null || usage.has('keyCertSign'));
}

// RFC 5280 section 6.1.4 l and m: self-issued authorities do not count.
function pathLengthsHold(path: readonly Certificate[]): boolean {
  let below = 0;
  for (const certificate of path.slice(1)) {
    const limit = certificate.basicConstraints?.pathLength ?? null;
    if (limit !== null && below > limit) return false;
    if (!certificate.isSelfIssued) below += 1;
  }
  return true;
}

// RFC 5280 section 6.1.3 b and c: they bind everything below, self-issued authorities excepted, the leaf never.
function nameConstraintsHold(path: readonly Certificate[]): boolean {
  return path.every((authority, index) => {
    const extension = authority.extensions.get(EXTENSION.nameConstraints);
    if (extension === undefined || index === 0) return true;
    const constraints = readOrNull(extension.value);
    if (constraints === null) return false;
    return path
      .slice(0, index)
      .every((below, at) => (at > 0 && below.isSelfIssued) || satisfiesNameConstraints(below, constraints));
  });
}

function readOrNull(value: Buffer): NameConstraints | null {
  try {
    return readNameConstraints(value);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}
