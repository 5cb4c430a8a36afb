import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { signedIn } from '../../../plugins/session.ts';
import { type CountryCodeProblem, countryCodeProblem, isoOf } from '../../../services/accounts/annex-a.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { beginRegistration, readCountries } from '../../../services/registration/registrations.ts';
import { typedText } from '../named.ts';

type Fields = { code: string; iso: string };
type Faults = { code?: string; iso?: string };

export function showCountries(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    countriesPage(context, request, reply, { code: '', iso: '' }, {});
}

/** A country of Annex A, or a further one by sign and ISO code: its registration begins. */
export function beginCountry(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const fields = {
      code: typedText(request.body, 'code', 100).toUpperCase(),
      iso: typedText(request.body, 'iso', 100).toUpperCase(),
    };
    const iso = fields.iso === '' ? (isoOf(fields.code) ?? '') : fields.iso;
    const problem = countryCodeProblem(fields.code, iso);
    if (problem) return countriesPage(context, request, reply.code(400), fields, faultsOf(request.formats, problem));
    const begun = await beginRegistration(context, signedIn(request), fields.code, iso);
    if (begun.ok) return reply.redirect(`/administration/registrations/${begun.id}`);
    const faults = {
      [begun.problem === 'member' ? 'code' : 'iso']: request.formats.t(`countries.fault.${begun.problem}`),
    };
    return countriesPage(context, request, reply.code(409), fields, faults);
  };
}

function faultsOf({ t }: Formats, found: CountryCodeProblem): Faults {
  if (found.problem === 'look-alike') {
    const { letter, latin, script } = found.lookAlike;
    return { code: t(`countries.fault.look-alike.${script}`, { letter, latin }) };
  }
  if (found.problem === 'annex-a-iso') return { iso: t('countries.fault.annex-a', { code: found.code }) };
  return { [found.problem]: t(`countries.fault.${found.problem}`) };
}

async function countriesPage(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
  fields: Fields,
  faults: Faults,
) {
  const { t, country, locale } = request.formats;
  const session = signedIn(request);
  const countries = (await readCountries(context, session))
    .map((each) => ({ ...each, name: country(each.isoCode) }))
    .sort((a, b) => a.name.localeCompare(b.name, locale));
  return reply.page('administration/countries', {
    title: t('countries.title'),
    place: 'administration',
    section: 'countries',
    role: 'central',
    programmeRow: administeredProgramme(session),
    countries,
    members: countries.filter(({ standing }) => standing === 'member').length,
    fields,
    faults,
  });
}
