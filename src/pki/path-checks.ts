/** The rules of RFC 5280 section 6.1 for one path whose signatures have been verified already. */
import type { Certificate } from './certificate.ts';
import { EXTENDED_KEY_USAGE, EXTENSION } from './certificate-extensions.ts';
import { PkiError } from './errors.ts';
import { PathWork } from './path-work.ts';
import { NO_POLICY_DEMANDS, type PolicyDemands, policiesHold } from './policies.ts';
import { keyStrength } from './public-key.ts';

/** `email`: every extended key usage on the path must allow mail; `any` asks nothing. */
export type PathPurpose = 'email' | 'any';

/** The part of the closed list of reasons that a path can give. */
export type PathReason =
  | 'unknown-issuer'
  | 'issuer-not-trusted'
  | 'expired'
  | 'not-yet-valid'
  | 'revoked'
  | 'revocation-unchecked'
  | 'wrong-purpose'
  | 'weak-algorithm'
  | 'weak-key'
  | 'path-invalid'
  | 'too-complex';

/** Which rule was broken; `path-invalid` stands for several. */
export type PathRule =
  | 'validity'
  | 'key-strength'
  | 'unknown-critical-extension'
  | 'extended-key-usage'
  | 'not-an-authority'
  | 'path-length'
  | 'name-constraints'
  | 'policies'
  | 'signature'
  | 'anchor'
  | 'anchor-domain'
  | 'revocation'
  | 'bounds';

/** One thing wrong with a path: what, and with which of its certificates (0 is the leaf). */
export interface PathFault {
  readonly reason: PathReason;
  readonly rule: PathRule;
  readonly index: number;
}

export interface PathRules {
  readonly at: Date;
  readonly purpose: PathPurpose;
  readonly policies?: PolicyDemands;
  /** SHA-1 and short RSA keys pass: for old test vectors only. */
  readonly legacyAlgorithms?: boolean;
}

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
  EXTENSION.policyMappings,
  EXTENSION.policyConstraints,
  EXTENSION.inhibitAnyPolicy,
  EXTENSION.crlDistributionPoints,
]);

/**
 * Everything that is wrong with a path, leaf first, whose last certificate is taken as its top. The top is held to the same rules as
 * the others although RFC 5280 takes only name and key from an anchor: an expired root is no longer believed. Of policies it
 * says nothing.
 */
export function checkPath(
  path: readonly Certificate[],
  rules: PathRules,
  work: PathWork = new PathWork(rules.legacyAlgorithms ?? false),
): PathFault[] {
  const faults = path.flatMap((certificate, index) => {
    const own = ownFaults(certificate, index, rules);
    const isAuthority = index === 0 || mayIssue(certificate, index === path.length - 1);
    return isAuthority ? own : [...own, fault('path-invalid', 'not-an-authority', index)];
  });
  const tooLong = pathLengthBrokenAt(path);
  if (tooLong !== null) faults.push(fault('path-invalid', 'path-length', tooLong));
  const misnamed = nameConstraintsBrokenAt(path, work);
  if (misnamed !== null) faults.push(fault('path-invalid', 'name-constraints', misnamed));
  if (!policiesHoldOrNot(path, rules.policies ?? NO_POLICY_DEMANDS)) faults.push(fault('path-invalid', 'policies', 0));
  return faults;
}

/** What is wrong with a certificate on its own. */
function ownFaults(certificate: Certificate, index: number, rules: PathRules): PathFault[] {
  const { at, purpose, legacyAlgorithms } = rules;
  const faults: PathFault[] = [];
  // Said so that a time that is none fits no certificate.
  if (!(at >= certificate.notBefore)) faults.push(fault('not-yet-valid', 'validity', index));
  // Through its last second.
  if (at.getTime() >= certificate.notAfter.getTime() + 1000) faults.push(fault('expired', 'validity', index));
  const strength = keyStrength(certificate.key, index === 0 ? 'message' : 'path');
  if (strength !== 'strong' && !(legacyAlgorithms && certificate.key.family === 'rsa'))
    faults.push(fault('weak-key', 'key-strength', index));
  if (certificate.criticalExtensions.some((type) => !UNDERSTOOD.has(type)))
    faults.push(fault('path-invalid', 'unknown-critical-extension', index));
  if (purpose === 'email' && !allowsMail(certificate)) faults.push(fault('wrong-purpose', 'extended-key-usage', index));
  return faults;
}

function fault(reason: PathReason, rule: PathRule, index: number): PathFault {
  return { reason, rule, index };
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
function pathLengthBrokenAt(path: readonly Certificate[]): number | null {
  let below = 0;
  for (const [index, certificate] of path.entries()) {
    if (index === 0) continue;
    const limit = certificate.basicConstraints?.pathLength ?? null;
    if (limit !== null && below > limit) return index;
    if (!certificate.isSelfIssued) below += 1;
  }
  return null;
}

// RFC 5280 section 6.1.3 b and c: they bind everything below, self-issued authorities excepted, the leaf never.
function nameConstraintsBrokenAt(path: readonly Certificate[], work: PathWork): number | null {
  for (const [index, authority] of path.entries()) {
    const extension = authority.extensions.get(EXTENSION.nameConstraints);
    if (extension === undefined || index === 0) continue;
    const bound = path.slice(0, index).filter((below, at) => at === 0 || !below.isSelfIssued);
    const broken = bound.find((below) => !work.allowsNames(authority, extension.value, below));
    if (broken !== undefined) return path.indexOf(broken);
  }
  return null;
}

function policiesHoldOrNot(path: readonly Certificate[], demands: PolicyDemands): boolean {
  try {
    return policiesHold(path, demands);
  } catch (error) {
    if (error instanceof PkiError) return false;
    throw error;
  }
}
