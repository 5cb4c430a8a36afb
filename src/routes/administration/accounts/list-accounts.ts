import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../../context.ts';
import { AppError } from '../../../errors.ts';
import type { Formats } from '../../../i18n/formats.ts';
import { leaveNotice } from '../../../plugins/notices.ts';
import { signedIn } from '../../../plugins/session.ts';
import {
  type CountryAccounts,
  type ListedAccount,
  type ListState,
  readCountryAccounts,
  sendAddressList,
} from '../../../services/administration/address-lists.ts';
import { administeredProgramme } from '../../../services/administration/administered.ts';
import { countryOf } from './params.ts';

/** One line for each country; an administrator of one country is shown that at once. */
export function showAccounts(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const session = signedIn(request);
    const { account } = session;
    if (account.role !== 'central') return countryPage(context, request, reply, account.countryId);
    const countries = await readCountryAccounts(context, session);
    return reply.page('administration/accounts', {
      title: request.formats.t('accounts.title'),
      place: 'administration',
      section: 'accounts',
      role: account.role,
      limit: administeredProgramme(session).accountLimit,
      countries: countries.map((country) => ({
        ...country,
        name: request.formats.country(country.isoCode),
        listMark: listMark(country.list, country.accounts.length, request.formats),
      })),
    });
  };
}

export function showCountryAccounts(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const country = await countryOf(context, request);
    return countryPage(context, request, reply, country.id);
  };
}

/** The addresses as they are now go to the programme, which issues the Digital IDs for them (T10). */
export function sendList(context: Context) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const country = await countryOf(context, request);
    const count = await sendAddressList(context, signedIn(request), country);
    if (count === null) leaveNotice(reply, context.config, 'refused', 'accounts.list.nothing');
    else leaveNotice(reply, context.config, 'done', 'accounts.list.sent', { count });
    return reply.redirect(`/administration/countries/${country.id}/accounts`);
  };
}

async function countryPage(context: Context, request: FastifyRequest, reply: FastifyReply, countryId: string) {
  const session = signedIn(request);
  const { t, country: nameOf } = request.formats;
  const [country] = await readCountryAccounts(context, session, countryId);
  if (!country) throw new AppError('not-found');
  const at = context.now();
  return reply.page('administration/country-accounts', {
    title: t('accounts.country.title', { country: nameOf(country.isoCode), code: country.code }),
    place: 'administration',
    section: 'accounts',
    role: session.account.role,
    country,
    hosted: country.mailServer.hosted,
    limit: administeredProgramme(session).accountLimit,
    accounts: country.accounts.map((account) => ({
      ...account,
      mark: stateMark(account, country, at, request.formats),
    })),
    listMark: listMark(country.list, country.accounts.length, request.formats),
    lists: country.lists,
  });
}

type Mark = { look: string; icon: string; text: string };

/** Whether somebody can sign in, in one mark. */
export function stateMark(
  account: ListedAccount,
  { mailServer }: Pick<CountryAccounts, 'mailServer'>,
  at: Date,
  { t, date }: Formats,
): Mark {
  if (account.state === 'removed') return { look: '', icon: 'dash', text: t('administration.state.removed') };
  if (account.state === 'suspended') return { look: 'seal', icon: 'cross', text: t('administration.state.suspended') };
  if (mailServer.hosted && account.mailboxPasswordHash === null)
    return { look: 'wait', icon: 'clock', text: t('accounts.state.noPassword') };
  const ends = account.handOver?.endsAt;
  if (!mailServer.hosted || !ends) return { look: 'ok', icon: 'tick', text: t('administration.state.active') };
  if (ends <= at) return { look: 'seal', icon: 'clock', text: t('accounts.state.codeEnded', { date: date(ends) }) };
  return { look: 'wait', icon: 'clock', text: t('accounts.state.waiting', { date: date(ends) }) };
}

function listMark(list: ListState, count: number, { t, date }: Formats): Mark {
  if (list.sent === null) {
    const look = count > 0 ? 'wait' : '';
    return { look, icon: count > 0 ? 'clock' : 'dash', text: t('accounts.list.never') };
  }
  const sent = t('accounts.list.sentOn', { count: list.sent.addresses.length, date: date(list.sent.sentAt) });
  const changes = [
    ...(list.added.length > 0 ? [t('accounts.list.added', { count: list.added.length })] : []),
    ...(list.gone.length > 0 ? [t('accounts.list.gone', { count: list.gone.length })] : []),
  ];
  if (changes.length === 0) return { look: 'ok', icon: 'tick', text: sent };
  return { look: 'wait', icon: 'clock', text: `${sent}; ${changes.join(', ')}` };
}
