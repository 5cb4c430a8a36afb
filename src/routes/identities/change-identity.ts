import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import { chooseIdentity, reactivateIdentity, retireIdentity } from '../../services/identities/identities.ts';
import { identityIdOf } from './identity-id.ts';

const Form = z.object({ purpose: z.enum(['sign', 'encrypt']) });

export function chooseIdentityAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const id = identityIdOf(request);
    const form = Form.safeParse(request.body);
    if (!form.success) throw new AppError('bad-request');
    const chosen = await chooseIdentity(context, signedIn(request), id, form.data.purpose);
    if (chosen) leaveNotice(reply, context.config, 'done', `identities.chosen.${form.data.purpose}`);
    else leaveNotice(reply, context.config, 'refused', 'identities.chosen.unfit');
    return reply.redirect(`/digital-ids/${id}`);
  };
}

export function retireIdentityAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const id = identityIdOf(request);
    await retireIdentity(context, signedIn(request), id);
    leaveNotice(reply, context.config, 'done', 'identities.retired');
    return reply.redirect(`/digital-ids/${id}`);
  };
}

export function reactivateIdentityAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const id = identityIdOf(request);
    const result = await reactivateIdentity(context, signedIn(request), id);
    if (result.ok) leaveNotice(reply, context.config, 'done', 'identities.reactivated');
    else leaveNotice(reply, context.config, 'refused', `identities.notReactivated.${result.reason}`);
    return reply.redirect(`/digital-ids/${id}`);
  };
}
