import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { startOfDay } from '../../../i18n/start-of-day.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import {
  listCertificateAccounts,
  saveCertificatePolicy,
} from '../../../services/administration/client-certificates.ts';

const PAGE = '/administration/client-certificates';
const POLICIES = ['off', 'offered', 'required'] as const;

const Form = z.object({ policy: z.enum(POLICIES), from: z.string().max(20).catch('') });
type Fields = { policy: string; from: string };

/** The programme's rule for the browser's certificate (T22), and whom it means. */
export function showClientCertificates(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const programme = administeredProgramme(signedIn(request));
    const { clientCertificates: policy, clientCertificatesFrom: from } = programme;
    return policyPage(context, request, reply, { policy, from: from ? request.formats.day(from) : '' }, {});
  };
}

export function savePolicy(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const { formats } = request;
    const form = Form.safeParse(request.body);
    if (!form.success) {
      const fault = { policy: formats.t('clientCertificates.fault.policy') };
      return policyPage(context, request, reply.code(400), { policy: '', from: '' }, fault);
    }
    const { policy, from } = form.data;
    const result = await saveCertificatePolicy(context, signedIn(request), policy, startOfDay(from, formats.timeZone));
    if (!result.ok) {
      const text = formats.t(`clientCertificates.fault.${result.problem}`);
      const faults = result.problem === 'from' ? { from: text } : { policy: text };
      return policyPage(context, request, reply.code(400), form.data, faults);
    }
    leaveNotice(reply, context.config, 'done', 'clientCertificates.saved');
    return reply.redirect(PAGE);
  };
}

async function policyPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Fields,
  faults: { policy?: string; from?: string },
) {
  const session = signedIn(request);
  const { t, country } = request.formats;
  const accounts = await listCertificateAccounts(context, session);
  return reply.page('administration/client-certificates/show', {
    title: t('clientCertificates.title'),
    place: 'administration',
    section: 'clientCertificates',
    role: session.account.role,
    fields,
    faults,
    source: context.config.clientCertificates,
    ownCertificate: session.certificateSha256 !== null,
    policy: administeredProgramme(session).clientCertificates,
    policies: POLICIES.map((value) => ({ value, text: t(`clientCertificates.policy.${value}`) })),
    accounts: accounts.map((each) => ({ ...each, country: country(each.isoCode) })),
  });
}
