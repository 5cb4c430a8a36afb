import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import type { Context } from '../context.ts';
import { AppError } from '../errors.ts';
import { isCertificateRevoked } from '../services/sessions/client-certificate.ts';
import { endSession, extendKeys, findSession, type SignedIn } from '../services/sessions/session.ts';

/** Each request within this time of the last extension changes nothing in the database. */
const EXTEND_EVERY_MS = 60_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** Null on public routes for visitors; use `signedIn(request)` elsewhere */
    signedIn: SignedIn | null;
  }
  interface FastifyContextConfig {
    /** Reachable without a session. Said in the route's own file. */
    public?: boolean;
    /** Does not count as the person's activity: it neither extends the keys nor is a page to come back to */
    background?: boolean;
    /** Accepts multipart/form-data and checks the form token itself through `readParts` */
    multipart?: boolean;
  }
}

export const sessionPlugin = fp(
  async (app, { context }: { context: Context }) => {
    app.decorateRequest('signedIn', null);
    app.addHook('onRequest', async (request, reply) => {
      const cookie = request.cookies[sessionCookieName(context.config)];
      if (cookie) {
        const found = await findSession(context.database, context.config, cookie, request.ip, context.now());
        request.signedIn = found && (await ofThisBrowser(context, request, found));
      }
      if (request.signedIn && !request.routeOptions.config.background) await keepKeysOpen(context, request.signedIn);
      if (request.signedIn || request.routeOptions.config.public) return;
      return toSignIn(request, reply, context.config);
    });
    // By the time there is an answer the keys have been used. 'close' also comes when the browser went away, 'finish' does not.
    app.addHook('onSend', async ({ signedIn: session }, { raw }) => {
      if (!session) return;
      if (raw.destroyed) session.forget();
      else raw.once('close', () => session.forget());
    });
    app.addHook('onResponse', async (request) => request.signedIn?.forget());
  },
  { name: 'session', dependencies: ['@fastify/cookie', 'client-certificate'] },
);

/**
 * A session that began with a certificate belongs to whoever has its key: with another one, with none, or once it was taken back,
 * it ends (T22). A stolen cookie alone is worth nothing.
 */
async function ofThisBrowser(context: Context, request: FastifyRequest, session: SignedIn): Promise<SignedIn | null> {
  const { certificateSha256: bound } = session;
  if (bound === null) return session;
  const differs = request.clientCertificate?.sha256 !== bound;
  if (!differs && !(await isCertificateRevoked(context, bound))) return session;
  session.forget();
  await endSession(context.database, session.sessionId);
  await context.mail.close(session.sessionId);
  await context.audit.record({
    accountId: session.account.id,
    actor: session.account.address,
    network: session.network,
    action: 'sign-out',
    object: 'session',
    result: 'refused',
    reason: differs ? 'certificate-differs' : 'certificate-revoked',
  });
  return null;
}

async function keepKeysOpen(context: Context, session: SignedIn): Promise<void> {
  if (!session.keysUntil) return;
  const full = session.account.lockMinutes * 60_000;
  const left = session.keysUntil.getTime() - context.now().getTime();
  if (full - left > EXTEND_EVERY_MS) session.keysUntil = await extendKeys(context.database, session, context.now());
}

async function toSignIn(request: FastifyRequest, reply: FastifyReply, config: Config) {
  // Without touching the cookie: asked just before an unlock and answered after it, this would take away the new one.
  if (request.routeOptions.config.background) return reply.code(401).send();
  // A cookie that no longer fits is of no use to anybody.
  if (request.cookies[sessionCookieName(config)]) clearSessionCookie(reply, config);
  // A form that came too late goes back to the page it belongs to.
  const from = request.method === 'GET' ? request.url : undefined;
  return reply.redirect(from && from !== '/' ? `/sign-in?next=${encodeURIComponent(from)}` : '/sign-in');
}

/** The person behind a request of a route that is not public. */
export function signedIn(request: FastifyRequest): SignedIn {
  if (!request.signedIn) throw new AppError('forbidden');
  return request.signedIn;
}

/** The unlocked master key; the caller's route answers with the unlock page otherwise. @throws AppError keys-locked, no-vault */
export function unlockedKey(request: FastifyRequest): Buffer {
  const session = signedIn(request);
  if (!session.hasVault) throw new AppError('no-vault');
  if (!session.masterKey) throw new AppError('keys-locked');
  return session.masterKey;
}

/**
 * Goes on under the token that an unlock gave: the cookie is set, and a page rendered by this same request has the forms
 * and the key state of the new one.
 */
export async function continueSession(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  cookie: string,
): Promise<void> {
  setSessionCookie(reply, context.config, cookie);
  request.signedIn?.forget();
  request.signedIn = await findSession(context.database, context.config, cookie, request.ip, context.now());
}

function sessionCookieName(config: Config): string {
  return config.secure ? '__Host-sid' : 'sid';
}

export function setSessionCookie(reply: FastifyReply, config: Config, value: string): void {
  reply.setCookie(sessionCookieName(config), value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: config.secure,
    maxAge: config.sessionMs / 1000,
  });
}

export function clearSessionCookie(reply: FastifyReply, config: Config): void {
  reply.clearCookie(sessionCookieName(config), {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: config.secure,
  });
}
