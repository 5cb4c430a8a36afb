import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { addFromMessage } from './add-from-message.ts';
import { askContact, askRecipients, showAsk, testContact } from './ask-for-link.ts';
import { changeContact } from './change-contact.ts';
import {
  chooseDefault,
  exportDigitalId,
  removeDigitalIdAction,
  showRemoveDigitalId,
  showReplace,
} from './digital-ids.ts';
import { showDirectory, takeFromDirectory } from './directory.ts';
import { importCertificates } from './import-certificates.ts';
import { createContact, showContacts } from './list-contacts.ts';
import { removeContactAction, showRemoveContact } from './remove-contact.ts';
import { showContact } from './show-contact.ts';

export function contactRoutes(app: FastifyInstance, context: Context): void {
  app.get('/contacts', showContacts(context));
  app.post('/contacts', createContact(context));
  app.post('/contacts/from-message', addFromMessage(context));
  app.get('/contacts/link', showAsk());
  app.post('/contacts/link', askRecipients(context));
  app.get('/contacts/directory', showDirectory(context));
  app.post('/contacts/directory', takeFromDirectory(context));
  app.get('/contacts/:contact', showContact(context));
  app.post('/contacts/:contact', changeContact(context));
  app.get('/contacts/:contact/remove', showRemoveContact(context));
  app.post('/contacts/:contact/remove', removeContactAction(context));
  app.post('/contacts/:contact/import', { config: { multipart: true } }, importCertificates(context));
  app.post('/contacts/:contact/link', askContact(context));
  app.post('/contacts/:contact/test', testContact(context));
  app.get('/contacts/:contact/ids/:digitalId/replace', showReplace(context));
  app.post('/contacts/:contact/ids/:digitalId/default', chooseDefault(context));
  app.get('/contacts/:contact/ids/:digitalId/remove', showRemoveDigitalId(context));
  app.post('/contacts/:contact/ids/:digitalId/remove', removeDigitalIdAction(context));
  app.get('/contacts/:contact/ids/:digitalId/certificate.cer', exportDigitalId(context));
}
