import { randomBytes } from 'node:crypto';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { AppError, ERROR_STATUS, type ErrorCode } from '../errors.ts';

/** One function turns what went wrong into what a person reads; stacks and raw texts stay in the log. */
export const errorPages = fp(
  async (app) => {
    app.setNotFoundHandler({}, async (_request, reply) => showError(reply, new AppError('not-found')));
    app.setErrorHandler(async (error: FastifyError | AppError, request, reply) => {
      const known = error instanceof AppError ? error : new AppError(codeOf(error));
      if (known.code === 'keys-locked') return toUnlock(request, reply);
      if (known.code === 'no-vault') return reply.redirect('/first-steps');
      if (known.code !== 'internal') return showError(reply, known);
      const reference = randomBytes(6).toString('hex');
      request.log.error({ err: error, reference }, 'request failed');
      return showError(reply, new AppError('internal', { reference }));
    });
  },
  { name: 'error-pages', dependencies: ['view'] },
);

function toUnlock(request: FastifyRequest, reply: FastifyReply) {
  if (request.routeOptions.config.background) return reply.code(409).send();
  const back = request.method === 'GET' ? request.url : pathOf(request.headers.referer);
  return reply.redirect(`/keys/unlock?next=${encodeURIComponent(back)}`);
}

function pathOf(referer: string | undefined): string {
  return referer !== undefined && URL.canParse(referer) ? new URL(referer).pathname : '/';
}

async function showError(reply: FastifyReply, error: AppError) {
  reply.code(ERROR_STATUS[error.code]);
  const { t } = reply.request.formats;
  return reply.page('errors/show', {
    title: t(`errors.${error.code}.title`, error.parameters),
    code: error.code,
    text: t(`errors.${error.code}.text`, error.parameters),
    reference: error.parameters['reference'] ?? null,
    wasSent: reply.request.method === 'POST',
  });
}

/** Fastify's own refusals. */
function codeOf(error: FastifyError): ErrorCode {
  if (error.code === 'ENOSPC') return 'no-room';
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' || error.code === 'FST_REQ_FILE_TOO_LARGE') return 'too-large';
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return 'unsupported-form';
  if (error.statusCode === 413) return 'too-large';
  // The reader of multipart forms gives its errors no code.
  if (/end of multipart data$|^Multipart: Boundary|^The needle cannot/.test(error.message)) return 'bad-request';
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) return 'bad-request';
  return 'internal';
}
