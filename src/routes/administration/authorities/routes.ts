import type { FastifyInstance } from 'fastify';
import type { Context } from '../../../context.ts';
import { completeAuthorityRequest, discardAuthorityRequest, downloadRequest, showRequest } from './answer-request.ts';
import { importAuthority, showImportAuthority } from './import-authority.ts';
import { listAuthorities, resumeAuthority, retireAuthority } from './list-authorities.ts';
import { createIssuing, showNewIssuing } from './new-issuing.ts';
import { createRequest, showNewRequest } from './new-request.ts';
import { createSetUp, showSetUp } from './set-up.ts';

/** The programme's certification authorities: made here, taken in, or signed by an outside root (T12). */
export function authorityRoutes(app: FastifyInstance, context: Context): void {
  const central = { config: { administration: 'central' } } as const;
  const upload = { config: { administration: 'central', multipart: true } } as const;
  const base = '/administration/authorities';

  app.get(base, central, listAuthorities(context));
  app.post(`${base}/:authority/retire`, central, retireAuthority(context));
  app.post(`${base}/:authority/resume`, central, resumeAuthority(context));

  app.get(`${base}/set-up`, central, showSetUp(context));
  app.post(`${base}/set-up`, central, createSetUp(context));
  app.get(`${base}/issuing`, central, showNewIssuing(context));
  app.post(`${base}/issuing`, central, createIssuing(context));
  app.get(`${base}/import`, central, showImportAuthority());
  app.post(`${base}/import`, upload, importAuthority(context));

  app.get(`${base}/request`, central, showNewRequest(context));
  app.post(`${base}/request`, central, createRequest(context));
  app.get(`${base}/requests/:request`, central, showRequest(context));
  app.get(`${base}/requests/:request/file`, central, downloadRequest(context));
  app.post(`${base}/requests/:request/answer`, upload, completeAuthorityRequest(context));
  app.post(`${base}/requests/:request/discard`, central, discardAuthorityRequest(context));
}
