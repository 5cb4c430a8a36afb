import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { readAuthorities } from '../../../services/authorities/list-authorities.ts';
import { makeIssuing } from '../../../services/authorities/set-up-authorities.ts';
import {
  AUTHORITIES,
  AUTHORITY_NAME_MAX,
  authorityName,
  fieldFaults,
  KEY_ALGORITHMS,
  keyAlgorithm,
  newPassphraseFaults,
  nonce,
  passphrase,
  statusOf,
  typedText,
  wrongPassphraseFault,
} from './authority-form.ts';
import { algorithmOptions } from './set-up.ts';

const Form = z.object({ nonce, root: z.uuid(), issuingName: authorityName, keyAlgorithm });
const Passphrases = z.object({ rootPassphrase: passphrase, passphrase, repeated: passphrase });

/** Another issuing CA below a root whose key is here. */
export function showNewIssuing(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const fields = { nonce: randomUUID(), root: '', issuingName: '', keyAlgorithm: KEY_ALGORITHMS[0] };
    return newIssuingPage(context, request, reply, fields, {});
  };
}

export function createIssuing(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const typed = Passphrases.parse(request.body ?? {});
    const faults = {
      ...(form.success ? {} : fieldFaults(request, form.error)),
      ...newPassphraseFaults(request, typed, { passphrase: 'passphrase', repeated: 'repeated' }),
    };
    if (!faults['passphrase'] && typed.passphrase === typed.rootPassphrase)
      faults['passphrase'] = request.formats.t('authorities.passphrase.same');
    if (!form.success || Object.keys(faults).length > 0) return again(context, request, reply.code(400), faults);
    const { rootPassphrase, passphrase: issuingPassphrase } = typed;
    const order = { ...form.data, rootPassphrase, passphrase: issuingPassphrase };
    const made = await makeIssuing(context, signedIn(request), order);
    if (!made.ok)
      return again(context, request, reply.code(statusOf(made)), {
        rootPassphrase: wrongPassphraseFault(request, made),
      });
    leaveNotice(reply, context.config, 'done', 'authorities.newIssuing.done');
    return reply.redirect(AUTHORITIES);
  };
}

function again(context: Context, request: FastifyRequest, reply: FastifyReply, faults: Record<string, string>) {
  const fields = typedText(request.body, ['nonce', 'root', 'issuingName', 'keyAlgorithm']);
  if (!nonce.safeParse(fields['nonce']).success) fields['nonce'] = randomUUID();
  return newIssuingPage(context, request, reply, fields, faults);
}

async function newIssuingPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Record<string, string>,
  faults: Record<string, string>,
) {
  const { formats } = request;
  const { roots } = await readAuthorities(context, signedIn(request));
  const options = roots
    .filter(({ state }) => state === 'key-here')
    .map(({ row, certificate }) => ({
      value: row.id,
      text: `${formats.plainName(certificate.commonName ?? certificate.subject)}, ${formats.date(certificate.notAfter)}`,
    }));
  if (options.length === 0) return reply.redirect(AUTHORITIES);
  return reply.page('administration/authorities/new-issuing', {
    title: formats.t('authorities.newIssuing.title'),
    place: 'administration',
    fields,
    faults,
    roots: options,
    algorithms: algorithmOptions(request),
    nameMax: AUTHORITY_NAME_MAX,
  });
}
