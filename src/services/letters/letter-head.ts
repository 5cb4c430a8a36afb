import { z } from 'zod';
import { withMarking } from '../../smime/marking.ts';
import { SealBrokenError } from '../../vault/seal.ts';
import { openFrom } from '../../vault/sealed-box.ts';
import type { Database } from '../database/connect.ts';
import { type DraftKeys, DraftOriginSchema, withDraftKeys } from '../drafts/drafts.ts';
import { chosenMarking, MarkingChoiceSchema } from './marking-policy.ts';
import { type LetterHead, letterHeadContext } from './outbox-enqueue.ts';

const AddressList = z.array(z.object({ name: z.string(), address: z.string() }));
const Head = z.object({
  subject: z.string(),
  text: z.string(),
  to: AddressList,
  cc: AddressList,
  bcc: AddressList,
  marking: MarkingChoiceSchema.optional(),
  origin: DraftOriginSchema.optional(),
});

export type OpenedHead = LetterHead & { isLost: boolean };

/** What the sender sees of a letter, opened. */
export function openHead(keys: DraftKeys, row: { id: string; accountId: string; sealedHead: Uint8Array }): OpenedHead {
  try {
    const opened = openFrom(keys, row.sealedHead, letterHeadContext(row.accountId, row.id));
    return { ...Head.parse(JSON.parse(opened.toString('utf8'))), isLost: false };
  } catch (error) {
    // Sealed to a vault that its holder gave up: what the mail servers said about the letter can still be shown.
    if (error instanceof SealBrokenError) return { subject: '', text: '', to: [], cc: [], bcc: [], isLost: true };
    throw error;
  }
}

/** A text is no longer than this in nearly all letters; opening many larger ones would keep everybody waiting. */
const MAX_HEAD_BYTES = 64 * 1024;

/** Subjects of own letters by Message-ID, for their copies in the mailbox. */
export async function subjectsOfLetters(
  database: Database,
  accountId: string,
  masterKey: Uint8Array,
  messageIds: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{ id: string; messageId: string; sealedHead: Buffer }>(
    `select id, message_id as "messageId", sealed_head as "sealedHead" from letter
     where account_id = $1 and message_id = any($2) and octet_length(sealed_head) <= $3`,
    [accountId, messageIds, MAX_HEAD_BYTES],
  );
  if (rows.length === 0) return new Map();
  return withDraftKeys(
    database,
    accountId,
    masterKey,
    async (keys) =>
      new Map(
        rows.flatMap((row): [string, string][] => {
          const head = openHead(keys, { ...row, accountId });
          return head.isLost ? [] : [[row.messageId, subjectOnTheWay(head)]];
        }),
      ),
  );
}

/** As its copy in Sent has it. */
export function subjectOnTheWay({ subject, marking }: LetterHead): string {
  const text = chosenMarking(marking);
  return text === null ? subject : withMarking(subject, text);
}

/** In which field the sender named this recipient. */
export function namedIn(head: LetterHead, address: string): { name: string; field: 'to' | 'cc' | 'bcc' } {
  for (const field of ['to', 'cc', 'bcc'] as const) {
    const found = head[field].find((one) => one.address === address);
    if (found) return { name: found.name, field };
  }
  return { name: '', field: 'to' };
}
