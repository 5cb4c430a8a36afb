/**
 * Certification paths: built from what is at hand, bounded, and validated after RFC 5280 section 6. What is not
 * understood completely makes a path invalid. Revocation is not known here: callers add it.
 */
import type { Certificate } from './certificate.ts';
import { sameName } from './name.ts';
import { checkPath, type PathPurpose, type PathReason } from './path-checks.ts';
import { type SignatureVerdict, verifySignature } from './signature.ts';

export type { PathPurpose, PathReason } from './path-checks.ts';

export interface PathQuestion {
  readonly leaf: Certificate;
  /** Certificates that may help to build the path; nothing is believed because it is among them. */
  readonly candidates: readonly Certificate[];
  /** Believed: the path ends at one of these. */
  readonly anchors: readonly Certificate[];
  readonly at: Date;
  readonly purpose: PathPurpose;
}

export interface PathVerdict {
  readonly valid: boolean;
  /** Empty exactly when valid. */
  readonly reasons: readonly PathReason[];
  /** Leaf first. When valid the last is the anchor; else as far as the best attempt came, an untrusted root included. */
  readonly path: readonly Certificate[];
}

/** Longest path, both ends included. */
export const MAX_PATH_LENGTH = 20;
const MAX_SIGNATURES = 100;
const MAX_STEPS = 1000;

/**
 * Finds a valid path, or explains the best failing one. Depth-first with loops excluded; the work is bounded by 100
 * signatures and 1000 steps, past which the answer is `too-complex`. Never throws.
 */
export function validatePath(question: PathQuestion): PathVerdict {
  const search = new PathSearch(question);
  search.extend([question.leaf], []);
  return search.verdict();
}

interface Attempt {
  readonly verdict: PathVerdict;
  /** How much the attempt explains: an anchor reached beats an untrusted root, which beats an unknown issuer. */
  readonly rank: number;
}

class PathSearch {
  readonly #question: PathQuestion;
  readonly #anchors: Map<string, Certificate>;
  readonly #pool: Certificate[];
  readonly #links = new Map<string, SignatureVerdict>();
  #signatures = 0;
  #steps = 0;
  #exhausted = false;
  #best: Attempt | null = null;

  constructor(question: PathQuestion) {
    this.#question = question;
    this.#anchors = new Map(question.anchors.map((anchor) => [anchor.sha256, anchor]));
    const pool = new Map([...question.anchors, ...question.candidates].map((one) => [one.sha256, one]));
    this.#pool = [...pool.values()];
  }

  verdict(): PathVerdict {
    const found = this.#best?.verdict;
    if (found?.valid) return found;
    const path = found?.path ?? [this.#question.leaf];
    const reasons = found?.reasons ?? ['unknown-issuer'];
    return this.#exhausted
      ? { valid: false, reasons: ['too-complex', ...reasons], path }
      : { valid: false, reasons, path };
  }

  /** Tries everything above the last certificate of `path`; true when a valid path was found. */
  extend(path: readonly Certificate[], linkReasons: readonly PathReason[]): boolean {
    if (this.#spent()) return false;
    const top = path.at(-1) as Certificate;
    if (this.#anchors.has(top.sha256)) return this.#settle(path, linkReasons, 3);
    if (path.length === MAX_PATH_LENGTH) {
      this.#exhausted = true;
      return this.#settle(path, ['unknown-issuer', ...linkReasons], 0);
    }
    let forged = false;
    let extended = false;
    for (const issuer of this.#issuersOf(top, path)) {
      const link = this.#link(top, issuer);
      if (link === null) break;
      if (link === 'valid' || link === 'weak') {
        extended = true;
        const reasons: PathReason[] = link === 'weak' ? [...linkReasons, 'weak-algorithm'] : [...linkReasons];
        if (this.extend([...path, issuer], reasons)) return true;
      } else if (keyIdentifiersAgree(top, issuer)) forged = true;
    }
    if (extended) return false;
    if (this.#isSelfSigned(top)) return this.#settle(path, ['issuer-not-trusted', ...linkReasons], 2);
    return this.#settle(path, [forged ? 'path-invalid' : 'unknown-issuer', ...linkReasons], 1);
  }

  #settle(path: readonly Certificate[], found: readonly PathReason[], rank: number): boolean {
    const { at, purpose } = this.#question;
    const reasons = [...new Set([...found, ...checkPath(path, { at, purpose })])];
    const valid = reasons.length === 0;
    const better =
      this.#best === null ||
      rank > this.#best.rank ||
      (rank === this.#best.rank && reasons.length < this.#best.verdict.reasons.length);
    if (valid || better) this.#best = { verdict: { valid, reasons, path }, rank };
    return valid;
  }

  /** Anchors before others, and those whose key identifier fits before those of which only the name does. */
  #issuersOf(certificate: Certificate, path: readonly Certificate[]): Certificate[] {
    const order = (issuer: Certificate) =>
      (keyIdentifiersAgree(certificate, issuer) ? 0 : 2) + (this.#anchors.has(issuer.sha256) ? 0 : 1);
    return this.#pool
      .filter(
        (issuer) => sameName(issuer.subjectName, certificate.issuerName) && !path.some((one) => isSame(one, issuer)),
      )
      .sort((a, b) => order(a) - order(b));
  }

  /** Whether `issuer` signed `certificate`, computed once; null when the budget is spent. */
  #link(certificate: Certificate, issuer: Certificate): SignatureVerdict | null {
    const name = `${certificate.sha256} ${issuer.key.spki.toString('base64')}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    if (this.#signatures === MAX_SIGNATURES) {
      this.#exhausted = true;
      return null;
    }
    this.#signatures += 1;
    const { signatureAlgorithm, tbs, signature } = certificate;
    const verdict = verifySignature(signatureAlgorithm, tbs, signature, issuer);
    this.#links.set(name, verdict);
    return verdict;
  }

  #isSelfSigned(certificate: Certificate): boolean {
    if (!certificate.isSelfIssued) return false;
    const link = this.#link(certificate, certificate);
    return link === 'valid' || link === 'weak';
  }

  #spent(): boolean {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) this.#exhausted = true;
    return this.#exhausted;
  }
}

function keyIdentifiersAgree(certificate: Certificate, issuer: Certificate): boolean {
  const [wanted, has] = [certificate.authorityKeyIdentifier, issuer.subjectKeyIdentifier];
  return wanted !== null && has !== null && wanted.equals(has);
}

// The same authority under the same key twice on a path is a loop, whichever of its certificates it is (RFC 4158 section 2.4.2).
function isSame(a: Certificate, b: Certificate): boolean {
  return a.sha256 === b.sha256 || (sameName(a.subjectName, b.subjectName) && a.key.spki.equals(b.key.spki));
}
