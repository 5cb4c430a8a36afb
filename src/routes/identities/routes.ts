import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { createBackup, showBackup } from './backup-identity.ts';
import { chooseIdentityAction, reactivateIdentityAction, retireIdentityAction } from './change-identity.ts';
import { exportIdentity } from './export-identity.ts';
import { importIdentity, showImport } from './import-identity.ts';
import { askForPassword, downloadFile, installIdentity, showInstall } from './install-identity.ts';
import { listIdentitiesPage } from './list-identities.ts';
import { sendCertificates, showSendCertificates } from './send-certificates.ts';
import { showIdentity } from './show-identity.ts';

export function identityRoutes(app: FastifyInstance, context: Context): void {
  app.get('/digital-ids', listIdentitiesPage(context));
  app.get('/digital-ids/import', showImport());
  app.post('/digital-ids/import', { config: { multipart: true } }, importIdentity(context));
  app.get('/digital-ids/install', showInstall(context));
  app.post('/digital-ids/install', installIdentity(context));
  app.post('/digital-ids/install/ask', askForPassword(context));
  app.post('/digital-ids/install/file', downloadFile(context));
  app.get('/digital-ids/send', showSendCertificates(context));
  app.post('/digital-ids/send', sendCertificates(context));
  app.get('/digital-ids/:id', showIdentity(context));
  app.post('/digital-ids/:id/use', chooseIdentityAction(context));
  app.post('/digital-ids/:id/retire', retireIdentityAction(context));
  app.post('/digital-ids/:id/reactivate', reactivateIdentityAction(context));
  app.get('/digital-ids/:id/export/:form', exportIdentity(context));
  app.get('/digital-ids/:id/backup', showBackup(context));
  app.post('/digital-ids/:id/backup', createBackup(context));
}
