import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config.ts';

export type Notice = { kind: 'done' | 'refused' | 'info' | 'wait'; text: string };
type Kept = { kind: Notice['kind']; key: string; parameters: Record<string, string | number> };

const MAX_BYTES = 1500;

/** Says what happened on the page that a form redirects to. Travels by key in a cookie, is shown once, always escaped. */
export function leaveNotice(
  reply: FastifyReply,
  config: Config,
  kind: Notice['kind'],
  key: string,
  parameters: Kept['parameters'] = {},
): void {
  const value = Buffer.from(JSON.stringify({ kind, key, parameters } satisfies Kept)).toString('base64url');
  if (value.length > MAX_BYTES) {
    leaveNotice(reply, config, kind, key);
    return;
  }
  reply.setCookie(cookieName(config), value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: config.secure,
    maxAge: 60,
  });
}

/** The notices for this page; the cookie is used up. */
export function takeNotices(request: FastifyRequest, reply: FastifyReply, config: Config): Notice[] {
  const cookie = request.cookies[cookieName(config)];
  if (!cookie) return [];
  reply.clearCookie(cookieName(config), { path: '/', httpOnly: true, sameSite: 'strict', secure: config.secure });
  try {
    const kept = JSON.parse(Buffer.from(cookie, 'base64url').toString('utf8')) as Kept;
    if (!['done', 'refused', 'info', 'wait'].includes(kept.kind) || typeof kept.key !== 'string') return [];
    return [{ kind: kept.kind, text: request.formats.t(kept.key, kept.parameters) }];
  } catch {
    return [];
  }
}

function cookieName(config: Config): string {
  return config.secure ? '__Host-notice' : 'notice';
}
