import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import {
  removePop3ServerAction,
  savePop3ServerAction,
  showCollectingCountries,
  showCollectingCountry,
  testPop3ServerAction,
} from './collection.ts';

/** POP3 servers of countries, and what is collected from them (T23). */
export function collectionRoutes(app: FastifyInstance, context: Context): void {
  const country = { config: { administration: 'country' } } as const;
  app.get('/administration/collection', country, showCollectingCountries(context));
  app.get('/administration/collection/:country', country, showCollectingCountry(context));
  app.post('/administration/collection/:country', country, savePop3ServerAction(context));
  app.post('/administration/collection/:country/test', country, testPop3ServerAction(context));
  app.post('/administration/collection/:country/remove', country, removePop3ServerAction(context));
}
