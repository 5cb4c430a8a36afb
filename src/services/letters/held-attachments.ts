/** Where the attachments of a letter wait while its copies are made. */
import { MEMORY_BYTES } from '../../bytes/spool.ts';
import { SpoolFile } from '../../bytes/spool-file.ts';
import type { ComposedAttachment } from '../../mail/compose-mime.ts';

export type LetterAttachment = { name: string; type: string; size: number; read(): AsyncIterable<Uint8Array> };

/**
 * Small ones stay in memory as long as all of them together are small: jobs hold what they are given, and many would add up.
 * @param spools gets the files of the others, which are needed until the last copy was made, also when this throws
 */
export async function holdAttachments(
  attachments: readonly LetterAttachment[],
  spoolFolder: string,
  spools: SpoolFile[],
): Promise<ComposedAttachment[]> {
  const held: ComposedAttachment[] = [];
  let inMemory = 0;
  for (const { name, type, size, read } of attachments) {
    if (inMemory + size > MEMORY_BYTES) {
      const spool = await SpoolFile.open(spoolFolder);
      spools.push(spool);
      held.push({ name, type, bytes: await spool.write(read()) });
      continue;
    }
    inMemory += size;
    const pieces: Uint8Array[] = [];
    for await (const piece of read()) pieces.push(piece);
    held.push({ name, type, bytes: pieces });
  }
  return held;
}
