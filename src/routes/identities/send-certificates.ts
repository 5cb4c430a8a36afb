import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { parseRecipients } from '../../mail/address.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { signedIn, unlockedKey } from '../../plugins/session.ts';
import { listIdentities } from '../../services/identities/identities.ts';
import { sendOwnCertificates } from '../../services/identities/own-letters.ts';
import { problemText } from './send-problem-text.ts';

const NONCE = /^own-certificates-[0-9a-f-]{36}$/;
const Form = z.object({
  to: z.string().max(4000),
  text: z.string().max(5000),
  nonce: z.string().regex(NONCE),
  // Without the tick a browser sends nothing.
  root: z.literal('yes').optional(),
});

type Typed = { to: string; text: string; root: boolean; fault: string | null; nonce: string };

export function showSendCertificates(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    unlockedKey(request);
    const text = request.formats.t('identities.send.letter', { name: ownName(request) });
    return sendPage(context, request, reply, 200, { to: '', text, root: true, fault: null, nonce: newNonce() });
  };
}

/** A signed letter with the whole path, and the root if it is ticked (S12). Trusting it stays the partner's decision. */
export function sendCertificates(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, list } = request.formats;
    unlockedKey(request);
    const body = (request.body ?? {}) as Record<string, unknown>;
    const form = Form.safeParse(body);
    const [to, text, root] = [textOf(body['to']), textOf(body['text']), body['root'] === 'yes'];
    const typed = { to, text, root, nonce: form.data?.nonce ?? newNonce() };
    const again = (fault: string) => sendPage(context, request, reply, 400, { ...typed, fault });
    const { recipients, problems } = parseRecipients(typed.to);
    if (problems.length > 0)
      return again(t('identities.send.not-an-address', { typed: list(problems.map((each) => each.typed)) }));
    if (!form.success || recipients.length === 0) return again(t('identities.send.no-recipient'));
    const subject = t('identities.send.subject', { name: ownName(request) });
    const letter = { subject, text: form.data.text, includeRoot: form.data.root === 'yes' };
    const sent = await sendOwnCertificates(context, signedIn(request), form.data.nonce, recipients, letter);
    if (!sent.ok) return again(sent.problems.map((problem) => problemText(request.formats, problem)).join(' '));
    leaveNotice(reply, context.config, 'done', 'identities.send.done', {
      to: list(recipients.map((each) => each.address)),
    });
    return reply.redirect('/digital-ids');
  };
}

async function sendPage(context: Context, request: FastifyRequest, reply: FastifyReply, status: number, typed: Typed) {
  const identities = await listIdentities(context, signedIn(request));
  const signing = identities.find((each) => each.usedFor.includes('sign'));
  return reply.code(status).page('identities/send', {
    title: request.formats.t('identities.send.title'),
    place: 'digital-ids',
    ...typed,
    canSend: signing !== undefined,
  });
}

function newNonce(): string {
  return `own-certificates-${randomUUID()}`;
}

function ownName(request: FastifyRequest): string {
  const { account } = signedIn(request);
  return `${account.firstName} ${account.surname}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 5000) : '';
}
