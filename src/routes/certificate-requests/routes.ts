import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { downloadRequest } from './download-request.ts';
import { installCertificateAction } from './install-certificate.ts';
import { createRequest, showRequests } from './make-request.ts';
import { showRequest } from './show-request.ts';
import { showWithdraw, withdrawAction } from './withdraw-request.ts';

export function certificateRequestRoutes(app: FastifyInstance, context: Context): void {
  app.get('/digital-ids/requests', showRequests(context));
  app.post('/digital-ids/requests', createRequest(context));
  app.get('/digital-ids/requests/:request', showRequest(context));
  app.get('/digital-ids/requests/:request/:use/:form', downloadRequest(context));
  app.post(
    '/digital-ids/requests/:request/certificate',
    { config: { multipart: true } },
    installCertificateAction(context),
  );
  app.get('/digital-ids/requests/:request/withdraw', showWithdraw(context));
  app.post('/digital-ids/requests/:request/withdraw', withdrawAction(context));
}
