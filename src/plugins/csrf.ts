import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { MultipartFile } from '@fastify/multipart';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { type Config, keyOf } from '../config.ts';
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import type { SignedIn } from '../services/sessions/session.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const FIELD = '_csrf';

declare module 'fastify' {
  interface FastifyRequest {
    /** Token for the forms of this page: bound to the session, before sign-in to a cookie of its own */
    formToken: string;
  }
  interface FastifyContextConfig {
    /** A form for visitors: its token is bound to a cookie of its own */
    visitForm?: boolean;
  }
}

/**
 * Every POST, also before sign-in: the Origin must be ours and the form must carry the token (security.md, "Bars").
 * The body of a multipart form is not read before its handler asks for it: there `readParts` checks the token.
 */
export const csrfPlugin = fp(
  async (app, { context }: { context: Context }) => {
    // Forms come as forms: other types are refused before anything of them is read.
    app.removeContentTypeParser(['application/json', 'text/plain']);
    app.decorateRequest('formToken', '');
    app.addHook('onRequest', async (request, reply) => {
      request.formToken = tokenFor(context.config, request, reply);
      if (!SAFE_METHODS.has(request.method)) checkOrigin(context.config, request);
    });
    app.addHook('preHandler', async (request) => {
      if (SAFE_METHODS.has(request.method)) return;
      if (request.isMultipart()) {
        if (!request.routeOptions.config.multipart) throw new AppError('unsupported-form');
        return;
      }
      const body = request.body as Record<string, unknown> | null | undefined;
      if (!isToken(body?.[FIELD], request.formToken)) throw new AppError('form-expired');
    });
  },
  { name: 'csrf', dependencies: ['session', '@fastify/cookie', '@fastify/multipart'] },
);

function tokenFor(config: Config, request: FastifyRequest, reply: FastifyReply): string {
  const key = keyOf(config.sessionKeys, config.sessionKeys.current);
  if (request.signedIn) return formTokenOf(request.signedIn);
  // Public pages without a form set no cookie.
  if (!request.routeOptions.config.visitForm) return '';
  const name = config.secure ? '__Host-visit' : 'visit';
  let visit = request.cookies[name];
  if (!visit || !/^[\w-]{43}$/.test(visit)) {
    visit = randomBytes(32).toString('base64url');
    // Lax, not Strict: whoever follows a link to the sign-in page must be able to send its form.
    reply.setCookie(name, visit, { path: '/', httpOnly: true, sameSite: 'lax', secure: config.secure });
  }
  return createHmac('sha256', key).update(`visit ${visit}`).digest('base64url');
}

/** The token of a session's forms; it changes with the session's own. */
export function formTokenOf({ token: { id, secret } }: SignedIn): string {
  return createHmac('sha256', secret).update(`form ${id}`).digest('base64url');
}

function checkOrigin(config: Config, request: FastifyRequest): void {
  const origin = request.headers.origin;
  if (origin !== undefined ? origin === config.publicUrl.origin : request.headers['sec-fetch-site'] === 'same-origin')
    return;
  throw new AppError('forbidden');
}

function isToken(given: unknown, expected: string): boolean {
  if (typeof given !== 'string') return false;
  const [bytes, wanted] = [Buffer.from(given), Buffer.from(expected)];
  // Where nobody was given a token, none is right.
  return wanted.length > 0 && bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
}

/** As `readForm` in `app.ts` does for other forms. */
function withoutNul(text: string): string {
  return text.replaceAll('\0', '\ufffd');
}

export type FormPart =
  | { kind: 'field'; name: string; value: string }
  | { kind: 'file'; name: string; file: MultipartFile };

/**
 * The parts of a multipart form in order, files as streams. The token must come first, so nothing is read for a stranger.
 * A file field that was left empty is passed over.
 * @throws AppError form-expired, too-large
 */
export async function* readParts(
  request: FastifyRequest,
  limits: { fileBytes: number; files: number; fieldBytes?: number },
): AsyncGenerator<FormPart> {
  let checked = false;
  const parts = request.parts({
    limits: {
      fileSize: limits.fileBytes,
      files: limits.files,
      fields: 200,
      fieldSize: limits.fieldBytes ?? 2 * 1024 * 1024,
      parts: 300,
    },
  });
  for await (const part of parts) {
    if (!checked) {
      checked = part.type === 'field' && part.fieldname === FIELD && isToken(part.value, request.formToken);
      if (!checked) throw new AppError('form-expired');
      continue;
    }
    if (part.type === 'field') {
      // Half of what was typed would look like all of it.
      if (part.valueTruncated) throw new AppError('too-large');
      yield { kind: 'field', name: part.fieldname, value: withoutNul(String(part.value ?? '')) };
    } else if (part.filename === '' || part.filename === undefined) part.file.resume();
    else yield { kind: 'file', name: part.fieldname, file: part };
  }
  // A form without any part carries no token either.
  if (!checked) throw new AppError('form-expired');
}
