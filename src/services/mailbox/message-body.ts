import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import type { BodyQuestion } from '../../html/body-content.ts';
import { type BodyDocument, bodyDocument, type HeaderLine } from '../../html/body-document.ts';
import type { BodyThreads } from '../../html/body-thread.ts';
import { escapeHtml } from '../../html/escape.ts';
import type { OpenedMessage } from '../../smime/verdict.ts';
import type { SignedIn } from '../sessions/session.ts';
import { readSource } from './message-download.ts';
import type { MessageRef } from './message-ref.ts';

export type BodyView = 'text' | 'html' | 'source';

const SOURCE_BYTES = 1024 * 1024;

/** The look of a body document, and the words that stand where there are none. */
export type BodyFrame = {
  title: string;
  locale: string;
  theme: 'light' | 'dark' | null;
  /** Said where the message has no text */
  emptyText: string;
  /** Said where it has more than is shown */
  cutText: string;
  header?: readonly HeaderLine[];
};

type Shown = Pick<OpenedMessage, 'text' | 'html' | 'textCut' | 'encryption' | 'signature' | 'inlineImages'>;

/** The views that this message has, the one to begin with first. */
export function bodyViews(opened: Pick<Shown, 'text' | 'html' | 'encryption'>): BodyView[] {
  // HTML of a cipher text that anybody could have changed might carry the rest of it away (security.md).
  if (opened.html === null || opened.encryption.malleable) return ['text', 'source'];
  return ['html', 'text', 'source'];
}

/** Pictures from elsewhere are never fetched for a message that was encrypted, nor for one whose signature is broken. */
export function mayShowRemote(opened: Pick<Shown, 'encryption' | 'signature'>): boolean {
  return opened.encryption.status === 'none' && opened.signature.status !== 'invalid';
}

/** Whether the letter names pictures elsewhere; a question to the reader follows from it, not a decision. */
export function namesRemote(opened: Pick<Shown, 'html'>): boolean {
  return opened.html !== null && /\b(?:src|background)\s{0,9}=\s{0,9}["']?\s{0,9}(?:https?:)?\/\//i.test(opened.html);
}

/** The document of a letter's text or HTML for its sandboxed frame. @throws AppError message-too-complex, busy */
export async function letterDocument(
  threads: BodyThreads,
  opened: Shown,
  view: 'text' | 'html',
  remote: boolean,
  frame: BodyFrame,
): Promise<BodyDocument> {
  const allowed = remote && mayShowRemote(opened);
  const question = questionOf(opened, view, allowed);
  const { emptyText, cutText, ...options } = frame;
  if (question === null) return bodyDocument({ ...options, content: `<p>${escapeHtml(emptyText)}</p>` });
  const answer = await threads.ask(question);
  if (!answer.ok) throw new AppError(answer.reason === 'busy' ? 'busy' : 'message-too-complex');
  const content = opened.textCut ? `${answer.content}<p>${escapeHtml(cutText)}</p>` : answer.content;
  return bodyDocument({ ...options, content, remoteImages: allowed && question.kind === 'html' });
}

function questionOf(opened: Shown, view: 'text' | 'html', remote: boolean): BodyQuestion | null {
  const links = !opened.encryption.malleable;
  if (view === 'html' && opened.html !== null && links) {
    const pictures = opened.inlineImages.map(({ contentId, type, bytes }) => ({ contentId, type, bytes }));
    return { kind: 'html', html: opened.html, pictures, remote: remote ? 'allow' : 'block' };
  }
  if (opened.text !== null) return { kind: 'text', text: opened.text, links };
  return opened.html === null ? null : { kind: 'words', html: opened.html, links };
}

/** The message as it is stored, for the frame; `cutNote` stands at its end where it goes on. @throws AppError message-gone */
export async function sourceDocument(
  context: Context,
  session: SignedIn,
  ref: MessageRef,
  frame: Omit<BodyFrame, 'emptyText' | 'cutText'>,
  cutNote: string,
): Promise<BodyDocument> {
  const { bytes, cut } = await readSource(context, session, ref, SOURCE_BYTES);
  const note = cut ? `<p>${escapeHtml(cutNote)}</p>` : '';
  return bodyDocument({ ...frame, content: `<pre>${escapeHtml(bytes.toString('utf8'))}</pre>${note}` });
}
