/**
 * Certification paths: built from what is at hand, bounded, and validated after RFC 5280 section 6, revocation included. What
 * is not understood completely makes a path invalid.
 */
import { domainToASCII } from 'node:url';
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import { sameName } from './name.ts';
import { checkPath, type PathFault, type PathReason, type PathRules } from './path-checks.ts';
import { PathWork } from './path-work.ts';
import { type RevocationEvidence, type RevocationStatus, revocationStatus, together, UNCHECKED } from './revocation.ts';

export type { PathFault, PathPurpose, PathReason } from './path-checks.ts';

export interface PathQuestion extends PathRules {
  readonly leaf: Certificate;
  /** Certificates that may help to build the path; nothing is believed because it is among them. */
  readonly candidates: readonly Certificate[];
  /** Believed: the path ends at one of these. */
  readonly anchors: readonly Certificate[];
  /** Anchors, by SHA-256, that are believed for mail addresses of these domains (in ASCII) only. */
  readonly anchorDomains?: ReadonlyMap<string, readonly string[]>;
  /** Without it nothing is looked up. `required`: a certificate of which nothing is known makes the path fail. */
  readonly revocation?: RevocationEvidence & { readonly required: boolean };
}

export interface PathVerdict {
  readonly valid: boolean;
  /** Empty exactly when valid. */
  readonly reasons: readonly PathReason[];
  /** The same with the certificates concerned. */
  readonly faults: readonly PathFault[];
  /** Leaf first. When valid the last is the anchor; else as far as the best attempt came, an untrusted root included. */
  readonly path: readonly Certificate[];
  readonly revocation: PathRevocation;
}

/** Of all certificates of the path below its anchor together: revoked if one is, good if all are. */
export type PathRevocation = RevocationStatus & {
  /** Of the path: who was revoked, or of whom nothing is known; null when all are good. */
  readonly index: number | null;
};

/** Longest path, both ends included. */
export const MAX_PATH_LENGTH = 20;

const NOT_LOOKED_UP: PathRevocation = { ...UNCHECKED, index: null };

/**
 * Finds a valid path, or explains the best failing one. Depth-first with loops excluded; the work is bounded by 100
 * signatures, 1000 steps, 100 complete paths and 100,000 comparisons of names, past which the answer is `too-complex`.
 * Never throws.
 */
export function validatePath(question: PathQuestion): PathVerdict {
  return new PathSearch(question, new PathWork(question.legacyAlgorithms ?? false), new Set()).verdict();
}

/**
 * The same verdict with what the issuer of the leaf says about it, whether anybody believes that issuer or not: nobody is good by the
 * word of such a one, but what it took back is taken back. For those who trust the leaf by itself.
 */
export function heedingIssuer(question: PathQuestion, verdict: PathVerdict): PathVerdict {
  const issuer = verdict.path[1];
  if (issuer === undefined || verdict.revocation.status !== 'unchecked') return verdict;
  const own = validatePath({ ...question, candidates: [], anchors: [issuer], anchorDomains: undefined });
  if (own.revocation.status !== 'revoked') return verdict;
  const faults: PathFault[] = [...verdict.faults, { reason: 'revoked', rule: 'revocation', index: 0 }];
  return failed(verdict.path, faults, own.revocation);
}

interface Attempt {
  readonly verdict: PathVerdict;
  /** How much the attempt explains: an anchor reached beats an untrusted root, which beats an unknown issuer. */
  readonly rank: number;
}

class PathSearch {
  readonly #question: PathQuestion;
  readonly #work: PathWork;
  /** Whose status is being looked up: nobody's list may vouch for the one who signed it. */
  readonly #inQuestion: ReadonlySet<string>;
  readonly #anchors: Map<string, Certificate>;
  readonly #byName: Map<string, Certificate[]>;
  #best: Attempt | null = null;

  constructor(question: PathQuestion, work: PathWork, inQuestion: ReadonlySet<string>) {
    this.#question = question;
    this.#work = work;
    this.#inQuestion = inQuestion;
    this.#anchors = new Map(question.anchors.map((anchor) => [anchor.sha256, anchor]));
    const pool = new Map([...question.anchors, ...question.candidates].map((one) => [one.sha256, one]));
    this.#byName = Map.groupBy(pool.values(), (one) => one.subjectName.keys.join());
  }

