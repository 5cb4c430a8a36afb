import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError, ERROR_STATUS } from '../../errors.ts';
import { type BodyDocument, bodyDocument } from '../../html/body-document.ts';
import type { BodyThreads } from '../../html/body-thread.ts';
import { escapeHtml } from '../../html/escape.ts';
import { signedIn } from '../../plugins/session.ts';
import { type BodyView, bodyViews, letterDocument, sourceDocument } from '../../services/mailbox/message-body.ts';
import { readMessage } from '../../services/mailbox/read-message.ts';
import { withScannedPictures } from '../../services/scanning/scan-pictures.ts';
import { messageOf } from './params.ts';

export const BodyQuery = z.object({
  view: z.enum(['text', 'html', 'source']).optional().catch(undefined),
  remote: z.literal('1').optional().catch(undefined),
});

/** The document inside the frame of the message page. The page around it has recorded the decryption. */
export function showBody(context: Context, threads: BodyThreads) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    try {
      return sendBody(reply, await documentFor(context, threads, request));
    } catch (error) {
      // A page of ours may not stand inside a frame: what went wrong is said in a document like the body itself.
      if (!(error instanceof AppError)) throw error;
      const { t } = request.formats;
      const content = `<p>${escapeHtml(t(`errors.${error.code}.title`))}. ${escapeHtml(t(`errors.${error.code}.text`))}</p>`;
      const frame = bodyFrame(request, t('messages.body.title'));
      return sendBody(reply.code(ERROR_STATUS[error.code]), bodyDocument({ ...frame, content }));
    }
  };
}

async function documentFor(context: Context, threads: BodyThreads, request: FastifyRequest): Promise<BodyDocument> {
  const session = signedIn(request);
  const ref = messageOf(request);
  const { view: asked, remote } = BodyQuery.parse(request.query);
  const frame = bodyFrame(request, request.formats.t('messages.body.title'));
  if (asked === 'source') return sourceDocument(context, session, ref, frame, request.formats.t('messages.source.cut'));
  const { opened } = await readMessage(context, session, ref, { recorded: true });
  const view = chosenView(bodyViews(opened), asked);
  const wished = remote === '1' || session.account.remoteImages;
  if (view !== 'html') return letterDocument(threads, opened, 'text', wished, frame);
  const shown = await withScannedPictures(context, session, opened);
  return letterDocument(threads, shown, 'html', wished, frame);
}

/** The view that was asked for where the message has it, else the first one. */
export function chosenView(views: readonly BodyView[], asked: BodyView | undefined): BodyView {
  return asked !== undefined && views.includes(asked) ? asked : (views[0] ?? 'text');
}

export function bodyFrame(request: FastifyRequest, title: string) {
  const { theme } = signedIn(request).account;
  const { t, locale } = request.formats;
  const known: 'light' | 'dark' | null = theme === 'light' || theme === 'dark' ? theme : null;
  return { title, locale, theme: known, emptyText: t('messages.body.none'), cutText: t('messages.source.cut') };
}

/** Under a policy of its own: the document has no scripts and no origin, and only our page may frame it. */
export function sendBody(reply: FastifyReply, document: BodyDocument) {
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', document.contentSecurityPolicy)
    .header('x-frame-options', 'SAMEORIGIN')
    .send(document.html);
}
