import type { FetchMessageObject, ImapFlow } from 'imapflow';
import { describeStructure, type StructureMarks } from './body-structure.ts';

const LIMIT = 5_000;

/**
 * Marks of messages whose BODYSTRUCTURE was read on this connection. A structure never changes for a UID (RFC 9051
 * section 2.3.1.1), and reading it is the dearest part of a page: a message of thousands of parts costs that once, not at
 * each look at the list.
 */
export class KnownMarks {
  readonly #marks = new Map<string, StructureMarks>();

  get(folder: string, uidValidity: bigint, uid: number): StructureMarks | undefined {
    return this.#marks.get(`${uidValidity} ${uid} ${folder}`);
  }

  set(folder: string, uidValidity: bigint, uid: number, marks: StructureMarks): void {
    this.#marks.set(`${uidValidity} ${uid} ${folder}`, marks);
    if (this.#marks.size <= LIMIT) return;
    const oldest = this.#marks.keys().next();
    if (!oldest.done) this.#marks.delete(oldest.value);
  }
}

/**
 * Reads the structures of those messages that are not known yet. imapflow passes over an answer that is nested deeper than
 * it reads: such a message has no marks.
 */
export async function readUnknownMarks(
  client: ImapFlow,
  known: KnownMarks,
  folder: string,
  uidValidity: bigint,
  messages: readonly FetchMessageObject[],
): Promise<void> {
  const unknown = messages.filter((message) => known.get(folder, uidValidity, message.uid) === undefined);
  if (unknown.length === 0) return;
  const structures = new Map<number, StructureMarks>();
  const sequence = unknown.map((message) => message.seq).join(',');
  for await (const { uid, bodyStructure } of client.fetch(sequence, { uid: true, bodyStructure: true })) {
    structures.set(uid, describeStructure(bodyStructure));
  }
  for (const { uid } of unknown) {
    known.set(folder, uidValidity, uid, structures.get(uid) ?? describeStructure(undefined));
  }
}