  verdict(): PathVerdict {
    this.#extend([this.#question.leaf], []);
    const found = this.#best?.verdict;
    if (found?.valid) return found;
    const unknown: PathFault = { reason: 'unknown-issuer', rule: 'anchor', index: 0 };
    const path = found?.path ?? [this.#question.leaf];
    const faults = [...(found?.faults ?? [unknown])];
    if (this.#work.exhausted) faults.unshift({ reason: 'too-complex', rule: 'bounds', index: path.length - 1 });
    return failed(path, faults, found?.revocation ?? NOT_LOOKED_UP);
  }

  /** Tries everything above the last certificate of `path`; true when a valid path was found. */
  #extend(path: readonly Certificate[], found: readonly PathFault[]): boolean {
    if (!this.#work.step()) return false;
    const top = path.at(-1) as Certificate;
    const index = path.length - 1;
    if (this.#anchors.has(top.sha256)) return this.#settle(path, found, 3);
    if (path.length === MAX_PATH_LENGTH) {
      this.#work.exhaust();
      return this.#settle(path, [{ reason: 'unknown-issuer', rule: 'bounds', index }, ...found], 0);
    }
    let forged = false;
    let extended = false;
    for (const issuer of this.#issuersOf(top, path)) {
      const link = this.#work.link(top, issuer);
      if (link === null) break;
      if (link === 'valid' || link === 'weak') {
        extended = true;
        const weak: PathFault[] = link === 'weak' ? [{ reason: 'weak-algorithm', rule: 'signature', index }] : [];
        if (this.#extend([...path, issuer], [...found, ...weak])) return true;
      } else if (keyIdentifiersAgree(top, issuer)) forged = true;
    }
    if (extended) return false;
    if (this.#isSelfSigned(top))
      return this.#settle(path, [{ reason: 'issuer-not-trusted', rule: 'anchor', index }, ...found], 2);
    const dead: PathFault = forged
      ? { reason: 'path-invalid', rule: 'signature', index }
      : { reason: 'unknown-issuer', rule: 'anchor', index };
    return this.#settle(path, [dead, ...found], 1);
  }

  #settle(path: readonly Certificate[], found: readonly PathFault[], rank: number): boolean {
    if (!this.#work.judge()) return false;
    const faults = [...found, ...checkPath(path, this.#question, this.#work)];
    const anchored = rank === 3;
    if (anchored && !this.#isWithinAnchorDomain(path))
      faults.push({ reason: 'issuer-not-trusted', rule: 'anchor-domain', index: path.length - 1 });
    const revocation = anchored ? this.#revocationOf(path) : NOT_LOOKED_UP;
    faults.push(...this.#revocationFaults(revocation, faults.length > 0));
    // Else whoever sends enough strangers along could have a revocation overlooked.
    if (this.#work.exhausted && revocation.index !== null && revocation.status === 'unchecked')
      faults.push({ reason: 'too-complex', rule: 'bounds', index: revocation.index });
    const verdict: PathVerdict =
      faults.length === 0 ? { valid: true, reasons: [], faults, path, revocation } : failed(path, faults, revocation);
    const better =
      this.#best === null ||
      rank > this.#best.rank ||
      (rank === this.#best.rank && verdict.reasons.length < this.#best.verdict.reasons.length);
    if (verdict.valid || better) this.#best = { verdict, rank };
    return verdict.valid;
  }

  /** That nothing is known is worth saying only where nothing else is wrong. */
  #revocationFaults({ status, index }: PathRevocation, failsAlready: boolean): PathFault[] {
    if (index === null) return [];
    if (status === 'revoked') return [{ reason: 'revoked', rule: 'revocation', index }];
    const required = this.#question.revocation?.required && !failsAlready;
    return required ? [{ reason: 'revocation-unchecked', rule: 'revocation', index }] : [];
  }

  #isWithinAnchorDomain(path: readonly Certificate[]): boolean {
    const domains = this.#question.anchorDomains?.get(path.at(-1)?.sha256 ?? '');
    if (domains === undefined) return true;
    const { addresses } = this.#question.leaf;
    return addresses.length > 0 && addresses.every((address) => domains.includes(asciiDomain(address)));
  }

  #revocationOf(path: readonly Certificate[]): PathRevocation {
    const evidence = this.#question.revocation;
    if (evidence === undefined) return NOT_LOOKED_UP;
    const known: RevocationStatus[] = [];
    let unchecked: PathRevocation | null = null;
    for (const [index, certificate] of path.slice(0, -1).entries()) {
      const status = this.#statusOf(certificate, path, index, evidence);
      if (status.status === 'revoked') return { ...status, index };
      if (status.status === 'unchecked') unchecked ??= { ...status, index };
      known.push(status);
    }
    const all = together(known);
    return unchecked === null
      ? { ...all, index: null }
      : { ...unchecked, evidence: all.evidence, publishedAt: all.publishedAt };
  }

  #statusOf(
    certificate: Certificate,
    path: readonly Certificate[],
    index: number,
    evidence: RevocationEvidence,
  ): RevocationStatus {
    const inQuestion = new Set([...this.#inQuestion, certificate.sha256]);
    return revocationStatus({
      certificate,
      issuer: path[index + 1] as Certificate,
      at: this.#question.at,
      evidence,
      publisherOf: (list) =>
        this.#publisherOf(list, path.slice(index + 1), inQuestion) ?? this.#ownPublisher(list, certificate),
      signed: (list, publisher) => this.#work.link(list, publisher) === 'valid',
    });
  }

  /** Section 6.3.3 f and g: the issuer above, or another that leads to the same anchor and may sign lists. */
  #publisherOf(
    list: RevocationList,
    above: readonly Certificate[],
    inQuestion: ReadonlySet<string>,
  ): Certificate | null {
    const anchor = above.at(-1) as Certificate;
    const named = [...above, ...this.#named(list.issuerName.keys.join())];
    for (const one of new Set(named)) {
      if (!sameName(one.subjectName, list.issuerName) || inQuestion.has(one.sha256)) continue;
      if (one.keyUsage !== null && !one.keyUsage.has('cRLSign')) continue;
      if (this.#work.link(list, one) !== 'valid') continue;
      if (above.includes(one) || this.#leadsTo(one, anchor, list, inQuestion)) return one;
    }
    return null;
  }

  /**
   * An authority may name one publisher for the lists of all its certificates, the publisher's own included: then only that one can
   * tell (PKITS 4.14.30). An authority's successor of the same name cannot vouch for itself so.
   */
  #ownPublisher(list: RevocationList, certificate: Certificate): Certificate | null {
    const namedByIssuer =
      this.#inQuestion.size > 0 &&
      sameName(certificate.subjectName, list.issuerName) &&
      !sameName(certificate.issuerName, list.issuerName);
    const maySign = certificate.keyUsage === null || certificate.keyUsage.has('cRLSign');
    return namedByIssuer && maySign && this.#work.link(list, certificate) === 'valid' ? certificate : null;
  }

  #leadsTo(
    publisher: Certificate,
    anchor: Certificate,
    list: RevocationList,
    inQuestion: ReadonlySet<string>,
  ): boolean {
    const { at } = this.#question;
    const question: PathQuestion = {
      ...this.#question,
      leaf: publisher,
      anchors: [anchor],
      anchorDomains: undefined,
      // Who signs today's list need not have been there when the certificate was used.
      at: new Date(Math.max(list.thisUpdate.getTime(), at.getTime())),
      purpose: 'any',
      policies: undefined,
    };
    return new PathSearch(question, this.#work, inQuestion).verdict().valid;
  }

  /** Anchors before others, and those whose key identifier fits before those of which only the name does. */
  #issuersOf(certificate: Certificate, path: readonly Certificate[]): Certificate[] {
    const order = (issuer: Certificate) =>
      (keyIdentifiersAgree(certificate, issuer) ? 0 : 2) + (this.#anchors.has(issuer.sha256) ? 0 : 1);
    return this.#named(certificate.issuerName.keys.join())
      .filter((issuer) => !path.some((one) => isSame(one, issuer)))
      .sort((a, b) => order(a) - order(b));
  }

  #named(name: string): Certificate[] {
    return this.#byName.get(name) ?? [];
  }

  #isSelfSigned(certificate: Certificate): boolean {
    if (!certificate.isSelfIssued) return false;
    const link = this.#work.link(certificate, certificate);
    return link === 'valid' || link === 'weak';
  }
}

function failed(path: readonly Certificate[], faults: readonly PathFault[], revocation: PathRevocation): PathVerdict {
  return { valid: false, reasons: [...new Set(faults.map(({ reason }) => reason))], faults, path, revocation };
}

function asciiDomain(address: string): string {
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return domainToASCII(domain) || domain.toLowerCase();
}

function keyIdentifiersAgree(certificate: Certificate, issuer: Certificate): boolean {
  const [wanted, has] = [certificate.authorityKeyIdentifier, issuer.subjectKeyIdentifier];
  return wanted !== null && has !== null && wanted.equals(has);
}

// The same authority under the same key twice on a path is a loop, whichever of its certificates it is (RFC 4158 section 2.4.2).
function isSame(a: Certificate, b: Certificate): boolean {
  return a.sha256 === b.sha256 || (sameName(a.subjectName, b.subjectName) && a.key.spki.equals(b.key.spki));
}
