import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { readParts } from '../../plugins/csrf.ts';
import { type Added, addAttachment } from '../../services/drafts/draft-attachments.ts';
import { createDraft, type DraftContent, NEW_ORIGIN, type Saved, saveDraft } from '../../services/drafts/drafts.ts';
import { letterOfNonce } from '../../services/letters/letters.ts';
import { chosenMarking } from '../../services/letters/marking-policy.ts';
import type { SignedIn } from '../../services/sessions/session.ts';

/** A form that is much too large is still read to its end, so that its sender gets a page and not a broken connection. */
const READ_AHEAD = 40;
/** More than a message may have, so that each one too many is refused by its name and not the form as a whole. */
const MAX_FILES = 250;

/** Of one field: several times what a message may have, so that a longer text is kept and refused in words. */
const FIELD_BYTES = 4 * 1024 * 1024;

const Fields = z.object({
  version: z.coerce.number().int().min(1),
  nonce: z.string().max(100),
  to: z.string(),
  cc: z.string(),
  bcc: z.string(),
  subject: z.string().transform((subject) => subject.replace(/[\x00-\x1f\x7f]+/g, ' ')),
  text: z.string().transform((text) => text.replace(/\r\n?/g, '\n')),
  sign: z.literal('on').optional(),
  encrypt: z.literal('on').optional(),
  askReceipt: z.literal('on').optional(),
  marking: z.enum(['none', 'sensitive', 'instructed']).optional(),
  handling: z
    .string()
    .default('')
    .transform((handling) => handling.replace(/[\x00-\x1f\x7f]+/g, ' ')),
  confirmUnsigned: z.literal('on').optional(),
  hideSubject: z.literal('on').optional(),
  keepMarking: z.literal('on').optional(),
  do: z.string().max(1000).default('save'),
});

export type FileProblem = { name: string } & Extract<Added, { ok: false }>;

export type ReadForm = {
  /** What the pressed button asks for */
  action: string;
  nonce: string;
  confirmedUnsigned: boolean;
  saved:
    | Exclude<Saved, { kind: 'gone' }>
    | { kind: 'recovered'; id: string; version: number }
    | { kind: 'sent'; letterId: string };
  fileProblems: FileProblem[];
};

/**
 * Reads the form in the order in which it comes: the text stands before the files and is saved before the first of them
 * is read, so that no upload that breaks off or is too large takes it along.
 * @throws AppError form-expired, bad-request, no-vault
 */
export async function readDraftForm(
  context: Context,
  request: FastifyRequest,
  session: SignedIn,
  draftId: string,
): Promise<ReadForm> {
  const limit = context.config.attachmentLimitBytes;
  const fields: Record<string, string> = {};
  const fileProblems: FileProblem[] = [];
  let saved: ReadForm['saved'] | null = null;
  for await (const part of readParts(request, {
    fileBytes: READ_AHEAD * limit,
    files: MAX_FILES,
    fieldBytes: FIELD_BYTES,
  })) {
    if (part.kind === 'field') {
      fields[part.name] = part.value;
      continue;
    }
    saved ??= await save(context, session, draftId, fields);
    if (saved.kind === 'sent') {
      part.file.file.resume();
      continue;
    }
    const name = part.file.filename;
    const file = { name, type: part.file.mimetype, source: part.file.file };
    const added = await addAttachment(context, session, saved.id, file);
    if (!added.ok) fileProblems.push({ name, ...added });
  }
  const { action, nonce, confirmedUnsigned } = readFields(fields);
  saved ??= await save(context, session, draftId, fields);
  return { action, nonce, confirmedUnsigned, saved, fileProblems };
}

function readFields(fields: Record<string, string>) {
  const read = Fields.safeParse(fields);
  if (!read.success) throw new AppError('bad-request');
  const { to, cc, bcc, subject, text, version, nonce } = read.data;
  const content: DraftContent = {
    to,
    cc,
    bcc,
    subject,
    text,
    sign: read.data.sign === 'on',
    encrypt: read.data.encrypt === 'on',
    askReceipt: read.data.askReceipt === 'on',
    marking: { kind: read.data.marking ?? 'undecided', handling: read.data.handling },
  };
  return {
    content,
    version,
    nonce,
    action: read.data.do,
    confirmedUnsigned: read.data.confirmUnsigned === 'on',
    hideSubject: read.data.hideSubject === 'on',
    keepMarking: read.data.keepMarking === 'on',
  };
}

async function save(
  context: Context,
  session: SignedIn,
  draftId: string,
  fields: Record<string, string>,
): Promise<ReadForm['saved']> {
  const { database } = context;
  const { content, version, nonce, hideSubject, keepMarking } = readFields(fields);
  const accountId = session.account.id;
  const form = { id: draftId, version, content };
  const saved = await saveDraft(database, accountId, form, context.now(), session.masterKey);
  if (saved.kind !== 'gone') return saved;
  const letterId = await letterOfNonce(database, accountId, nonce);
  if (letterId !== null) return { kind: 'sent', letterId };
  // Discarded in another window: what stands here is kept all the same, and stays as strict as it was.
  const marking = keepMarking ? chosenMarking(content.marking) : null;
  const origin = { ...NEW_ORIGIN, mustEncrypt: content.encrypt, hideSubject, marking };
  return { kind: 'recovered', ...(await createDraft(database, accountId, content, origin, context.now())) };
}
