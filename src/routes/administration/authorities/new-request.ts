import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { signedIn } from '../../../plugins/session.ts';
import { requestAuthority } from '../../../services/authorities/authority-requests.ts';
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
  typedText,
} from './authority-form.ts';
import { algorithmOptions } from './set-up.ts';

const Form = z.object({ nonce, name: authorityName, keyAlgorithm });
const Passphrases = z.object({ passphrase, repeated: passphrase });

/** The key of an issuing CA whose certificate an outside root shall sign. */
export function showNewRequest(_context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    newRequestPage(request, reply, { nonce: randomUUID(), name: '', keyAlgorithm: KEY_ALGORITHMS[0] }, {});
}

export function createRequest(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const typed = Passphrases.parse(request.body ?? {});
    const faults = {
      ...(form.success ? {} : fieldFaults(request, form.error)),
      ...newPassphraseFaults(request, typed, { passphrase: 'passphrase', repeated: 'repeated' }),
    };
    if (!form.success || Object.keys(faults).length > 0) {
      const fields = typedText(request.body, ['nonce', 'name', 'keyAlgorithm']);
      if (!nonce.safeParse(fields['nonce']).success) fields['nonce'] = randomUUID();
      return newRequestPage(request, reply.code(400), fields, faults);
    }
    const { passphrase: typedPassphrase } = typed;
    const row = await requestAuthority(context, signedIn(request), { ...form.data, passphrase: typedPassphrase });
    return reply.redirect(`${AUTHORITIES}/requests/${row.id}`);
  };
}

function newRequestPage(
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Record<string, string>,
  faults: Record<string, string>,
) {
  return reply.page('administration/authorities/new-request', {
    title: request.formats.t('authorities.request.title'),
    place: 'administration',
    fields,
    faults,
    algorithms: algorithmOptions(request),
    nameMax: AUTHORITY_NAME_MAX,
  });
}
