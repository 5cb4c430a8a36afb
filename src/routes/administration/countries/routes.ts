import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { beginCountry, showCountries } from './countries.ts';
import { chooseMailServer, showCountry } from './country.ts';
import { confirmCountryAct, doCountryAct } from './country-acts.ts';

/** The countries of the programme, and what is known of each one. */
export function countryRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  app.get('/administration/countries', central, showCountries(context));
  app.post('/administration/countries', central, beginCountry(context));
  app.get('/administration/countries/:country', central, showCountry(context));
  app.post('/administration/countries/:country/mail-server', central, chooseMailServer(context));
  app.get('/administration/countries/:country/suspend', central, confirmCountryAct(context, 'suspend'));
  app.post('/administration/countries/:country/suspend', central, doCountryAct(context, 'suspend'));
  app.get('/administration/countries/:country/resume', central, confirmCountryAct(context, 'resume'));
  app.post('/administration/countries/:country/resume', central, doCountryAct(context, 'resume'));
  app.get('/administration/countries/:country/remove', central, confirmCountryAct(context, 'remove'));
  app.post('/administration/countries/:country/remove', central, doCountryAct(context, 'remove'));
}
