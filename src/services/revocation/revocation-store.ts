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
  readonly #memoryBytes: number;
  // In order of last use.
  readonly #held = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(database: Database, memoryBytes = MEMORY_BYTES) {
    this.#database = database;
    this.#memoryBytes = memoryBytes;
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

  /** All of them, whatever there is room to hold: one that were left out could be the one that revokes. */
  async #lists(sha256: readonly string[]): Promise<Uint8Array[]> {
    const lists = new Map<string, Uint8Array>();
    for (const name of sha256) {
      const bytes = this.#held.get(name);
      if (bytes !== undefined) lists.set(name, bytes);
    }
    const missing = sha256.filter((name) => !lists.has(name));
    for (const [name, bytes] of await listBytes(this.#database, missing))
      lists.set(name, this.#held.get(name) ?? shared(bytes));
    for (const [name, bytes] of lists) this.#hold(name, bytes);
    return [...lists.values()];
  }

  #hold(name: string, bytes: Uint8Array): void {
    // Somebody else may have loaded it at the same time.
    if (!this.#held.delete(name)) this.#bytes += bytes.length;
    this.#held.set(name, bytes);
    for (const [oldest, old] of this.#held) {
      if (this.#bytes <= this.#memoryBytes || oldest === name) break;
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
