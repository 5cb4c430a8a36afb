import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { AppError } from '../../errors.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn } from '../../plugins/session.ts';
import {
  allowRevocationPlace,
  forbidRevocationPlace,
  readRevocationPlaces,
  URL_MAX,
} from '../../services/administration/revocation-places.ts';
import { refreshListsNow } from '../../services/revocation/refresh-lists.ts';

const PAGE = '/administration/revocation';
/** Lists are large and servers slow; the job goes on whatever the page says. */
const PATIENCE_MS = 8000;

const Form = z.object({
  kind: z.enum(['list', 'responder']),
  url: z
    .string()
    .trim()
    .max(URL_MAX)
    .refine((text) => {
      const url = URL.parse(text);
      return (
        url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '' && url.hash === ''
      );
    }),
});

export function showPlaces(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    placesPage(context, request, reply, { kind: 'list', url: '', fault: null });
}

export function addPlace(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const typed = (request.body ?? {}) as Record<string, unknown>;
      return placesPage(context, request, reply.code(400), {
        kind: typed['kind'] === 'responder' ? 'responder' : 'list',
        url: typeof typed['url'] === 'string' ? typed['url'].slice(0, URL_MAX) : '',
        fault: request.formats.t('administration.revocation.fault'),
      });
    }
    await allowRevocationPlace(context, signedIn(request), form.data.kind, form.data.url);
    leaveNotice(reply, context.config, 'done', 'administration.revocation.added');
    return reply.redirect(PAGE);
  };
}

export function removePlace(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { place } = z.object({ place: z.uuid() }).safeParse(request.params).data ?? {};
    if (place === undefined || !(await forbidRevocationPlace(context, signedIn(request), place)))
      throw new AppError('not-found');
    leaveNotice(reply, context.config, 'done', 'administration.revocation.removed');
    return reply.redirect(PAGE);
  };
}

export function fetchLists(context: Context) {
  return async (_request: FastifyRequest, reply: FastifyReply) => {
    await Promise.race([refreshListsNow(context), new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref())]);
    leaveNotice(reply, context.config, 'info', 'administration.revocation.asked');
    return reply.redirect(PAGE);
  };
}

async function placesPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  form: { kind: 'list' | 'responder'; url: string; fault: string | null },
) {
  const { t } = request.formats;
  return reply.page('administration/revocation', {
    title: t('administration.revocation.title'),
    place: 'administration',
    section: 'revocation',
    role: 'central',
    points: await readRevocationPlaces(context),
    form,
    kinds: (['list', 'responder'] as const).map((value) => ({
      value,
      text: t(`administration.revocation.kind.${value}`),
    })),
  });
}
