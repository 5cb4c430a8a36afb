import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { beginCountry, showCountries } from './countries.ts';
import { chooseMailServer, showCountry } from './country.ts';

/** The countries of the programme, and what is known of each one. */
export function countryRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  app.get('/administration/countries', central, showCountries(context));
  app.post('/administration/countries', central, beginCountry(context));
  app.get('/administration/countries/:country', central, showCountry(context));
  app.post('/administration/countries/:country/mail-server', central, chooseMailServer(context));
}
