import type { Context } from '../../context.ts';
import type { Account, AddressList, HandOver } from '../../generated/prisma/client.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type AdministeredCountry, administeredCountries } from './administered.ts';
import { recordAdministration } from './record.ts';

export type ListedAccount = Account & { handOver: Pick<HandOver, 'endsAt'> | null };

/** What a country has told the programme, and what is otherwise by now (T10). */
export type ListState = {
  sent: Pick<AddressList, 'sentAt' | 'sentBy' | 'addresses'> | null;
  /** Addresses that are not in the list that was sent */
  added: string[];
  /** Those in it that are there no more */
  gone: string[];
};

/** A list that was sent, and what is different in it from the one before. */
export type SentList = Pick<AddressList, 'sentAt' | 'sentBy' | 'addresses'> & {
  isFirst: boolean;
  added: string[];
  gone: string[];
};

/** How many of the lists that were sent are read, newest first. */
const LISTS_SHOWN = 20;

export type CountryAccounts = AdministeredCountry & {
  accounts: ListedAccount[];
  removed: Account[];
  list: ListState;
  lists: SentList[];
};

/** Every country that this administrator answers for, with its accounts and its list. */
export async function readCountryAccounts(
  context: Context,
  session: SignedIn,
  onlyId: string | null = null,
): Promise<CountryAccounts[]> {
  const countries = await context.database.prisma.country.findMany({
    where: { AND: [administeredCountries(session), onlyId === null ? {} : { id: onlyId }] },
    include: {
      mailServer: true,
      accounts: {
        include: { handOver: { select: { endsAt: true } } },
        orderBy: [{ surname: 'asc' }, { firstName: 'asc' }, { createdAt: 'asc' }],
      },
      addressLists: { orderBy: { sentAt: 'desc' }, take: LISTS_SHOWN + 1 },
    },
    orderBy: { code: 'asc' },
  });
  return countries.map(({ accounts: all, addressLists, ...country }) => {
    const accounts = all.filter(({ state }) => state !== 'removed');
    const removed = all.filter(({ state, addressRestsUntil }) => state === 'removed' && addressRestsUntil !== null);
    const lists = addressLists.slice(0, LISTS_SHOWN).map((each, index) => sentList(each, addressLists[index + 1]));
    return { ...country, accounts, removed, list: listState(accounts, addressLists[0] ?? null), lists };
  });
}

function listState(accounts: readonly Account[], sent: AddressList | null): ListState {
  const now = accounts.map(({ address }) => address);
  return { sent, ...difference(sent?.addresses ?? [], now) };
}

function sentList({ sentAt, sentBy, addresses }: AddressList, before: AddressList | undefined): SentList {
  const isFirst = before === undefined;
  return { sentAt, sentBy, addresses, isFirst, ...difference(before?.addresses ?? [], addresses) };
}

function difference(then: readonly string[], now: readonly string[]): { added: string[]; gone: string[] } {
  return {
    added: now.filter((address) => !then.includes(address)),
    gone: then.filter((address) => !now.includes(address)),
  };
}

/** The list as it is now goes to the programme. @returns how many addresses; null when there is none to send */
export async function sendAddressList(
  context: Context,
  session: SignedIn,
  country: AdministeredCountry,
): Promise<number | null> {
  const { prisma } = context.database;
  const accounts = await prisma.account.findMany({
    where: { countryId: country.id, state: { not: 'removed' } },
    select: { address: true },
    orderBy: { address: 'asc' },
  });
  if (accounts.length === 0) return null;
  const addresses = accounts.map(({ address }) => address);
  const sentBy = session.account.address;
  await prisma.addressList.create({
    data: { countryId: country.id, addresses, sentBy, sentAt: context.now() },
  });
  await recordAdministration(context, session, country.domain, 'address-list');
  return addresses.length;
}

/** Who may be asked about a password that the country's own server keeps. */
export async function administratorsOf(context: Context, countryId: string): Promise<Account[]> {
  return context.database.prisma.account.findMany({
    where: { countryId, state: 'active', role: { not: 'clerk' } },
    orderBy: [{ surname: 'asc' }, { firstName: 'asc' }],
  });
}
