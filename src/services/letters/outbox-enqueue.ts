import { createHash, type Hash, randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Context } from '../../context.ts';
import type { Address } from '../../mail/address.ts';
import type { MadeSignature } from '../../smime/worker-jobs.ts';
import { sealTo } from '../../vault/sealed-box.ts';
import { withConnection } from '../database/borrowed-connection.ts';
import type { DraftOrigin } from '../drafts/drafts.ts';
import type { SignedIn } from '../sessions/session.ts';
import { writeContent } from './content-chunks.ts';
import { keepAttachments } from './kept-attachments.ts';
import type { MarkingChoice } from './marking-policy.ts';
import type { SealedCopy } from './outbox-copies.ts';

/** What the sender sees of a letter, and gets back when it is cancelled. */
export type LetterHead = {
  subject: string;
  text: string;
  to: Address[];
  cc: Address[];
  bcc: Address[];
  marking?: MarkingChoice | undefined;
  origin?: DraftOrigin | undefined;
};

export type Enqueued = {
  nonce: string;
  messageId: string;
  head: LetterHead;
  /** Public draft key: the head is sealed to it */
  headKey: Uint8Array;
  signed: boolean;
  encrypted: boolean;
  draftId: string | null;
  /** Content identifier of the request for receipts; null when none is asked for */
  receipt?: Uint8Array | null;
  /** Return path; default the sender's address, empty for receipts (RFC 8098 section 3) */
  mailFrom?: string;
  copies: AsyncIterable<SealedCopy>;
};

/** Associated data of a letter's head. */
export function letterHeadContext(accountId: string, letterId: string): string {
  return `letter ${accountId} ${letterId}`;
}

/** Whether any node may submit for this account, or only a request of the sender (architecture.md). */
export function sendsInBackground(config: Context['config'], account: SignedIn['account']): boolean {
  return account.country.mailServer.hosted && config.serviceMail !== null;
}

/**
 * Letter, envelopes, recipients and final bytes in one transaction; the draft goes with it, and its attachments wait with the letter.
 * @returns the letter's id, or null when the nonce was used already: a second click waits here for the first
 */
export async function enqueueLetter(context: Context, session: SignedIn, letter: Enqueued): Promise<string | null> {
  const { config, database } = context;
  return withConnection(database.pool, async (client) => {
    try {
      await client.query('begin');
      const id = await insertLetter(client, context, session, letter);
      if (id === null) {
        await client.query('rollback');
        return null;
      }
      const at = context.now();
      const givesUpAt = new Date(at.getTime() + config.giveUpMs);
      const mailFrom = letter.mailFrom ?? session.account.address;
      const signatures: MadeSignature[] = [];
      for await (const copy of letter.copies) {
        await insertCopy(client, id, copy, { mailFrom, at, givesUpAt });
        if (copy.signed) signatures.push(copy.signed);
      }
      if (letter.receipt) await expectReceipts(client, id, letter.receipt, signatures);
      if (letter.draftId) await takeDraft(client, session.account.id, letter.draftId, id);
      await client.query('commit');
      return id;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    }
  });
}

async function insertLetter(
  client: pg.PoolClient,
  context: Context,
  session: SignedIn,
  letter: Enqueued,
): Promise<string | null> {
  const id = randomUUID();
  const { account } = session;
  const head = Buffer.from(JSON.stringify(letter.head));
  const inserted = await client.query(
    `insert into letter (id, account_id, nonce, message_id, sealed_head, state, signed, encrypted, sent_copy_id,
       sent_copy_bytes, waiting_for_sign_in, due_at, created_at)
     values ($1, $2, $3, $4, $5, 'queued', $6, $7, $8, 0, $9, $10, $10) on conflict (account_id, nonce) do nothing`,
    [
      id,
      account.id,
      letter.nonce,
      letter.messageId,
      sealTo(letter.headKey, head, letterHeadContext(account.id, id)),
      letter.signed,
      letter.encrypted,
      randomUUID(),
      !sendsInBackground(context.config, account),
      context.now(),
    ],
  );
  return inserted.rowCount === 1 ? id : null;
}

async function insertCopy(
  client: pg.PoolClient,
  letterId: string,
  { envelopes, bytes, sent }: SealedCopy,
  times: { mailFrom: string; at: Date; givesUpAt: Date },
): Promise<void> {
  const hash = createHash('sha256');
  const needed = envelopes.length > 0 || sent === 'same';
  const contentId = needed ? await writeContent(client, hashed(bytes.slices(), hash)) : null;
  const sha256 = hash.digest('hex');
  for (const recipients of envelopes) {
    const id = randomUUID();
    await client.query(
      `insert into envelope (id, letter_id, envelope_id, mail_from, content_id, content_bytes, content_sha256,
         next_attempt_at, gives_up_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [id, letterId, randomUUID(), times.mailFrom, contentId, bytes.size, sha256, times.at, times.givesUpAt],
    );
    await client.query('insert into envelope_recipient (envelope_id, address) select $1, unnest($2::text[])', [
      id,
      recipients,
    ]);
  }
  if (sent === null) return;
  const sentCopyId = sent === 'same' ? contentId : await writeContent(client, sent.slices());
  const size = sent === 'same' ? bytes.size : sent.size;
  await client.query('update letter set sent_copy_id = $2, sent_copy_bytes = $3 where id = $1', [
    letterId,
    sentCopyId,
    size,
  ]);
}

/** What signed receipts of this letter will have to say. */
async function expectReceipts(
  client: pg.PoolClient,
  letterId: string,
  contentIdentifier: Uint8Array,
  signatures: readonly MadeSignature[],
): Promise<void> {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  const expected = signatures.map(({ signature, attributesDigest }) => {
    return { signature: base64(signature), attributesDigest: base64(attributesDigest) };
  });
  await client.query(
    'update letter set receipt_asked = true, receipt_content_id = $2, receipt_expected = $3 where id = $1',
    [letterId, contentIdentifier, JSON.stringify(expected)],
  );
}

async function* hashed(
  slices: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array> {
  for await (const slice of slices) {
    hash.update(slice);
    yield slice;
  }
}

async function takeDraft(client: pg.PoolClient, accountId: string, draftId: string, letterId: string): Promise<void> {
  await keepAttachments(client, accountId, draftId, letterId);
  await client.query('delete from draft where id = $1 and account_id = $2', [draftId, accountId]);
}
