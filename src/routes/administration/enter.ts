import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { ADMINISTRATION_IDLE_MS } from '../../plugins/administration.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { setSessionCookie, signedIn } from '../../plugins/session.ts';
import { beginPasskeyEntry, showPasskey } from '../../services/administration/passkeys.ts';
import {
  checkOwnPassword,
  hasCodes,
  hasSecondFactor,
  showSecondFactor,
} from '../../services/administration/second-factor.ts';
import { elevateSession, endAdministration } from '../../services/sessions/session.ts';
import { localPath } from '../local-path.ts';
import { FactorForm, PasskeyForm } from './factor-form.ts';
import { codeFault, passkeyFault, passwordFault, statusOf } from './factor-words.ts';

const Next = z.object({ next: z.string().max(2000).optional() }).catch({});

/** The door of the administration: password and a code of the second factor, anew after half an hour of nothing. */
export function showEntry(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    if (!(await hasSecondFactor(context.database, session.account.id)))
      return reply.redirect('/administration/second-factor');
    return entryPage(context, request, reply, nextOf(request.query), {});
  };
}

export function enterAdministration(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { code, password: typed } = FactorForm.parse(request.body);
    const next = nextOf(request.body);
    const password = await checkOwnPassword(context, session, typed);
    if (!password.ok) {
      const faults = { password: passwordFault(request.formats, password) };
      return entryPage(context, request, reply.code(statusOf(password)), next, faults);
    }
    const result = await showSecondFactor(context, session, code);
    if (!result.ok) {
      return entryPage(context, request, reply.code(statusOf(result)), next, {
        code: codeFault(request.formats, result),
      });
    }
    return openAdministration(context, request, reply, next);
  };
}

/** The same with a passkey in place of a code. */
export function enterWithPasskey(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { response, password: typed } = PasskeyForm.parse(request.body);
    const next = nextOf(request.body);
    const password = await checkOwnPassword(context, session, typed);
    if (!password.ok) {
      const faults = { passkeyPassword: passwordFault(request.formats, password) };
      return entryPage(context, request, reply.code(statusOf(password)), next, faults);
    }
    const result = await showPasskey(context, session, response);
    if (result.ok) return openAdministration(context, request, reply, next);
    const faults = { passkey: passkeyFault(request.formats, result) };
    return entryPage(context, request, reply.code(statusOf(result)), next, faults);
  };
}

/** Ends it in this session; the mailbox stays open. */
export function leaveAdministration(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    await endAdministration(context.database, session.sessionId);
    await context.audit.record({
      accountId: session.account.id,
      actor: session.account.address,
      network: session.network,
      action: 'administration',
      object: session.account.id,
      result: 'done',
      reason: 'left',
    });
    leaveNotice(reply, context.config, 'done', 'administration.left');
    return reply.redirect('/mail');
  };
}

export async function openAdministration(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  next: string,
): Promise<FastifyReply> {
  const session = signedIn(request);
  const until = new Date(Math.min(context.now().getTime() + ADMINISTRATION_IDLE_MS, session.endsAt.getTime()));
  setSessionCookie(reply, context.config, await elevateSession(context.database, context.config, session, until));
  return reply.redirect(next);
}

function nextOf(source: unknown): string {
  const next = localPath(Next.parse(source ?? {}).next);
  return next.startsWith('/administration') && !next.startsWith('/administration/enter') ? next : '/administration';
}

async function entryPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  next: string,
  faults: { code?: string; password?: string; passkey?: string; passkeyPassword?: string },
) {
  const session = signedIn(request);
  const options = await beginPasskeyEntry(context, session);
  return reply.page('administration/enter', {
    title: request.formats.t('administration.enter.title'),
    place: 'administration',
    next,
    faults,
    withCodes: await hasCodes(context.database, session.account.id),
    passkeyOptions: options === null ? null : JSON.stringify(options),
  });
}
