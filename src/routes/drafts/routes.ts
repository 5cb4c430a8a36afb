import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { changeDraft } from './change-draft.ts';
import { showDrafts } from './list-drafts.ts';
import { newDraft } from './new-draft.ts';
import { showRecipientMarks } from './recipient-marks.ts';
import { showDraft } from './show-draft.ts';

export function draftRoutes(app: FastifyInstance, context: Context): void {
  app.get('/drafts', showDrafts(context));
  app.get('/drafts/new', newDraft(context));
  app.get('/drafts/:draft', showDraft(context));
  app.post('/drafts/:draft', { config: { multipart: true } }, changeDraft(context));
  app.get('/recipients/marks', { config: { background: true } }, showRecipientMarks(context));
}
