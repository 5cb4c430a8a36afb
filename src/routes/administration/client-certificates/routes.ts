import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { savePolicy, showClientCertificates } from './policy.ts';
import { endWaiver, waive } from './waivers.ts';

export function clientCertificateRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  const central = { config: { administration: 'central' } } as const;

  app.get('/administration/client-certificates', country, showClientCertificates(context));
  app.post('/administration/client-certificates', central, savePolicy(context));
  app.post('/administration/client-certificates/:account/waive', country, waive(context));
  app.post('/administration/client-certificates/:account/end-waiver', country, endWaiver(context));
}
