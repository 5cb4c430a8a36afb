import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { issueForCountry, showCountryIssuing } from './country-issuing.ts';
import { listIssuing } from './list-issuing.ts';
import { releaseHolderPassword, showRelease } from './release-password.ts';
import { replaceDigitalId, showReplacement } from './replace-digital-id.ts';
import { resumeJob, showJob } from './show-job.ts';

/** Digital IDs for accounts: issued in one step, files kept for their holders, passwords released once (T10, T12). */
export function issuingRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  const base = '/administration/issuing';

  app.get(base, central, listIssuing(context));
  app.get(`${base}/countries/:country`, central, showCountryIssuing(context));
  app.post(`${base}/countries/:country`, central, issueForCountry(context));
  app.get(`${base}/accounts/:account/replace`, central, showReplacement(context));
  app.post(`${base}/accounts/:account/replace`, central, replaceDigitalId(context));
  app.get(`${base}/jobs/:job`, central, showJob(context));
  app.post(`${base}/jobs/:job/resume`, central, resumeJob(context));
  app.get(`${base}/passwords/:issuance`, central, showRelease(context));
  app.post(`${base}/passwords/:issuance`, central, releaseHolderPassword(context));
}
