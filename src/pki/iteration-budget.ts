/** A file can ask for any number of hash iterations; what one file may cost in all is bounded (security.md). */
import { PkiError } from './errors.ts';

/** All derivations of one PKCS#12 file together. NSS and GnuTLS write 600,000 for the MAC alone. */
export const MAX_ITERATIONS = 2_000_000;

export class IterationBudget {
  readonly #most: number;
  readonly #onProgress: (done: number) => void;
  #spent = 0;
  #refused = false;

  /** `onProgress` hears how many iterations are done: before each derivation, and during those that can tell. */
  constructor(most: number = MAX_ITERATIONS, onProgress: (done: number) => void = () => {}) {
    this.#most = most;
    this.#onProgress = onProgress;
  }

  /** Throws PkiError `too-complex` before the work, not after it. */
  spend(iterations: number): void {
    if (iterations < 1) throw new PkiError('malformed', 'iteration count');
    if (this.#spent + iterations > this.#most) {
      this.#refused = true;
      throw new PkiError('too-complex', 'more iterations than accepted');
    }
    this.#onProgress(this.#spent);
    this.#spent += iterations;
  }

  /** Tells how many of the iterations that were asked for last are still to be done. */
  remaining(iterations: number): void {
    this.#onProgress(this.#spent - iterations);
  }

  /** Whether something was asked for that the budget did not have. */
  get refused(): boolean {
    return this.#refused;
  }
}
