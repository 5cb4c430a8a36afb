import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../../context.ts';
import { isLocale, LOCALES } from '../../../i18n/translate.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import { type Proposal, proposeAddress, type TypedNames } from '../../../services/accounts/propose-address.ts';
import { CYRILLIC_LANGUAGES } from '../../../services/accounts/transliteration.ts';
import { type AdministeredCountry, administeredProgramme } from '../../../services/administration/administered.ts';
import { createAccountOf } from '../../../services/administration/create-account.ts';
import { handOverPage, LETTER_LANGUAGES } from './hand-over-page.ts';
import { countryOf } from './params.ts';

const name = z
  .string()
  .transform((text) => text.slice(0, 1000))
  .catch('');

/** What was shown goes with the form: an address is made only as somebody saw it. */
const Form = z.object({
  firstName: name,
  surname: name,
  latinFirstName: name,
  latinSurname: name,
  language: z.enum(CYRILLIC_LANGUAGES).nullable().catch(null),
  letterLocale: z.enum(LOCALES).nullable().catch(null),
  shown: name,
  shownNames: name,
  shownLanguage: name,
});
type Fields = z.infer<typeof Form>;

const formOf = (request: FastifyRequest): Fields => Form.parse(request.body ?? {});

export function showNewAccount(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) =>
    newAccountPage(
      request,
      reply,
      await countryOf(context, request),
      formOf({ ...request, body: {} } as FastifyRequest),
      null,
    );
}

/** Nothing is made yet: the address, and for other scripts the Latin letters, are shown to be confirmed or corrected. */
export function previewAccount(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const country = await countryOf(context, request);
    const form = formOf(request);
    const proposal = await proposeAddress(context.database, country, namesOf(form));
    return newAccountPage(request, reply.code(proposal.address === null ? 400 : 200), country, form, proposal);
  };
}

export function createAccount(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const country = await countryOf(context, request);
    const form = formOf(request);
    const { t } = request.formats;
    const proposal = await proposeAddress(context.database, country, namesOf(form));
    if (proposal.address === null) return newAccountPage(request, reply.code(400), country, form, proposal);
    if (proposal.address !== form.shown || !isAsShown(form))
      return newAccountPage(request, reply.code(409), country, form, proposal, t('accounts.new.otherAddress'));
    const made = await createAccountOf(context, session, country, proposal);
    if (!made.ok) {
      const problem = made.problem === 'limit-reached' ? 'limit-reached' : 'taken';
      const limit = administeredProgramme(session).accountLimit;
      const renewed = await proposeAddress(context.database, country, namesOf(form));
      return newAccountPage(request, reply.code(409), country, form, renewed, t(`accounts.new.${problem}`, { limit }));
    }
    if (made.handOver)
      return handOverPage(context, request, reply, { ...made.account, country }, made.handOver, form.letterLocale);
    leaveNotice(reply, context.config, 'done', 'accounts.new.listed', { address: made.account.address });
    return reply.redirect(`/administration/countries/${country.id}/accounts`);
  };
}

/** Latin letters that were confirmed for other names, or for another language, count no longer. */
function namesOf(form: Fields): TypedNames {
  const { firstName, surname, language } = form;
  if (form.shownNames === '' || isAsShown(form)) return form;
  const isOtherName = form.shownNames !== `${firstName.trim()} ${surname.trim()}`;
  return { firstName, surname, latinFirstName: '', latinSurname: '', language: isOtherName ? null : language };
}

function isAsShown({ firstName, surname, language, shownNames, shownLanguage }: Fields): boolean {
  return shownNames === `${firstName.trim()} ${surname.trim()}` && shownLanguage === (language ?? '');
}

function newAccountPage(
  request: FastifyRequest,
  reply: FastifyReply,
  country: AdministeredCountry,
  form: Fields,
  proposal: Proposal | null,
  notice: string | null = null,
) {
  const { t, locale } = request.formats;
  const faults = Object.fromEntries(
    (proposal?.faults ?? []).map(({ field, problem, letters }) => [field, t(`accounts.fault.${problem}`, { letters })]),
  );
  return reply.page('administration/new-account', {
    title: t(country.mailServer.hosted ? 'accounts.new.title' : 'accounts.new.titleOwn'),
    place: 'administration',
    section: 'accounts',
    role: signedIn(request).account.role,
    country,
    countryName: request.formats.country(country.isoCode),
    hosted: country.mailServer.hosted,
    fields: form,
    names: `${form.firstName.trim()} ${form.surname.trim()}`,
    faults,
    proposal,
    notice,
    languages: CYRILLIC_LANGUAGES.map((value) => ({ value, text: t(`accounts.language.${value}`) })),
    letterLanguages: LETTER_LANGUAGES,
    letterLocale: isLocale(form.letterLocale) ? form.letterLocale : locale,
  });
}
