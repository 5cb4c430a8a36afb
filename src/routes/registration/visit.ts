import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config.ts';
import type { Context } from '../../context.ts';
import { findVisit, VISIT_MS, type Visit } from '../../services/registration/invitations.ts';

/** The visit of this browser, or null: the page with the code comes first then. */
export async function visitOf(context: Context, request: FastifyRequest): Promise<Visit | null> {
  const cookie = request.cookies[cookieName(context.config)];
  return cookie === undefined ? null : findVisit(context, cookie, request.ip);
}

/** Set anew with each page, so that it lasts as long as the visit does. */
export function keepVisitCookie(reply: FastifyReply, config: Config, value: string): void {
  reply.setCookie(cookieName(config), value, {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: config.secure,
    maxAge: VISIT_MS / 1000,
  });
}

export function renewVisitCookie(request: FastifyRequest, reply: FastifyReply, config: Config): void {
  const value = request.cookies[cookieName(config)];
  if (value !== undefined) keepVisitCookie(reply, config, value);
}

export function clearVisitCookie(reply: FastifyReply, config: Config): void {
  reply.clearCookie(cookieName(config), { path: '/', httpOnly: true, sameSite: 'strict', secure: config.secure });
}

function cookieName(config: Config): string {
  return config.secure ? '__Host-registration' : 'registration';
}
