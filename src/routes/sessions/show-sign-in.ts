import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { localPath } from '../local-path.ts';

const Query = z.object({ next: z.string().max(2000).optional() });

export function showSignIn() {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const query = Query.safeParse(request.query);
    const next = localPath(query.data?.next);
    if (request.signedIn) return reply.redirect(next);
    return reply.page('sessions/sign-in', signInPage(request, { next }));
  };
}

/** Also shown again by a refused attempt, with what was typed (never the password). */
export function signInPage(
  request: FastifyRequest,
  form: { next: string; address?: string; fault?: { key: string; parameters?: Record<string, string> } },
) {
  const { t } = request.formats;
  return {
    title: t('sessions.signIn.title'),
    next: form.next,
    address: form.address ?? '',
    fault: form.fault ? t(form.fault.key, form.fault.parameters ?? {}) : null,
  };
}
