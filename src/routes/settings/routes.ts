import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { collectNowAction, saveCollectionAction, showCollection, switchOffCollectionAction } from './collection.ts';
import { endOtherSessionsAction, endSessionAction } from './end-session.ts';
import { changeMailboxPasswordAction, showMailboxPassword } from './mailbox-password.ts';
import { saveCertificateAction } from './save-certificate.ts';
import { saveSettingsAction } from './save-settings.ts';
import { showActivity } from './show-activity.ts';
import { showSettings } from './show-settings.ts';

export function settingsRoutes(app: FastifyInstance, context: Context): void {
  app.get('/settings', showSettings(context));
  app.get('/settings/activity', showActivity(context));
  app.post('/settings', saveSettingsAction(context));
  app.get('/settings/password', showMailboxPassword());
  app.post('/settings/password', changeMailboxPasswordAction(context));
  app.post('/settings/certificate', saveCertificateAction(context));
  app.get('/settings/collection', showCollection(context));
  app.post('/settings/collection', saveCollectionAction(context));
  app.post('/settings/collection/now', collectNowAction(context));
  app.post('/settings/collection/off', switchOffCollectionAction(context));
  app.post('/settings/sessions/end-others', endOtherSessionsAction(context));
  app.post('/settings/sessions/:id/end', endSessionAction(context));
}
