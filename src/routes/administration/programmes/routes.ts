import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { grantAdministrator, showAdministrators, withdrawAdministrator } from './administrators.ts';
import { chooseProgramme, createProgrammeAction, showProgrammes } from './programmes.ts';

/** Programmes side by side: which there are, which one this session administrates, and who may. */
export function programmeRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  app.get('/administration/programmes', central, showProgrammes(context));
  app.post('/administration/programmes', central, createProgrammeAction(context));
  app.post('/administration/programmes/:programme/administrate', central, chooseProgramme(context));
  app.get('/administration/programme/administrators', central, showAdministrators(context));
  app.post('/administration/programme/administrators', central, grantAdministrator(context));
  app.post('/administration/programme/administrators/:account/withdraw', central, withdrawAdministrator(context));
}
