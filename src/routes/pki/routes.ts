import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { downloadAuthority } from './download-authority.ts';
import { showAuthorities } from './show-authorities.ts';

/** Public: partners fetch these without an account (S08). */
export function pkiRoutes(app: FastifyInstance, context: Context): void {
  app.get('/certificates', { config: { public: true } }, showAuthorities(context));
  app.get('/certificates/:file', { config: { public: true } }, downloadAuthority(context));
}
