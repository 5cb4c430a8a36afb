import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import {
  acceptAction,
  inviteAction,
  returnAction,
  showRegistration,
  showRegistrationPaper,
  testServersAction,
  withdrawInvitationAction,
} from './central.ts';
import { proposeChange, showChange, showOwnPaper, showOwnRegistration } from './own.ts';

/** The registration of a country: decided by the centre, changed by the country's own administrators (T09). */
export function registrationAdministrationRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  const country = { config: { administration: 'country' } } as const;
  app.get('/administration/registrations/:registration', central, showRegistration(context));
  app.get('/administration/registrations/:registration/print', central, showRegistrationPaper(context));
  app.post('/administration/registrations/:registration/invitation', central, inviteAction(context));
  app.post(
    '/administration/registrations/:registration/invitation/withdraw',
    central,
    withdrawInvitationAction(context),
  );
  app.post('/administration/registrations/:registration/test', central, testServersAction(context));
  app.post('/administration/registrations/:registration/return', central, returnAction(context));
  app.post('/administration/registrations/:registration/accept', central, acceptAction(context));

  app.get('/administration/registration', country, showOwnRegistration(context));
  app.get('/administration/registration/print', country, showOwnPaper(context));
  app.get('/administration/registration/change', country, showChange(context));
  app.post('/administration/registration/change', country, proposeChange(context));
}
