import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { openRegistrationAction, showCode } from './code.ts';
import { leaveRegistration, saveRegistration, showRegistrationForm, showRegistrationPrint } from './contact-form.ts';

/** Public: the contact of a country that registers has no account, but a code that was handed over (T09). */
export function registrationRoutes(app: FastifyInstance, context: Context): void {
  const form = { config: { public: true, visitForm: true } } as const;
  app.get('/registration', form, showCode(context));
  app.post('/registration', form, openRegistrationAction(context));
  app.get('/registration/form', form, showRegistrationForm(context));
  app.post('/registration/form', form, saveRegistration(context));
  app.get('/registration/print', form, showRegistrationPrint(context));
  app.post('/registration/leave', form, leaveRegistration(context));
}
