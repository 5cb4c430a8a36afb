import { randomUUID } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { readAuthorities } from '../../../services/authorities/list-authorities.ts';
import { makeAuthorities } from '../../../services/authorities/set-up-authorities.ts';
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

const Form = z.object({ nonce, rootName: authorityName, issuingName: authorityName, keyAlgorithm });
const Passphrases = z.object({
  rootPassphrase: passphrase,
  rootRepeated: passphrase,
  passphrase,
  repeated: passphrase,
});

type Fields = Record<string, string>;

/** Root CA and issuing CA in one guided step. */
export function showSetUp(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { name } = administeredProgramme(signedIn(request));
    const wish = (ending: string) => `${name.slice(0, AUTHORITY_NAME_MAX - ending.length)}${ending}`;
    const fields = {
      nonce: randomUUID(),
      rootName: wish(' Root CA'),
      issuingName: wish(' EC CA'),
      keyAlgorithm: KEY_ALGORITHMS[0],
    };
    return setUpPage(context, request, reply, fields, {});
  };
}

export function createSetUp(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = Form.safeParse(request.body);
    const typed = Passphrases.parse(request.body ?? {});
    const faults = { ...(form.success ? {} : fieldFaults(request, form.error)), ...passphraseFaults(request, typed) };
    if (!form.success || Object.keys(faults).length > 0) {
      const fields = typedText(request.body, ['nonce', 'rootName', 'issuingName', 'keyAlgorithm']);
      if (!nonce.safeParse(fields['nonce']).success) fields['nonce'] = randomUUID();
      return setUpPage(context, request, reply.code(400), fields, faults);
    }
    const { rootPassphrase, passphrase: issuingPassphrase } = typed;
    await makeAuthorities(context, signedIn(request), {
      ...form.data,
      rootPassphrase,
      passphrase: issuingPassphrase,
    });
    leaveNotice(reply, context.config, 'done', 'authorities.setUp.done');
    return reply.redirect(AUTHORITIES);
  };
}

function passphraseFaults(request: FastifyRequest, typed: z.infer<typeof Passphrases>): Record<string, string> {
  const faults = {
    ...newPassphraseFaults(
      request,
      { passphrase: typed.rootPassphrase, repeated: typed.rootRepeated },
      { passphrase: 'rootPassphrase', repeated: 'rootRepeated' },
    ),
    ...newPassphraseFaults(request, typed, { passphrase: 'passphrase', repeated: 'repeated' }),
  };
  // Whoever issues every day must not be able to make authorities.
  if (!faults['passphrase'] && typed.passphrase === typed.rootPassphrase)
    faults['passphrase'] = request.formats.t('authorities.passphrase.same');
  return faults;
}

async function setUpPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Fields,
  faults: Record<string, string>,
) {
  const { roots } = await readAuthorities(context, signedIn(request));
  return reply.page('administration/authorities/set-up', {
    title: request.formats.t('authorities.setUp.title'),
    place: 'administration',
    fields,
    faults,
    hasRoot: roots.some(({ state }) => state !== 'ended'),
    algorithms: algorithmOptions(request),
    nameMax: AUTHORITY_NAME_MAX,
  });
}

export function algorithmOptions(request: FastifyRequest) {
  return KEY_ALGORITHMS.map((value) => ({ value, text: request.formats.t(`authorities.algorithm.${value}`) }));
}
