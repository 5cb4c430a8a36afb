import type { RevocationBytes } from '../../smime/worker-jobs.ts';
import type { Database } from '../database/connect.ts';
import { answersFor } from './ocsp-answers.ts';
import { listBytes, listsInForce } from './revocation-lists.ts';

/** Together, of the lists that a node holds in memory. */
const MEMORY_BYTES = 256 * 1024 * 1024;

/**
 * Revocation lists in shared memory: the workers of a node read the same bytes, and a list is loaded once. Lists never change,
 * so what is held is never wrong; which of them count is asked of the database each time.
 */
export class RevocationStore {
  readonly #database: Database;
  // In order of last use.
  readonly #held = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * What is at hand to judge by. `certificates` are SHA-256 of those whose answers are wanted; `earlier` of evidence that
   * counted before.
   */
  async evidence(
    accountId: string,
    wanted: { certificates: readonly string[]; earlier: readonly string[] },
    now: Date,
  ): Promise<RevocationBytes> {
    const [inForce, responses] = await Promise.all([
      listsInForce(this.#database, accountId),
      answersFor(this.#database, wanted.certificates, wanted.earlier, now),
    ]);
    const lists = await this.#lists([...new Set([...inForce, ...wanted.earlier])]);
    return { lists, responses, now };
  }

  async #lists(sha256: readonly string[]): Promise<Uint8Array[]> {
    const missing = sha256.filter((name) => !this.#held.has(name));
    for (const [name, bytes] of await listBytes(this.#database, missing)) this.#hold(name, shared(bytes));
    return sha256.flatMap((name) => {
      const bytes = this.#held.get(name);
      if (bytes === undefined) return [];
      this.#held.delete(name);
      this.#held.set(name, bytes);
      return [bytes];
    });
  }

  #hold(name: string, bytes: Uint8Array): void {
    this.#held.set(name, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, old] of this.#held) {
      if (this.#bytes <= MEMORY_BYTES || oldest === name) break;
      this.#held.delete(oldest);
      this.#bytes -= old.length;
    }
  }
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
