import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { setSessionCookie } from '../../plugins/session.ts';
import { endSession } from '../../services/sessions/session.ts';
import { type SignInResult, signIn } from '../../services/sessions/sign-in.ts';
import { localPath } from '../local-path.ts';
import { signInPage } from './show-sign-in.ts';

const Form = z.object({
  address: z.string().trim().min(1).max(254),
  password: z.string().min(1).max(1000),
  next: z.string().max(2000).optional(),
});

const STATUS = { refused: 401, unreachable: 502, tls: 502, 'too-many-attempts': 429, certificate: 403 } as const;

export function createSignIn(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const typed = (request.body ?? {}) as Record<string, unknown>;
    const next = localPath(typeof typed['next'] === 'string' ? typed['next'] : undefined);
    const again = (status: number, key: string, parameters?: Record<string, string>) => {
      const address = typeof typed['address'] === 'string' ? typed['address'].slice(0, 254) : '';
      const fault = parameters ? { key, parameters } : { key };
      return reply.code(status).page('sessions/sign-in', signInPage(request, { next, address, fault }));
    };
    if (!form.success) return again(400, 'sessions.signIn.incomplete');
    const result = await signIn(context, {
      address: form.data.address,
      password: form.data.password,
      network: request.ip,
      userAgent: request.headers['user-agent'] ?? '',
      certificate: request.clientCertificate,
    });
    if (!result.ok && result.reason === 'certificate')
      return again(STATUS[result.reason], `clientCertificates.problem.${result.problem}`);
    if (!result.ok) return again(STATUS[result.reason], `sessions.signIn.${result.reason}`, waitFor(request, result));
    // A session that this browser had before ends here: the new one starts with nothing of it.
    if (request.signedIn) {
      await endSession(context.database, request.signedIn.sessionId);
      await context.mail.close(request.signedIn.sessionId);
    }
    setSessionCookie(reply, context.config, result.cookie);
    return reply.redirect(next);
  };
}

function waitFor(request: FastifyRequest, result: SignInResult & { ok: false }): Record<string, string> | undefined {
  return result.reason === 'too-many-attempts' ? { time: request.formats.time(result.retryAt) } : undefined;
}
