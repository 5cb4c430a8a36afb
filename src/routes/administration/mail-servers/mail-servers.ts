import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  createMailServer,
  findMailServer,
  readMailServers,
  SERVER_NAME_MAX,
  testedServerOf,
  testMailServer,
  type UsedMailServer,
  updateMailServer,
} from '../../../services/administration/mail-servers.ts';
import { idOf } from '../named.ts';
import {
  fieldsOf,
  type MailServerFaults,
  type MailServerFields,
  type MailServerForm,
  NEW_FIELDS,
  readMailServerForm,
} from './mail-server-form.ts';
import { type ProbeWords, probeWords } from './probe-words.ts';

const PAGE = '/administration/mail-servers';

export function showMailServers(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    reply.page('administration/mail-servers', {
      title: request.formats.t('mailServers.title'),
      place: 'administration',
      section: 'mail-servers',
      role: 'central',
      servers: await readMailServers(context, signedIn(request)),
    });
}

export function showNewMailServer(_context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    mailServerPage(request, reply, { server: null, fields: NEW_FIELDS });
}

export function showMailServer(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const server = await findMailServer(context, signedIn(request), idOf(request, 'server'));
    return mailServerPage(request, reply, { server, fields: fieldsOf(server) });
  };
}

export function createMailServerAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = await readMailServerForm(request);
    return save(context, request, reply, null, form);
  };
}

export function saveMailServerAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const form = await readMailServerForm(request);
    const server = await findMailServer(context, signedIn(request), idOf(request, 'server'));
    return save(context, request, reply, server, form);
  };
}

/** Really connects, and says what came back; nobody signs in. */
export function testMailServerAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { t, time } = request.formats;
    const session = signedIn(request);
    const server = await findMailServer(context, session, idOf(request, 'server'));
    const shown = { server, fields: fieldsOf(server) };
    const place = testedServerOf(server);
    const tested = await testMailServer(context, session, server.id, place);
    if (tested.ok)
      return mailServerPage(request, reply, { ...shown, probes: probeWords(request.formats, place, tested.probe) });
    const tooMany = t('mailServers.probe.tooMany', { time: time(tested.retryAt) });
    return mailServerPage(request, reply.code(429), { ...shown, tooMany });
  };
}

async function save(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  server: UsedMailServer | null,
  { fields, faults, server: wanted }: MailServerForm,
) {
  if (Object.keys(faults).length > 0) return mailServerPage(request, reply.code(400), { server, fields, faults });
  const session = signedIn(request);
  const result = server
    ? await updateMailServer(context, session, server, wanted)
    : await createMailServer(context, session, wanted);
  if (!result.ok) return mailServerPage(request, reply.code(409), { server, fields, faults: { name: result.problem } });
  leaveNotice(reply, context.config, 'done', 'mailServers.saved');
  return reply.redirect(`${PAGE}/${result.id}`);
}

function mailServerPage(
  request: FastifyRequest,
  reply: FastifyReply,
  shown: {
    server: UsedMailServer | null;
    fields: MailServerFields;
    faults?: MailServerFaults;
    probes?: ProbeWords[];
    tooMany?: string;
  },
) {
  const { t } = request.formats;
  const { server, fields, faults = {}, probes = [], tooMany = null } = shown;
  return reply.page('administration/mail-server', {
    title: server ? t('mailServers.one', { name: server.name }) : t('mailServers.new'),
    place: 'administration',
    section: 'mail-servers',
    role: 'central',
    server,
    fields,
    faults: Object.fromEntries(
      Object.entries(faults).map(([name, fault]) => [name, t(`mailServers.fault.${fault}`, { most: SERVER_NAME_MAX })]),
    ),
    nameMax: SERVER_NAME_MAX,
    modes: (['implicit', 'starttls'] as const).map((value) => ({ value, text: t(`mailServers.tls.${value}`) })),
    probes,
    tooMany,
  });
}
