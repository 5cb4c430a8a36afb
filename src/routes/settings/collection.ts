import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import {
  collectNow,
  LEAVE_DAYS,
  LOGIN_MAX,
  readOwnCollection,
  saveCollection,
  switchOffCollection,
} from '../../services/collection/collections.ts';
import { collectionMark } from '../collection-words.ts';

const PAGE = '/settings/collection';
const LEAVES = ['delete', 'days', 'keep'] as const;

const Form = z.object({
  login: z.string().trim().max(LOGIN_MAX).catch(''),
  password: z.string().max(1000).catch(''),
  leave: z.string().max(10).catch(''),
  leaveDays: z.string().trim().max(10).catch(''),
});

type Typed = { login: string; leave: string; leaveDays: string };
type Faults = Partial<Record<'login' | 'password' | 'leave' | 'leaveDays', string>>;

/** Mail of an old mailbox at the country's POP3 server (T23): how it goes, and its settings. */
export function showCollection(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => collectionPage(context, request, reply, {});
}

export function saveCollectionAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, time } = request.formats;
    const form = Form.parse(request.body ?? {});
    const leave = LEAVES.find((each) => each === form.leave);
    const leaveDays = z.coerce.number().int().min(LEAVE_DAYS.least).max(LEAVE_DAYS.most).safeParse(form.leaveDays);
    const faults: Faults = {};
    if (leave === undefined) faults.leave = t('collection.fault.leave');
    if (!leaveDays.success) faults.leaveDays = t('collection.fault.leaveDays', LEAVE_DAYS);
    if (leave === undefined || !leaveDays.success) {
      return collectionPage(context, request, reply.code(400), { typed: form, faults });
    }
    const { login, password } = form;
    const result = await saveCollection(context, signedIn(request), {
      login,
      password,
      leave,
      leaveDays: leaveDays.data,
    });
    if (result.ok) {
      leaveNotice(reply, context.config, 'done', 'collection.saved');
      return reply.redirect(PAGE);
    }
    if (result.problem === 'none') return reply.redirect(PAGE);
    if (result.problem === 'login') faults.login = t('collection.fault.login');
    else if (result.problem === 'too-many') {
      faults.password = t('collection.fault.too-many', { time: time(result.retryAt) });
    } else faults.password = t('collection.fault.password-missing');
    const status = result.problem === 'too-many' ? 429 : 400;
    return collectionPage(context, request, reply.code(status), { typed: form, faults });
  };
}

export function collectNowAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const done = await collectNow(context, signedIn(request));
    leaveNotice(reply, context.config, done ? 'wait' : 'refused', done ? 'collection.now.asked' : 'collection.notOn');
    return reply.redirect(PAGE);
  };
}

export function switchOffCollectionAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    await switchOffCollection(context, signedIn(request));
    leaveNotice(reply, context.config, 'done', 'collection.off.done');
    return reply.redirect(PAGE);
  };
}

async function collectionPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  { typed, faults = {} }: { typed?: Typed; faults?: Faults },
) {
  const { formats } = request;
  const session = signedIn(request);
  const found = await readOwnCollection(context, session);
  const collection = found?.collection ?? null;
  const fields: Typed = typed ?? {
    login: collection?.login ?? session.account.address,
    leave: collection?.leave ?? 'keep',
    leaveDays: String(collection?.leaveDays ?? 14),
  };
  return reply.page('settings/collection', {
    title: formats.t('collection.title'),
    place: 'settings',
    server: found?.server ?? null,
    collection,
    mark: collection && collectionMark(formats, collection),
    fields,
    faults,
    loginMax: LOGIN_MAX,
    leaveDays: LEAVE_DAYS,
    leaves: LEAVES.map((value) => ({ value, text: formats.t(`collection.leave.${value}`) })),
  });
}
