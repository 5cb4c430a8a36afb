import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { readMailServers, testMailServer } from '../../../services/administration/mail-servers.ts';
import {
  acceptRegistration,
  type DecisionProblem,
  namedServer,
  REASON_MAX,
  returnRegistration,
} from '../../../services/registration/decisions.ts';
import { currentInvitation, inviteContact, withdrawInvitation } from '../../../services/registration/invitations.ts';
import { findRegistration, type OpenRegistration } from '../../../services/registration/registrations.ts';
import { registrationData } from '../../registration/form-page.ts';
import { type ProbeWords, probeWords } from '../mail-servers/probe-words.ts';
import { idOf } from '../named.ts';

const Decision = z.object({
  version: z.coerce.number().int().min(0).max(2_147_483_647).catch(0),
  reason: z.string().max(20_000).catch(''),
  mailServer: z.uuid().nullable().catch(null),
  seen: z.literal('on').nullable().catch(null),
});
type Faults = { reason?: string; seen?: string; accept?: string };

export function showRegistration(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    return registrationPage(context, request, reply, registration, '', {});
  };
}

export function showRegistrationPaper(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    return reply.page('registration/print', {
      title: request.formats.t('registration.title'),
      place: 'administration',
      back: `/administration/registrations/${registration.id}`,
      ...(await registrationData(context, request, registration)),
    });
  };
}

/** The code is shown on this answer and nowhere else. */
export function inviteAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    const { code, endsAt } = await inviteContact(context, signedIn(request), registration);
    return reply.page('administration/registration-code', {
      title: request.formats.t('registration.invite.title'),
      place: 'administration',
      section: 'countries',
      role: 'central',
      registration,
      country: request.formats.country(registration.isoCode),
      code,
      endsAt,
      address: new URL('/registration', context.config.publicUrl).href,
    });
  };
}

export function withdrawInvitationAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    await withdrawInvitation(context, signedIn(request), registration);
    leaveNotice(reply, context.config, 'done', 'registration.invite.withdrawn');
    return reply.redirect(`/administration/registrations/${registration.id}`);
  };
}

export function returnAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    const { version, reason: typed } = Decision.parse(request.body ?? {});
    const reason = typed
      .replace(/\r\n?/g, '\n')
      .replace(/[^\P{Cc}\n]/gu, ' ')
      .trim();
    if (reason === '' || reason.length > REASON_MAX) {
      const fault = request.formats.t('registration.return.fault', { most: REASON_MAX });
      return registrationPage(context, request, reply.code(400), registration, typed, { reason: fault });
    }
    const decided = await returnRegistration(context, signedIn(request), registration, version, reason);
    if (!decided.ok) return refused(context, request, reply, decided.problem, typed);
    leaveNotice(reply, context.config, 'done', 'registration.return.done');
    return reply.redirect(`/administration/registrations/${registration.id}`);
  };
}

/** Connects to the servers that the form names, so that whoever decides knows whether they are there. */
export function testServersAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    const { fields, state } = registration;
    if (state !== 'submitted' || fields.mailboxes !== 'own') throw new AppError('not-found');
    const server = namedServer(fields);
    const tested = await testMailServer(context, signedIn(request), registration.id, server);
    const { t, time } = request.formats;
    if (tested.ok) {
      const probes = probeWords(request.formats, server, tested.probe);
      return registrationPage(context, request, reply, registration, '', {}, { probes });
    }
    const tooMany = t('mailServers.probe.tooMany', { time: time(tested.retryAt) });
    return registrationPage(context, request, reply.code(429), registration, '', {}, { tooMany });
  };
}

export function acceptAction(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await named(context, request);
    const { version, mailServer, seen } = Decision.parse(request.body ?? {});
    if (registration.fields.mailboxes === 'own' && seen === null) {
      const faults = { seen: request.formats.t('registration.accept.notSeen') };
      return registrationPage(context, request, reply.code(400), registration, '', faults);
    }
    const decided = await acceptRegistration(context, signedIn(request), registration, version, mailServer);
    if (!decided.ok) return refused(context, request, reply, decided.problem, '');
    leaveNotice(reply, context.config, 'done', 'registration.accept.done');
    return reply.redirect(`/administration/registrations/${registration.id}`);
  };
}

function named(context: Context, request: FastifyRequest): Promise<OpenRegistration> {
  return findRegistration(context, signedIn(request), idOf(request, 'registration'));
}

/** With the registration as it stands now: another window may have decided. */
async function refused(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  problem: DecisionProblem,
  reason: string,
) {
  const registration = await named(context, request);
  const faults = { accept: request.formats.t(`registration.decision.${problem}`) };
  return registrationPage(context, request, reply.code(409), registration, reason, faults);
}

async function registrationPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  registration: OpenRegistration,
  reason: string,
  faults: Faults,
  test: { probes?: ProbeWords[]; tooMany?: string } = {},
) {
  const { t, country } = request.formats;
  const session = signedIn(request);
  const hosted = (await readMailServers(context, session)).filter((server) => server.hosted);
  return reply.page('administration/registration', {
    title: t('registration.of', { country: country(registration.isoCode), code: registration.code }),
    place: 'administration',
    section: 'countries',
    role: 'central',
    ...(await registrationData(context, request, registration)),
    invitation: await currentInvitation(context, registration.id),
    hostedNow: registration.country?.mailServerId ?? null,
    hosted: hosted.map(({ id, name }) => ({ value: id, text: name })),
    reason,
    reasonMax: REASON_MAX,
    probes: test.probes ?? [],
    tooMany: test.tooMany ?? null,
    faults,
  });
}
