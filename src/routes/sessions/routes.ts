import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { createSignIn } from './create-sign-in.ts';
import { endSignIn } from './end-sign-in.ts';
import { enter } from './enter.ts';
import { showSignIn } from './show-sign-in.ts';

export function sessionRoutes(app: FastifyInstance, context: Context): void {
  app.get('/', enter(context));
  app.get('/sign-in', { config: { public: true, visitForm: true } }, showSignIn());
  app.post('/sign-in', { config: { public: true, visitForm: true } }, createSignIn(context));
  app.post('/sign-out', endSignIn(context));
}
