import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { addPasskeyAction } from './add-passkey.ts';
import { removeCodesAction, removePasskeyAction, showRemoveCodes, showRemovePasskey } from './remove-factor.ts';
import { showFactors } from './show-factors.ts';

export function factorRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;

  app.get('/administration/factors', country, showFactors(context));
  app.post('/administration/factors/passkeys', country, addPasskeyAction(context));
  app.get('/administration/factors/passkeys/:passkey/remove', country, showRemovePasskey(context));
  app.post('/administration/factors/passkeys/:passkey/remove', country, removePasskeyAction(context));
  app.get('/administration/factors/codes/remove', country, showRemoveCodes(context));
  app.post('/administration/factors/codes/remove', country, removeCodesAction(context));
}
