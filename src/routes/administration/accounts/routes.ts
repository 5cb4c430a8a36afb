import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { confirmAct } from './confirm-account.ts';
import { sendList, showAccounts, showCountryAccounts } from './list-accounts.ts';
import { createAccount, previewAccount, showNewAccount } from './new-account.ts';
import { handOver, remove, restore, resume, setRole, showAccount, suspend } from './show-account.ts';

/** The country's administrators for their own country, the central ones for all of the programme: `administered.ts`. */
export function accountRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;

  app.get('/administration/accounts', country, showAccounts(context));
  app.get('/administration/countries/:country/accounts', country, showCountryAccounts(context));
  app.post('/administration/countries/:country/accounts', country, createAccount(context));
  app.get('/administration/countries/:country/accounts/new', country, showNewAccount(context));
  app.post('/administration/countries/:country/accounts/preview', country, previewAccount(context));
  app.post('/administration/countries/:country/accounts/send', country, sendList(context));

  app.get('/administration/accounts/:account', country, showAccount(context));
  app.get('/administration/accounts/:account/suspend', country, confirmAct(context, 'suspend'));
  app.post('/administration/accounts/:account/suspend', country, suspend(context));
  app.get('/administration/accounts/:account/resume', country, confirmAct(context, 'resume'));
  app.post('/administration/accounts/:account/resume', country, resume(context));
  app.get('/administration/accounts/:account/remove', country, confirmAct(context, 'remove'));
  app.post('/administration/accounts/:account/remove', country, remove(context));
  app.get('/administration/accounts/:account/restore', country, confirmAct(context, 'restore'));
  app.post('/administration/accounts/:account/restore', country, restore(context));
  app.get('/administration/accounts/:account/hand-over', country, confirmAct(context, 'hand-over'));
  app.post('/administration/accounts/:account/hand-over', country, handOver(context));
  app.get('/administration/accounts/:account/role', country, confirmAct(context, 'role'));
  app.post('/administration/accounts/:account/role', country, setRole(context));
}
