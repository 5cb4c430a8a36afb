import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../context.ts';
import { lastReturn, readHistory } from '../../services/registration/history.ts';
import type { ProposalResult } from '../../services/registration/proposals.ts';
import {
  administratorAddress,
  changesBetween,
  FIELD_SIZES,
  type FieldFaults,
  type RegistrationFields,
  readFields,
} from '../../services/registration/registration-form.ts';
import type { OpenRegistration } from '../../services/registration/registrations.ts';
import { changesOf, factsOf, faultTexts, historyOf } from './words.ts';

const Form = z.object({ version: z.coerce.number().int().min(0).max(2_147_483_647), do: z.enum(['save', 'submit']) });

/** The form as it came. One without a version is older than every other. */
export function readRegistrationForm(request: FastifyRequest) {
  const body = (request.body ?? {}) as Record<string, unknown>;
  const form = Form.safeParse(body).data ?? { version: 0, do: 'save' as const };
  return { version: form.version, submits: form.do === 'submit', fields: readFields(body) };
}

/** What every page of one registration shows: the form as facts, where it stands, and its history. */
export async function registrationData(context: Context, request: FastifyRequest, registration: OpenRegistration) {
  const { formats } = request;
  const history = await readHistory(context, registration.id);
  const returned = registration.state === 'returned' ? await lastReturn(context, registration.id) : null;
  const isChange = registration.countryId !== null && registration.state !== 'accepted';
  const before = isChange ? registration.accepted : null;
  return {
    registration,
    country: formats.country(registration.isoCode),
    programmeName: registration.programme.name,
    domain: registration.domain,
    facts: factsOf(formats, registration.fields, registration.domain),
    changed: before ? changesBetween(before, registration.fields).map(({ field }) => field) : [],
    holding: before ? factsOf(formats, before, registration.domain) : null,
    history: historyOf(formats, history),
    returned: returned && historyOf(formats, [returned])[0],
  };
}

/** The form itself: as it is saved, or as it was typed with what was wrong. */
export function formData(
  request: FastifyRequest,
  registration: OpenRegistration,
  typed: { fields: RegistrationFields; faults?: FieldFaults; result?: ProposalResult },
) {
  const { formats } = request;
  const { result, fields, faults = {} } = typed;
  return {
    fields,
    faults: faultTexts(formats, faults),
    sizes: FIELD_SIZES,
    version: registration.version,
    tooMany:
      result && !result.ok && result.problem === 'too-many-attempts'
        ? formats.t('registration.tooMany', { time: formats.time(result.retryAt) })
        : null,
    differences: result && !result.ok && result.problem === 'stale' ? changesOf(formats, result.differences) : null,
    address: administratorAddress(fields, registration.domain),
    modes: (['implicit', 'starttls'] as const).map((value) => ({
      value,
      text: formats.t(`registration.choice.${value}`),
    })),
  };
}
