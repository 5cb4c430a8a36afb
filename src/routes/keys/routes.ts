import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { changePassphraseAction } from './change-passphrase.ts';
import { createPassphrase } from './create-passphrase.ts';
import { extendAction, lockAction } from './lock.ts';
import { recoverAction, showRecovery } from './recover.ts';
import { showPassphrase } from './show-passphrase.ts';
import { showUnlock, unlockAction } from './unlock.ts';

export function keyRoutes(app: FastifyInstance, context: Context): void {
  app.get('/keys/unlock', showUnlock());
  app.post('/keys/unlock', unlockAction(context));
  app.post('/keys/lock', lockAction(context));
  app.post('/keys/extend', extendAction(context));
  app.get('/keys/recovery', showRecovery());
  app.post('/keys/recovery', recoverAction(context));
  app.get('/keys/passphrase', showPassphrase());
  app.post('/keys/passphrase', createPassphrase(context));
  app.post('/keys/passphrase/change', changePassphraseAction(context));
}
