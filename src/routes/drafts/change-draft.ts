import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { BodyThreads } from '../../html/body-thread.ts';
import { addressKey, parseRecipients } from '../../mail/address.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { writeAddress } from '../../services/drafts/compose-reply.ts';
import { withheldQuoteText } from '../../services/drafts/draft-answers.ts';
import { removeAttachment } from '../../services/drafts/draft-attachments.ts';
import { sendDraft } from '../../services/drafts/draft-sending.ts';
import {
  type DraftContent,
  discardDraft,
  type OpenedDraft,
  openDraft,
  saveDraft,
} from '../../services/drafts/drafts.ts';
import { letterOfNonce } from '../../services/letters/letters.ts';
import { sendsInBackground } from '../../services/letters/outbox-enqueue.ts';
import { composePage } from './compose-page.ts';
import { type ReadForm, readDraftForm } from './draft-form.ts';
import { fileNotice } from './file-notice.ts';
import { draftOf } from './params.ts';

type Exchange = { context: Context & { threads: BodyThreads }; request: FastifyRequest; reply: FastifyReply };
/** What to do with a form whose draft is there. */
type Form = ReadForm & { saved: { id: string; version: number } };

/** The form is saved whatever its button asks for; then that is done. */
export function changeDraft(context: Context & { threads: BodyThreads }) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const form = await readDraftForm(context, request, session, draftOf(request));
    const { saved } = form;
    if (saved.kind === 'sent') {
      leaveNotice(reply, context.config, 'info', 'drafts.alreadySent');
      return reply.redirect(`/letters/${saved.letterId}`);
    }
    const exchange = { context, request, reply };
    if (form.action === 'discard') return discard(exchange, saved.id);
    if (saved.kind !== 'saved') {
      leaveNotice(reply, context.config, 'wait', `drafts.${saved.kind}`);
      return reply.redirect(`/drafts/${saved.id}`);
    }
    const refused = fileNotice(request.formats, form.fileProblems, context.config);
    if (refused) {
      leaveNotice(reply, context.config, 'refused', refused.key, refused.parameters);
      return reply.redirect(`/drafts/${saved.id}`);
    }
    return act(exchange, { ...form, saved });
  };
}

async function act(exchange: Exchange, form: Form) {
  const { context, request, reply } = exchange;
  const { id } = form.saved;
  const [action = '', ...rest] = form.action.split(':');
  const object = rest.join(':');
  if (action === 'send') return send(exchange, form);
  if (action === 'drop') {
    await edit(exchange, form, (content) => withoutRecipient(content, object));
  } else if (action === 'quote') {
    await addQuote(exchange, form);
  } else if (action === 'remove-attachment') {
    await removeAttachment(context.database, signedIn(request).account.id, id, object);
  } else if (action === 'save') {
    leaveNotice(reply, context.config, 'done', 'drafts.saved');
  }
  return reply.redirect(`/drafts/${id}`);
}

async function send(exchange: Exchange, form: Form) {
  const { context, request, reply } = exchange;
  const session = signedIn(request);
  const masterKey = unlockedKey(request);
  try {
    const sent = await sendDraft(context, session, masterKey, form.saved.id, { unsigned: form.confirmedUnsigned });
    if (sent.ok) {
      const leaves = sendsInBackground(context.config, session.account) ? 'drafts.queued' : 'drafts.queued.session';
      const names = request.formats.list(sent.unscanned.map(request.formats.plainName));
      if (sent.unscanned.length > 0) leaveNotice(reply, context.config, 'wait', 'scanning.queued.unscanned', { names });
      else leaveNotice(reply, context.config, 'done', leaves);
      return reply.redirect(`/letters/${sent.letterId}`);
    }
    const draft = await openDraft(context.database, session, masterKey, form.saved.id);
    return reply.code(422).page('drafts/show', await composePage(context, request, draft, sent.problems));
  } catch (error) {
    // The other half of a double click was faster.
    if (!(error instanceof AppError) || error.code !== 'not-found') throw error;
    const letterId = await letterOfNonce(context.database, session.account.id, form.nonce);
    if (letterId === null) throw error;
    return reply.redirect(`/letters/${letterId}`);
  }
}

async function discard({ context, request, reply }: Exchange, id: string) {
  await discardDraft(context.database, signedIn(request).account.id, id);
  leaveNotice(reply, context.config, 'done', 'drafts.discarded');
  return reply.redirect('/drafts');
}

/** Changes the content that was just saved. @throws AppError keys-locked */
async function edit(
  { context, request }: Exchange,
  form: Form,
  change: (content: DraftContent, draft: OpenedDraft) => DraftContent,
): Promise<void> {
  const session = signedIn(request);
  const draft = await openDraft(context.database, session, unlockedKey(request), form.saved.id);
  const content = change(draft.content, draft);
  const next = { id: draft.id, version: draft.version, content };
  await saveDraft(context.database, session.account.id, next, context.now(), session.masterKey);
}

function withoutRecipient(content: DraftContent, address: string): DraftContent {
  const without = (typed: string) => {
    const { recipients, problems } = parseRecipients(typed);
    const kept = recipients.filter((one) => addressKey(one.address) !== addressKey(address));
    if (kept.length === recipients.length) return typed;
    return [...kept.map(writeAddress), ...problems.map((problem) => problem.typed)].join(', ');
  };
  return { ...content, to: without(content.to), cc: without(content.cc), bcc: without(content.bcc) };
}

/** The writer was told why the quote is missing, and asks for it all the same. */
async function addQuote(exchange: Exchange, form: Form): Promise<void> {
  const { context, request, reply } = exchange;
  const session = signedIn(request);
  const draft = await openDraft(context.database, session, unlockedKey(request), form.saved.id);
  const quote = await withheldQuoteText(context, session, request.formats, draft);
  if (quote === null) return leaveNotice(reply, context.config, 'refused', 'drafts.quote.unavailable');
  await edit(exchange, form, (content) => ({ ...content, text: `${content.text.trimEnd()}\n\n${quote}\n` }));
  leaveNotice(reply, context.config, 'wait', 'drafts.quote.added');
}
