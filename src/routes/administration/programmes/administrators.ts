import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import {
  grantProgramme,
  readProgrammeAdministrators,
  withdrawProgramme,
} from '../../../services/administration/programmes.ts';
import { idOf, typedText } from '../named.ts';

const PAGE = '/administration/programme/administrators';

export function showAdministrators(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => administratorsPage(context, request, reply, '', null);
}

export function grantAdministrator(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const address = typedText(request.body, 'administrator', 500);
    if (!(await grantProgramme(context, signedIn(request), address))) {
      const fault = request.formats.t('programmes.administrators.unknown');
      return administratorsPage(context, request, reply.code(400), address, fault);
    }
    leaveNotice(reply, context.config, 'done', 'programmes.administrators.granted', { address });
    return reply.redirect(PAGE);
  };
}

export function withdrawAdministrator(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const id = idOf(request, 'account');
    const isDone = await withdrawProgramme(context, session, id);
    if (isDone) leaveNotice(reply, context.config, 'done', 'programmes.administrators.withdrawn');
    else leaveNotice(reply, context.config, 'refused', 'programmes.administrators.last');
    // One's own programme is administrated again by whoever gave this one up.
    return reply.redirect(isDone && id === session.account.id ? '/administration' : PAGE);
  };
}

async function administratorsPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  typed: string,
  fault: string | null,
) {
  const session = signedIn(request);
  const { t } = request.formats;
  return reply.page('administration/programme-administrators', {
    title: t('programmes.administrators.title'),
    place: 'administration',
    section: 'programme',
    role: 'central',
    programmeRow: administeredProgramme(session),
    administrators: await readProgrammeAdministrators(context, session),
    typed,
    fault,
  });
}
