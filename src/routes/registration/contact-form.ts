import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../context.ts';
import { leaveNotice } from '../../plugins/notices.ts';
import { endVisit, type Visit } from '../../services/registration/invitations.ts';
import { mayEdit, proposeRegistration } from '../../services/registration/proposals.ts';
import type { OpenRegistration } from '../../services/registration/registrations.ts';
import { formData, readRegistrationForm, registrationData } from './form-page.ts';
import { clearVisitCookie, renewVisitCookie, visitOf } from './visit.ts';

const CODE = '/registration';
const FORM = '/registration/form';

export function showRegistrationForm(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const visit = await visitOf(context, request);
    if (!visit) return toCode(context, reply);
    const { registration } = visit;
    return formPage(context, request, reply, visit, registration, { fields: registration.fields });
  };
}

/** A draft may be incomplete; what is handed in is checked. Refused, everything that was typed stands there again. */
export function saveRegistration(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const visit = await visitOf(context, request);
    if (!visit) return toCode(context, reply);
    const typed = readRegistrationForm(request);
    const result = await proposeRegistration(context, { contact: visit }, visit.registration, typed);
    if (result.ok) {
      leaveNotice(reply, context.config, 'done', `registration.${typed.submits ? 'submitted' : 'saved'}`);
      return reply.redirect(FORM);
    }
    // Also when the invitation was withdrawn a moment ago: there is nothing to go on with then.
    if (result.problem === 'closed' || !(await visitOf(context, request))) {
      leaveNotice(reply, context.config, 'refused', 'registration.closed');
      return reply.redirect(FORM);
    }
    const { fields } = typed;
    if (result.problem === 'stale')
      return formPage(context, request, reply.code(409), visit, result.registration, { fields, result });
    if (result.problem === 'too-many-attempts')
      return formPage(context, request, reply.code(429), visit, visit.registration, { fields, result });
    const { faults } = result;
    return formPage(context, request, reply.code(400), visit, visit.registration, { fields, faults });
  };
}

export function showRegistrationPrint(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const visit = await visitOf(context, request);
    if (!visit) return toCode(context, reply);
    renewVisitCookie(request, reply, context.config);
    return reply.page('registration/print', {
      title: request.formats.t('registration.title'),
      back: FORM,
      ...(await registrationData(context, request, visit.registration)),
    });
  };
}

export function leaveRegistration(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const visit = await visitOf(context, request);
    if (visit) await endVisit(context, visit);
    clearVisitCookie(reply, context.config);
    leaveNotice(reply, context.config, 'done', 'registration.left');
    return reply.redirect(CODE);
  };
}

async function formPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  visit: Visit,
  registration: OpenRegistration,
  typed: Parameters<typeof formData>[2],
) {
  renewVisitCookie(request, reply, context.config);
  const { t, country } = request.formats;
  return reply.page('registration/form', {
    title: t('registration.of', { country: country(registration.isoCode), code: registration.code }),
    ...(await registrationData(context, request, registration)),
    ...formData(request, registration, typed),
    mayEdit: mayEdit({ contact: visit }, registration),
    action: FORM,
    printHref: '/registration/print',
    cancelHref: null,
  });
}

function toCode(context: Context, reply: FastifyReply) {
  clearVisitCookie(reply, context.config);
  return reply.redirect(CODE);
}
