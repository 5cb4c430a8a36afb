/** A file can ask for any number of hash iterations; what one file may cost in all is bounded (security.md). */
import { PkiError } from './errors.ts';

/** All derivations of one PKCS#12 file together. NSS and GnuTLS write 600,000 for the MAC alone. */
export const MAX_ITERATIONS = 2_000_000;

export class IterationBudget {
  #left: number;

  constructor(most: number = MAX_ITERATIONS) {
    this.#left = most;
  }

  /** Throws PkiError `too-complex` before the work, not after it. */
  spend(iterations: number): void {
    if (iterations < 1) throw new PkiError('malformed', 'iteration count');
    this.#left -= iterations;
    if (this.#left < 0) throw new PkiError('too-complex', 'more iterations than accepted');
  }
}
