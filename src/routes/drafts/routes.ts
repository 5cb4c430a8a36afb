import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { BodyThreads } from '../../html/body-thread.ts';
import { changeDraft } from './change-draft.ts';
import { showDrafts } from './list-drafts.ts';
import { newDraft } from './new-draft.ts';
import { showRecipientMarks } from './recipient-marks.ts';
import { showDraft } from './show-draft.ts';

export function draftRoutes(app: FastifyInstance, context: Context): void {
  // For quotes of letters that have HTML alone.
  const threads = new BodyThreads({ threads: 1 });
  app.addHook('onClose', async () => threads.close());
  const answering = { ...context, threads };

  app.get('/drafts', showDrafts(context));
  app.get('/drafts/new', newDraft(answering));
  app.get('/drafts/:draft', showDraft(context));
  app.post('/drafts/:draft', { config: { multipart: true } }, changeDraft(answering));
  app.get('/recipients/marks', { config: { background: true } }, showRecipientMarks(context));
}
