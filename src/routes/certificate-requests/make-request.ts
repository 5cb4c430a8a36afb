import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import {
  listRequests,
  type RequestPermission,
  requestPermission,
} from '../../services/certificate-requests/certificate-requests.ts';
import { makeRequest, ORGANISATION_MAX, REQUEST_ALGORITHMS } from '../../services/certificate-requests/make-request.ts';
import { presentRequest } from './present-request.ts';

const CONTROL = /[\u0000-\u001f\u007f]/;

const Form = z.object({
  algorithm: z.enum(REQUEST_ALGORITHMS),
  keyPairs: z.enum(['one', 'two']),
  organisation: z
    .string()
    .trim()
    .max(ORGANISATION_MAX)
    .refine((text) => !CONTROL.test(text)),
  withCountry: z.literal('on').optional(),
});

type Typed = { algorithm: string; keyPairs: string; organisation: string; withCountry: boolean };
const FRESH: Typed = { algorithm: 'RSA-3072', keyPairs: 'one', organisation: '', withCountry: true };

/** What was asked for so far, and the form for a new request where one may be made. */
export function showRequests(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => requestsPage(context, request, reply, FRESH, {});
}

/** Makes the keys; they need the open vault, in which they wait. */
export function createRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t } = request.formats;
    const masterKey = unlockedKey(request);
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const faults = Object.fromEntries(
        form.error.issues.map(({ path }) => [String(path[0]), t(`requests.make.fault.${String(path[0])}`)]),
      );
      return requestsPage(context, request, reply.code(400), typedOf(request.body), faults);
    }
    const wishes = { ...form.data, withCountry: form.data.withCountry === 'on' };
    const made = await makeRequest(context, signedIn(request), wishes, masterKey);
    if (made.ok) {
      leaveNotice(reply, context.config, 'done', 'requests.made');
      return reply.redirect(`/digital-ids/requests/${made.id}`);
    }
    if (made.reason === 'already-open') {
      leaveNotice(reply, context.config, 'info', 'requests.alreadyOpen');
      return reply.redirect(`/digital-ids/requests/${made.id}`);
    }
    return requestsPage(context, request, reply.code(409), wishes, {});
  };
}

function typedOf(body: unknown): Typed {
  const typed = (body ?? {}) as Record<string, unknown>;
  const text = (name: string) => (typeof typed[name] === 'string' ? typed[name].slice(0, 200) : '');
  return {
    algorithm: text('algorithm'),
    keyPairs: text('keyPairs'),
    organisation: text('organisation'),
    withCountry: typed['withCountry'] === 'on',
  };
}

async function requestsPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  typed: Typed,
  faults: Record<string, string>,
) {
  const session = signedIn(request);
  const { t, country } = request.formats;
  const [permission, list] = await Promise.all([requestPermission(context, session), listRequests(context, session)]);
  return reply.page('certificate-requests/list', {
    title: t('requests.title'),
    place: 'digital-ids',
    requests: list.map((each) => presentRequest(request.formats, each)),
    may: permission.ok,
    whyNot: whyNot(request, permission),
    address: session.account.address,
    country: country(session.account.country.isoCode),
    typed,
    faults,
    algorithms: REQUEST_ALGORITHMS.map((value) => ({ value, text: t(`requests.make.algorithm.${value}`) })),
    organisationMax: ORGANISATION_MAX,
  });
}

function whyNot({ formats }: FastifyRequest, permission: RequestPermission): string | null {
  const { t, date } = formats;
  if (permission.ok) return null;
  if (permission.reason !== 'not-yet') return t(`requests.mayNot.${permission.reason}`);
  return t('requests.mayNot.not-yet', { date: date(permission.notAfter), from: date(permission.from) });
}
