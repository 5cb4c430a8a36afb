import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { mayEdit, proposeRegistration } from '../../../services/registration/proposals.ts';
import {
  ensureOwnRegistration,
  findCountryRegistration,
  type OpenRegistration,
  ownRegistration,
} from '../../../services/registration/registrations.ts';
import { formData, readRegistrationForm, registrationData } from '../../registration/form-page.ts';

const PAGE = '/administration/registration';

/** The registration of the own country; a country that joined without one is told so. */
export function showOwnRegistration(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const registration = await findCountryRegistration(context, session.account.countryId);
    const frame = { place: 'administration', section: 'registration', role: session.account.role };
    const title = request.formats.t('registration.own.title');
    if (!registration) return reply.page('administration/own-registration', { title, ...frame, registration: null });
    return reply.page('administration/own-registration', {
      title,
      ...frame,
      ...(await registrationData(context, request, registration)),
      mayEdit: mayEdit({ session }, registration),
    });
  };
}

export function showOwnPaper(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const registration = await ownRegistration(context, signedIn(request));
    return reply.page('registration/print', {
      title: request.formats.t('registration.title'),
      place: 'administration',
      back: PAGE,
      ...(await registrationData(context, request, registration)),
    });
  };
}

export function showChange(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const registration = await ownRegistration(context, session);
    if (!mayEdit({ session }, registration)) return reply.redirect(PAGE);
    return changePage(context, request, reply, registration, { fields: registration.fields });
  };
}

/** Runs through the same steps as the form of the beginning; until it is accepted, what was accepted before holds. */
export function proposeChange(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const registration = await ensureOwnRegistration(context, session);
    const typed = readRegistrationForm(request);
    const result = await proposeRegistration(context, { session }, registration, typed);
    if (result.ok) {
      leaveNotice(reply, context.config, 'done', `registration.${typed.submits ? 'submitted' : 'saved'}`);
      return reply.redirect(PAGE);
    }
    const { fields } = typed;
    if (result.problem === 'closed') {
      leaveNotice(reply, context.config, 'refused', 'registration.closed');
      return reply.redirect(PAGE);
    }
    if (result.problem === 'stale')
      return changePage(context, request, reply.code(409), result.registration, { fields, result });
    if (result.problem === 'too-many-attempts')
      return changePage(context, request, reply.code(429), registration, { fields, result });
    return changePage(context, request, reply.code(400), registration, { fields, faults: result.faults });
  };
}

async function changePage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  registration: OpenRegistration,
  typed: Parameters<typeof formData>[2],
) {
  const session = signedIn(request);
  return reply.page('registration/form', {
    title: request.formats.t('registration.change.title'),
    place: 'administration',
    ...(await registrationData(context, request, registration)),
    ...formData(request, registration, typed),
    mayEdit: mayEdit({ session }, registration),
    action: '/administration/registration/change',
    printHref: '/administration/registration/print',
    cancelHref: PAGE,
  });
}
