import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import {
  createMailServerAction,
  saveMailServerAction,
  showMailServer,
  showMailServers,
  showNewMailServer,
  testMailServerAction,
} from './mail-servers.ts';

/** IMAP and submission servers of the programme's countries. */
export function mailServerRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  const file = { config: { administration: 'central', multipart: true } } as const;
  app.get('/administration/mail-servers', central, showMailServers(context));
  app.get('/administration/mail-servers/new', central, showNewMailServer(context));
  app.post('/administration/mail-servers', file, createMailServerAction(context));
  app.get('/administration/mail-servers/:server', central, showMailServer(context));
  app.post('/administration/mail-servers/:server', file, saveMailServerAction(context));
  app.post('/administration/mail-servers/:server/test', central, testMailServerAction(context));
}
