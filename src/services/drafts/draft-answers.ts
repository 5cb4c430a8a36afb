import { isSpool } from '../../bytes/spool.ts';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { BodyThreads } from '../../html/body-thread.ts';
import type { Formats } from '../../i18n/formats.ts';
import type { Address } from '../../mail/address.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import type { OpenJob } from '../../smime/worker-jobs.ts';
import { choiceOf, UNDECIDED } from '../letters/marking-policy.ts';
import { attachmentOf } from '../mailbox/message-attachment.ts';
import type { MessageRef } from '../mailbox/message-ref.ts';
import { openingOf, readMessage } from '../mailbox/read-message.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type AnswerMode, composeAnswer, letterText, type QuoteWords, quoteOf, writeAddress } from './compose-reply.ts';
import { type Added, addAttachment } from './draft-attachments.ts';
import { createDraft, type DraftContent, type DraftOrigin, NEW_ORIGIN, type OpenedDraft } from './drafts.ts';

/** An empty sheet with the account's settings (T17). @throws AppError no-vault */
export async function startLetter(context: Context, session: SignedIn, to: readonly Address[]): Promise<string> {
  const { account } = session;
  const content: DraftContent = {
    to: to.map(writeAddress).join(', '),
    cc: '',
    bcc: '',
    subject: '',
    text: letterText(account.signatureText, ''),
    sign: account.signByDefault,
    encrypt: account.encryptByDefault,
  };
  return (await createDraft(context.database, account.id, content, NEW_ORIGIN, context.now())).id;
}

/** An attachment that could not be taken along: `room` where it does not fit or cannot be read. */
export type LeftOut = { name: string; why: 'room' | 'unscanned' } | { name: string; why: 'infected'; finding: string };

export type StartedAnswer = { id: string; leftOut: LeftOut[] };

/**
 * A draft that answers or forwards a message, with its attachments when it is forwarded.
 * @throws AppError no-vault, keys-locked for encrypted mail, and as `readMessage`
 */
export async function startAnswer(
  context: Context & { threads: BodyThreads },
  session: SignedIn,
  formats: Formats,
  ref: MessageRef,
  mode: AnswerMode,
): Promise<StartedAnswer> {
  const { account } = session;
  const { opened, closed } = await readMessage(context, session, ref);
  if (closed === 'locked') throw new AppError('keys-locked');
  if (closed === 'no-vault' || !session.hasVault) throw new AppError('no-vault');
  const answer = composeAnswer(
    opened,
    mode,
    account.address,
    quoteWords(formats),
    await textOf(context.threads, opened),
  );
  const origin: DraftOrigin = {
    mode,
    mustEncrypt: answer.mustEncrypt,
    hideSubject: answer.hideSubject,
    marking: answer.marking,
    quoteWithheld: answer.quoteWithheld,
    inReplyTo: mode === 'forward' ? null : answer.inReplyTo,
    references: answer.references,
    source: { folder: ref.folder, uidValidity: String(ref.uidValidity), uid: ref.uid },
  };
  const content: DraftContent = {
    to: answer.to.map(writeAddress).join(', '),
    cc: answer.cc.map(writeAddress).join(', '),
    bcc: '',
    subject: answer.subject,
    text: letterText(account.signatureText, answer.quote),
    // What is marked leaves in no other way.
    sign: answer.marking !== null || account.signByDefault,
    encrypt: answer.mustEncrypt || answer.marking !== null || account.encryptByDefault,
    marking: answer.marking === null ? UNDECIDED : choiceOf(answer.marking),
  };
  const { id } = await createDraft(context.database, account.id, content, origin, context.now());
  const leftOut = mode === 'forward' ? await takeAttachments(context, session, opened, ref, id) : [];
  return { id, leftOut };
}

/** The quote that was withheld, for a writer who was warned and asks for it. Null when the message can no longer be opened. */
export async function withheldQuoteText(
  context: Context & { threads: BodyThreads },
  session: SignedIn,
  formats: Formats,
  draft: Pick<OpenedDraft, 'origin'>,
): Promise<string | null> {
  const { source, mode } = draft.origin;
  if (source === null || mode === 'new') return null;
  const ref = { folder: source.folder, uidValidity: BigInt(source.uidValidity), uid: source.uid };
  const { opened } = await readMessage(context, session, ref);
  if (opened.encryption.status === 'failed') return null;
  const text = await textOf(context.threads, opened);
  return text === null && opened.html !== null ? null : quoteOf(opened, mode, quoteWords(formats), text);
}

/** The words of a message, read from its HTML where it has no other; null where it has none that can be read. */
async function textOf(threads: BodyThreads, { text, html }: OpenedMessage): Promise<string | null> {
  if (text !== null || html === null) return text;
  const answer = await threads.ask({ kind: 'quote', html });
  return answer.ok ? answer.content : null;
}

/** The attachments of a message that is forwarded. Gives those that stay behind. */
async function takeAttachments(
  context: Context,
  session: SignedIn,
  opened: OpenedMessage,
  ref: MessageRef,
  draftId: string,
): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = [];
  if (opened.attachments.length === 0) return leftOut;
  const { job, release } = await openingOf(context, session, ref);
  try {
    for (const [position, { index, name }] of opened.attachments.entries()) {
      // What is given to a worker is gone: each gets its own copy.
      const bytes = isSpool(job.bytes) ? job.bytes : new Uint8Array(job.bytes);
      const taken = await takeAttachment(context, session, { ...job, bytes }, index, draftId);
      if (taken.ok) continue;
      if (taken.reason === 'infected') leftOut.push({ name, why: 'infected', finding: taken.finding });
      else leftOut.push({ name, why: taken.reason === 'unscanned' ? 'unscanned' : 'room' });
      if (taken.reason !== 'too-many') continue;
      // Nor is there room for any of those that follow: none of them is opened for that.
      leftOut.push(
        ...opened.attachments.slice(position + 1).map((each) => ({ name: each.name, why: 'room' as const })),
      );
      break;
    }
  } finally {
    await release();
  }
  return leftOut;
}

/** One that can not be read counts as too large. */
async function takeAttachment(
  context: Context,
  session: SignedIn,
  job: Omit<OpenJob, 'kind'>,
  index: number,
  draftId: string,
): Promise<Added> {
  const attachment = await attachmentOf(context, session, job, index).catch((error: unknown) => {
    if (error instanceof AppError) return null;
    throw error;
  });
  if (attachment === null) return { ok: false, reason: 'too-large' };
  try {
    const { name, type } = attachment;
    const source = streamOf(attachment.slices());
    return await addAttachment(context, session, draftId, { name, type, source });
  } finally {
    await attachment.release();
  }
}

async function* streamOf(slices: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* slices;
}

function quoteWords({ t, dateTime, plainName }: Formats): QuoteWords {
  const when = (date: Date | null) => (date === null ? t('common.date.unknown') : dateTime(date));
  return {
    attribution: (date, from) => t('drafts.quote.attribution', { date: when(date), name: plainName(from) }),
    forwarded: ({ from, to, date, subject }) =>
      [
        t('drafts.quote.forwarded'),
        t('drafts.quote.from', { value: from }),
        t('drafts.quote.to', { value: to }),
        t('drafts.quote.date', { value: when(date) }),
        t('drafts.quote.subject', { value: subject }),
      ].join('\n'),
  };
}
