import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  type FactorRemoval,
  listFactors,
  removePasskey,
  removeTotp,
} from '../../../services/administration/factors.ts';
import { checkOwnPassword } from '../../../services/administration/second-factor.ts';
import { FactorForm } from '../factor-form.ts';
import { passwordFault, statusOf } from '../factor-words.ts';

const PAGE = '/administration/factors';
const Params = z.object({ passkey: z.uuid() });

/** What is to be removed: its name on the page, and how. */
type Removal = { name: string; remove: () => Promise<FactorRemoval> };

export const showRemovePasskey = (context: Context) => show(context, passkeyOf);
export const removePasskeyAction = (context: Context) => remove(context, passkeyOf);
export const showRemoveCodes = (context: Context) => show(context, codesOf);
export const removeCodesAction = (context: Context) => remove(context, codesOf);

type Find = (context: Context, request: FastifyRequest) => Promise<Removal | null>;

async function passkeyOf(context: Context, request: FastifyRequest): Promise<Removal> {
  const session = signedIn(request);
  const params = Params.safeParse(request.params);
  const { passkeys } = await listFactors(context.database, session.account.id);
  const found = passkeys.find(({ id }) => id === params.data?.passkey);
  if (!found) throw new AppError('not-found');
  return { name: found.name, remove: () => removePasskey(context, session, found.id) };
}

async function codesOf(context: Context, request: FastifyRequest): Promise<Removal | null> {
  const session = signedIn(request);
  const { totpSince } = await listFactors(context.database, session.account.id);
  if (totpSince === null) return null;
  return { name: request.formats.t('passkeys.codes'), remove: () => removeTotp(context, session) };
}

function show(context: Context, find: Find) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const found = await find(context, request);
    return found ? removalPage(request, reply, found.name, null) : reply.redirect(PAGE);
  };
}

function remove(context: Context, find: Find) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const found = await find(context, request);
    if (!found) return reply.redirect(PAGE);
    const password = await checkOwnPassword(context, signedIn(request), FactorForm.parse(request.body).password);
    if (!password.ok) {
      const fault = passwordFault(request.formats, password);
      return removalPage(request, reply.code(statusOf(password)), found.name, fault);
    }
    const outcome = await found.remove();
    if (outcome === 'last') leaveNotice(reply, context.config, 'refused', 'passkeys.last');
    else leaveNotice(reply, context.config, 'done', 'passkeys.removed');
    return reply.redirect(PAGE);
  };
}

function removalPage(request: FastifyRequest, reply: FastifyReply, name: string, fault: string | null) {
  return reply.page('administration/factors/remove', {
    title: request.formats.t('passkeys.remove.title'),
    place: 'administration',
    section: 'factors',
    role: signedIn(request).account.role,
    name,
    action: request.url,
    back: PAGE,
    fault,
  });
}
