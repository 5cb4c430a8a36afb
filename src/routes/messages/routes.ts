import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { BodyThreads } from '../../html/body-thread.ts';
import { actOnSelected } from './act-on-messages.ts';
import { answerReceipt } from './answer-receipt.ts';
import { countMail } from './count-new-mail.ts';
import { saveMessage } from './download-message.ts';
import { enterMailbox } from './enter-mailbox.ts';
import { askRelease, saveReleased, showFinding } from './held-attachment.ts';
import { showMailbox } from './list-messages.ts';
import { printMessage } from './print-message.ts';
import { recheckMessage } from './recheck-message.ts';
import { saveAttachment, saveUnscanned } from './save-attachment.ts';
import { showBody } from './show-body.ts';
import { showMessage } from './show-message.ts';
import { showSource } from './show-source.ts';
import { endStreams, type OpenStreams, watchMail } from './watch-mail.ts';

export function messageRoutes(app: FastifyInstance, context: Context): void {
  const threads = new BodyThreads();
  const streams: OpenStreams = new Map();
  // Before the server waits for its requests to end: these would not.
  app.addHook('preClose', async () => endStreams(streams));
  app.addHook('onClose', async () => threads.close());

  app.get('/mail', enterMailbox());
  app.get('/mail/:folder', showMailbox(context));
  app.post('/mail/:folder/actions', actOnSelected(context));
  app.get('/mail/:folder/:message', showMessage(context));
  app.post('/mail/:folder/:message/recheck', recheckMessage(context));
  app.post('/mail/:folder/:message/receipt', answerReceipt(context));
  app.get('/mail/:folder/:message/body', { config: { background: true } }, showBody(context, threads));
  app.get('/mail/:folder/:message/print', printMessage(context, threads));
  app.get('/mail/:folder/:message/source', showSource(context));
  app.get('/mail/:folder/:message/message.eml', saveMessage(context));
  app.get('/mail/:folder/:message/attachments/:index', saveAttachment(context));
  app.post('/mail/:folder/:message/attachments/:index/unscanned', saveUnscanned(context));
  app.get('/mail/:folder/:message/attachments/:index/finding', showFinding(context));
  app.post('/mail/:folder/:message/attachments/:index/release', askRelease(context));
  app.post('/mail/:folder/:message/attachments/:index/released', saveReleased(context));
  app.get('/events', { config: { background: true } }, watchMail(context, streams));
  app.get('/new-mail', { config: { background: true } }, countMail(context));
}
