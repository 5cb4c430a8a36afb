/** What answering one question about paths may cost, and what was computed on the way. */
import type { Certificate } from './certificate.ts';
import { PkiError } from './errors.ts';
import {
  constraintComparisons,
  type NameConstraints,
  readNameConstraints,
  satisfiesNameConstraints,
} from './name-constraints.ts';
import { type SignatureVerdict, verifySignature } from './signature.ts';

const MAX_SIGNATURES = 100;
const MAX_STEPS = 1000;
const MAX_PATHS = 100;
const MAX_COMPARISONS = 100_000;

/** Anything that was signed with an algorithm. */
type Signed = Pick<Certificate, 'sha256' | 'signatureAlgorithm' | 'tbs' | 'signature'>;

export class PathWork {
  readonly #legacyAlgorithms: boolean;
  readonly #links = new Map<string, SignatureVerdict>();
  readonly #constraints = new Map<string, NameConstraints | null>();
  #signatures = 0;
  #steps = 0;
  #paths = 0;
  #comparisons = 0;
  #exhausted = false;

  constructor(legacyAlgorithms: boolean) {
    this.#legacyAlgorithms = legacyAlgorithms;
  }

  /** A bound was met: what is known by then is the answer. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  exhaust(): void {
    this.#exhausted = true;
  }

  /** Counts one step of the search; false when there may be no more. */
  step(): boolean {
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) this.#exhausted = true;
    return !this.#exhausted;
  }

  /** Counts one path that is judged as a whole; false when there may be no more. */
  judge(): boolean {
    this.#paths += 1;
    if (this.#paths > MAX_PATHS) this.#exhausted = true;
    return this.#paths <= MAX_PATHS;
  }

  /** Whether `issuer` signed this, computed once; null when the budget is spent. */
  link(signed: Signed, issuer: Certificate): SignatureVerdict | null {
    const name = `${signed.sha256} ${issuer.key.spki.toString('base64')}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    if (this.#signatures === MAX_SIGNATURES) {
      this.#exhausted = true;
      return null;
    }
    this.#signatures += 1;
    const { signatureAlgorithm, tbs, signature } = signed;
    const verdict = verifySignature(signatureAlgorithm, tbs, signature, issuer, {
      legacyAlgorithms: this.#legacyAlgorithms,
    });
    this.#links.set(name, verdict);
    return verdict;
  }

  /** Whether the name constraints of `authority`, whose extension has this value, allow the names of `below`. */
  allowsNames(authority: Certificate, value: Buffer, below: Certificate): boolean {
    const constraints = this.#constraintsOf(authority, value);
    if (constraints === null) return false;
    this.#comparisons += constraintComparisons(below, constraints);
    if (this.#comparisons > MAX_COMPARISONS) {
      this.#exhausted = true;
      return false;
    }
    return satisfiesNameConstraints(below, constraints);
  }

  #constraintsOf(authority: Certificate, value: Buffer): NameConstraints | null {
    const known = this.#constraints.get(authority.sha256);
    if (known !== undefined) return known;
    const constraints = readOrNull(value);
    this.#constraints.set(authority.sha256, constraints);
    return constraints;
  }
}

function readOrNull(value: Buffer): NameConstraints | null {
  try {
    return readNameConstraints(value);
  } catch (error) {
    if (error instanceof PkiError) return null;
    throw error;
  }
}
