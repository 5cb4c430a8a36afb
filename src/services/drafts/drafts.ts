import { randomBytes, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { Draft, Prisma } from '../../generated/prisma/client.ts';
import { withMarking } from '../../smime/marking.ts';
import { openFrom, sealTo } from '../../vault/sealed-box.ts';
import type { Database } from '../database/connect.ts';
import { removeUnusedContents } from '../letters/content-chunks.ts';
import { chosenMarking, keptChoice, MarkingChoiceSchema, UNDECIDED } from '../letters/marking-policy.ts';
import type { SignedIn } from '../sessions/session.ts';
import { draftPublicKey, openDraftKeys } from '../sessions/vault.ts';

/** What the form holds, as typed. */
const Content = z.object({
  to: z.string(),
  cc: z.string(),
  bcc: z.string(),
  subject: z.string(),
  text: z.string(),
  sign: z.boolean(),
  encrypt: z.boolean(),
  /** Drafts of before have none */
  marking: MarkingChoiceSchema.optional(),
  askReceipt: z.boolean().optional(),
});
export type DraftContent = z.infer<typeof Content>;

/** Where a draft comes from. Fixed when it is made: no form can take away that a reply must be encrypted. */
export const DraftOriginSchema = z.object({
  mode: z.enum(['new', 'reply', 'reply-all', 'forward']),
  /** An answer to encrypted mail leaves encrypted or not at all (security.md, "Never") */
  mustEncrypt: z.boolean(),
  /** The subject of the message it answers was hidden on the way; drafts of before did not know */
  hideSubject: z.boolean().default(false),
  /** The marking of the message it answers, which it keeps (S06); null when that has none */
  marking: z.string().nullable().default(null),
  /** Why the answer starts without a quote; null when it has one or none was to be had */
  quoteWithheld: z.enum(['malleable', 'no-signature', 'unprotected-recipients', 'closed']).nullable(),
  inReplyTo: z.string().nullable(),
  references: z.array(z.string()),
  /** The message in the mailbox, to be flagged as answered or forwarded */
  source: z.object({ folder: z.string(), uidValidity: z.string(), uid: z.number() }).nullable(),
});
export type DraftOrigin = z.infer<typeof DraftOriginSchema>;

export const NEW_ORIGIN: DraftOrigin = {
  mode: 'new',
  mustEncrypt: false,
  hideSubject: false,
  marking: null,
  quoteWithheld: null,
  inReplyTo: null,
  references: [],
  source: null,
};

/** More than this is a mailbox, not a desk. */
const LIST_LIMIT = 200;
const LENGTH_BYTES = 4;

export type OpenedDraft = Pick<Draft, 'id' | 'version' | 'nonce' | 'savedAt'> & {
  content: DraftContent;
  origin: DraftOrigin;
  attachments: { id: string; sealedHead: Uint8Array; size: number; contentId: string }[];
};

/** Of the database, or of a transaction */
type Rows = { prisma: Prisma.TransactionClient };

/** Keys to open drafts with; the caller overwrites the private half. */
export type DraftKeys = { publicKey: Buffer; privateKey: Buffer };

/** @throws AppError no-vault */
export async function sealingKey(database: Rows, accountId: string): Promise<Buffer> {
  const key = await draftPublicKey(database, accountId);
  if (!key) throw new AppError('no-vault');
  return key;
}

/** Opens the account's draft keys for one task and overwrites them afterwards. */
export async function withDraftKeys<T>(
  database: Database,
  accountId: string,
  masterKey: Uint8Array,
  task: (keys: DraftKeys) => Promise<T>,
): Promise<T> {
  const keys = await openDraftKeys(database, accountId, masterKey);
  try {
    return await task(keys);
  } finally {
    keys.privateKey.fill(0);
  }
}

/** Needs the vault's public key only: no unlock, no Digital ID. @throws AppError no-vault */
export async function createDraft(
  database: Rows,
  accountId: string,
  content: DraftContent,
  origin: DraftOrigin,
  at: Date,
): Promise<{ id: string; version: number }> {
  const key = await sealingKey(database, accountId);
  const id = randomUUID();
  const sealed = joinBoxes(
    sealTo(key, Buffer.from(JSON.stringify(origin)), boxContext(accountId, id, 'origin')),
    sealTo(key, Buffer.from(JSON.stringify(content)), boxContext(accountId, id, 'content')),
  );
  await database.prisma.draft.create({
    data: { id, accountId, sealed, nonce: randomBytes(24).toString('base64url'), createdAt: at, savedAt: at },
  });
  return { id, version: 1 };
}

export type Saved =
  | { kind: 'saved'; id: string; version: number }
  /** Another window saved in between: this form became a draft of its own, the other one stands as it was */
  | { kind: 'conflict'; id: string; version: number }
  /** The draft is not there any more: sent or discarded in another window */
  | { kind: 'gone' };

/**
 * Saves a form over the version that it was opened as.
 * @param masterKey where it is at hand, a form that says what is saved already (a double click) is no conflict
 * @throws AppError no-vault
 */
export async function saveDraft(
  database: Database,
  accountId: string,
  form: { id: string; version: number; content: DraftContent },
  at: Date,
  masterKey: Uint8Array | null = null,
): Promise<Saved> {
  const key = await sealingKey(database, accountId);
  const row = await database.prisma.draft.findFirst({
    where: { id: form.id, accountId },
    include: { attachments: true },
  });
  if (!row) return { kind: 'gone' };
  const sealed = sealTo(key, Buffer.from(JSON.stringify(form.content)), boxContext(accountId, row.id, 'content'));
  const { count } = await database.prisma.draft.updateMany({
    where: { id: row.id, accountId, version: form.version },
    data: { sealed: joinBoxes(splitBoxes(row.sealed).origin, sealed), version: { increment: 1 }, savedAt: at },
  });
  if (count === 1) return { kind: 'saved', id: row.id, version: form.version + 1 };
  const now = await database.prisma.draft.findFirst({ where: { id: row.id, accountId } });
  if (!now) return { kind: 'gone' };
  if (masterKey && (await hasContent(database, accountId, masterKey, now, form.content))) {
    return { kind: 'saved', id: row.id, version: now.version };
  }
  const second = await createSecondVersion(database, accountId, row, form.content, at);
  return { kind: 'conflict', ...second };
}

function hasContent(
  database: Database,
  accountId: string,
  masterKey: Uint8Array,
  row: Pick<Draft, 'id' | 'sealed'>,
  content: DraftContent,
): Promise<boolean> {
  return withDraftKeys(database, accountId, masterKey, async (keys) =>
    isDeepStrictEqual(openBoxes(keys, accountId, row).content, content),
  );
}

/**
 * The stale form beside the newer version, with the same attachments. Its origin cannot be read without an unlock, so the
 * sealed one is taken over with the id that it is bound to.
 */
async function createSecondVersion(
  database: Database,
  accountId: string,
  original: Draft & { attachments: { sealedHead: Uint8Array; size: number; contentId: string }[] },
  content: DraftContent,
  at: Date,
): Promise<{ id: string; version: number }> {
  const key = await sealingKey(database, accountId);
  const id = randomUUID();
  const bound = splitBoxes(original.sealed).boundTo ?? original.id;
  const sealed = joinBoxes(
    splitBoxes(original.sealed).origin,
    sealTo(key, Buffer.from(JSON.stringify(content)), boxContext(accountId, id, 'content')),
    bound,
  );
  await database.prisma.draft.create({
    data: {
      id,
      accountId,
      sealed,
      nonce: randomBytes(24).toString('base64url'),
      createdAt: at,
      savedAt: at,
      attachments: {
        create: original.attachments.map(({ sealedHead, size, contentId }) => ({
          sealedHead: new Uint8Array(sealedHead),
          size,
          contentId,
        })),
      },
    },
  });
  return { id, version: 1 };
}

/** @throws AppError not-found */
export async function openDraft(
  database: Database,
  session: Pick<SignedIn, 'account'>,
  masterKey: Uint8Array,
  id: string,
): Promise<OpenedDraft> {
  const accountId = session.account.id;
  const row = await database.prisma.draft.findFirst({
    where: { id, accountId },
    include: { attachments: { orderBy: { addedAt: 'asc' } } },
  });
  if (!row) throw new AppError('not-found');
  return withDraftKeys(database, accountId, masterKey, async (keys) => ({
    ...row,
    ...openBoxes(keys, accountId, row),
  }));
}

export type DraftLine = { id: string; savedAt: Date; subject: string; recipients: string; mode: DraftOrigin['mode'] };

/** The newest drafts, opened for the list. */
export async function listDrafts(database: Database, accountId: string, masterKey: Uint8Array): Promise<DraftLine[]> {
  const rows = await database.prisma.draft.findMany({
    where: { accountId },
    orderBy: { savedAt: 'desc' },
    take: LIST_LIMIT,
  });
  if (rows.length === 0) return [];
  return withDraftKeys(database, accountId, masterKey, async (keys) =>
    rows.map((row) => {
      const { content, origin } = openBoxes(keys, accountId, row);
      const recipients = [content.to, content.cc, content.bcc].filter((field) => field.trim() !== '').join(', ');
      const subject = markedSubject(content, origin);
      return { id: row.id, savedAt: row.savedAt, subject, recipients, mode: origin.mode };
    }),
  );
}

/** As it will leave. */
function markedSubject({ subject, marking }: DraftContent, { marking: kept }: DraftOrigin): string {
  const text = chosenMarking(keptChoice(marking ?? UNDECIDED, kept));
  return text === null ? subject : withMarking(subject, text);
}

/** @returns false when it was not there */
export async function discardDraft(database: Database, accountId: string, id: string): Promise<boolean> {
  const row = await database.prisma.draft.findFirst({
    where: { id, accountId },
    select: { attachments: { select: { contentId: true } } },
  });
  if (!row) return false;
  const { count } = await database.prisma.draft.deleteMany({ where: { id, accountId } });
  await removeUnusedContents(
    database.pool,
    row.attachments.map((attachment) => attachment.contentId),
  );
  return count === 1;
}

function openBoxes(keys: DraftKeys, accountId: string, row: Pick<Draft, 'id' | 'sealed'>) {
  const boxes = splitBoxes(row.sealed);
  const origin = openFrom(keys, boxes.origin, boxContext(accountId, boxes.boundTo ?? row.id, 'origin'));
  const content = openFrom(keys, boxes.content, boxContext(accountId, row.id, 'content'));
  return {
    origin: DraftOriginSchema.parse(JSON.parse(origin.toString('utf8'))),
    content: Content.parse(JSON.parse(content.toString('utf8'))),
  };
}

function boxContext(accountId: string, draftId: string, box: 'origin' | 'content'): string {
  return `draft ${accountId} ${draftId} ${box}`;
}

const ID_BYTES = 36;

/** Length of the first box, the draft that it is bound to (blanks: this one), the two boxes. */
function joinBoxes(origin: Uint8Array, content: Uint8Array, boundTo = ''): Uint8Array<ArrayBuffer> {
  const head = Buffer.alloc(LENGTH_BYTES + ID_BYTES, ' ');
  head.writeUInt32BE(origin.length);
  head.write(boundTo, LENGTH_BYTES, 'latin1');
  return new Uint8Array(Buffer.concat([head, origin, content]));
}

function splitBoxes(sealed: Uint8Array): { origin: Uint8Array; content: Uint8Array; boundTo: string | null } {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const at = LENGTH_BYTES + ID_BYTES;
  const length = bytes.readUInt32BE();
  const boundTo = bytes.toString('latin1', LENGTH_BYTES, at).trim();
  return { origin: bytes.subarray(at, at + length), content: bytes.subarray(at + length), boundTo: boundTo || null };
}
