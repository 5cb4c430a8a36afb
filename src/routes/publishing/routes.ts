import type { FastifyInstance } from 'fastify';
import type { Context } from '../../context.ts';
import { MAX_REQUEST_BYTES } from '../../pki/write-ocsp.ts';
import { OcspResponder } from '../../services/publishing/ocsp-responder.ts';
import { PublishedLists } from '../../services/publishing/published-lists.ts';
import { answerGet, answerPost } from './answer-ocsp.ts';
import { sayPlainly } from './plain-answer.ts';
import { serveList } from './serve-list.ts';

/**
 * For programs of anybody in the world: no session, no cookie, no form token, each answer bounded. A plug-in of its own, since no page's
 * rules hold here.
 */
export function publishingRoutes(app: FastifyInstance, context: Context): void {
  app.register(async (plain) => {
    plain.addContentTypeParser(
      'application/ocsp-request',
      { parseAs: 'buffer', bodyLimit: MAX_REQUEST_BYTES },
      (_request, body, done) => done(null, body),
    );
    plain.removeContentTypeParser(['application/json', 'text/plain']);
    plain.setErrorHandler((error, request, reply) => {
      const status = (error as { statusCode?: number }).statusCode ?? 500;
      if (status >= 500) request.log.error(error);
      return sayPlainly(reply, status);
    });
    const lists = new PublishedLists(context.database);
    const responder = new OcspResponder(context);
    plain.get('/lists/:file', serveList(context, lists));
    plain.get('/ocsp/*', answerGet(context, responder));
    plain.post('/ocsp', answerPost(context, responder));
  });
}
