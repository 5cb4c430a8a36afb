import type { Account, Country } from '../../generated/prisma/client.ts';
import type { Database } from '../database/connect.ts';
import type { Person } from './accounts.ts';
import { composeLocalPart, NAMESAKES_MAX } from './address-rule.ts';
import { type Script, scriptsOf, strangeLetters } from './scripts.ts';
import { type CyrillicLanguage, cyrillicLanguageOf, transliterate } from './transliteration.ts';

export const NAME_MAX = 100;

/** Names as they were typed; the Latin ones are empty before something was proposed. */
export type TypedNames = Person & {
  latinFirstName: string;
  latinSurname: string;
  /** Which language Cyrillic letters are read in; null: what they say themselves */
  language: CyrillicLanguage | null;
};

export type NameField = 'firstName' | 'surname' | 'latinFirstName' | 'latinSurname';

/** Why names give no address, for the field beside which it is said. */
export type NameFault = {
  field: NameField;
  problem: 'empty' | 'too-long' | 'signs' | 'mixed-scripts' | 'not-latin' | 'latin-needed' | 'address-too-long';
  /** What is meant, for those that name letters */
  letters: string;
};

export type Namesake = Pick<Account, 'id' | 'firstName' | 'surname' | 'address' | 'state' | 'addressRestsUntil'>;

export type Proposal = {
  person: Person;
  /** What the address is made from where the names are not written in Latin letters that the rule knows; else null */
  latin: Person | null;
  script: Script;
  language: CyrillicLanguage | null;
  faults: NameFault[];
  /** Null with faults */
  address: string | null;
  number: number;
  /** Those who have the addresses of these names already */
  namesakes: Namesake[];
};

/** The address that follows from names, before anything is made: with it goes what a person has to confirm. */
export async function proposeAddress(database: Database, country: Country, typed: TypedNames): Promise<Proposal> {
  const person = { firstName: typed.firstName.trim(), surname: typed.surname.trim() };
  const faults = faultsOf(person);
  const script = scriptsOf(`${person.firstName} ${person.surname}`)[0] ?? 'Latin';
  const none = { person, latin: null, script, language: null, faults, address: null, number: 1, namesakes: [] };
  if (faults.length > 0) return none;
  const ownLatin = script === 'Latin' && isComposable(person.firstName) && isComposable(person.surname);
  const language =
    script === 'Cyrillic' ? (typed.language ?? cyrillicLanguageOf(Object.values(person).join(' '))) : null;
  const latin = ownLatin ? null : latinOf(person, typed, language);
  const latinFaults = latin ? latinFaultsOf(latin) : [];
  if (latinFaults.length > 0) return { ...none, latin, language, faults: latinFaults };
  const basis = latin ?? person;
  const composed = composeLocalPart(basis.firstName, basis.surname);
  if (!composed.ok) {
    // Both names are written by the rule; only together they may be too long, or one has nothing but signs.
    const field = ownLatin ? 'surname' : 'latinSurname';
    const problem = composed.problem === 'too-long' ? 'address-too-long' : 'empty';
    return { ...none, latin, language, faults: [{ field, problem, letters: '' }] };
  }
  const found = await firstFree(database, country, basis);
  return { ...none, latin, language, ...found };
}

function faultsOf(person: Person): NameFault[] {
  const faults: NameFault[] = [];
  for (const field of ['firstName', 'surname'] as const) {
    const name = person[field];
    const signs = [...new Set([...name].filter((letter) => !/[\p{L}\p{M}\s\p{Pd}'’‘ʼ`´".]/u.test(letter)))]
      .map(visible)
      .join(' ');
    if (!/\p{L}/u.test(name) && signs === '') faults.push({ field, problem: 'empty', letters: '' });
    else if ([...name].length > NAME_MAX) faults.push({ field, problem: 'too-long', letters: '' });
    else if (signs !== '') faults.push({ field, problem: 'signs', letters: signs.slice(0, 40) });
  }
  if (faults.length > 0) return faults;
  const { firstName, surname } = person;
  if (scriptsOf(`${firstName} ${surname}`).length < 2) return faults;
  const mixed = (['firstName', 'surname'] as const).filter((field) => scriptsOf(person[field]).length > 1);
  // Each of one script, and the two not of the same.
  if (mixed.length === 0) return [{ field: 'surname', problem: 'mixed-scripts', letters: surname.slice(0, 40) }];
  return mixed.map((field) => {
    return { field, problem: 'mixed-scripts', letters: strangeLetters(person[field]).slice(0, 10).join(' ') };
  });
}

/** Signs that nobody sees, such as a zero-width space, by their number. */
function visible(sign: string): string {
  const number = (sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /\p{C}/u.test(sign) ? `U+${number}` : sign;
}

function isComposable(name: string): boolean {
  const composed = composeLocalPart(name, 'X');
  return composed.ok || composed.problem === 'too-long';
}

/** As it was typed, or as proposed the first time and whenever another language is chosen. */
function latinOf(person: Person, typed: TypedNames, language: CyrillicLanguage | null): Person {
  const isTyped = `${typed.latinFirstName}${typed.latinSurname}`.trim() !== '';
  if (isTyped) return { firstName: typed.latinFirstName.trim(), surname: typed.latinSurname.trim() };
  const propose = (name: string) => transliterate(name, language ?? undefined) ?? (isComposable(name) ? name : '');
  return { firstName: propose(person.firstName), surname: propose(person.surname) };
}

function latinFaultsOf(latin: Person): NameFault[] {
  const fields = [
    ['latinFirstName', latin.firstName],
    ['latinSurname', latin.surname],
  ] as const;
  return fields.flatMap(([field, name]): NameFault[] => {
    if (name === '') return [{ field, problem: 'latin-needed', letters: '' }];
    if ([...name].length > NAME_MAX) return [{ field, problem: 'too-long', letters: '' }];
    if (isComposable(name)) return [];
    return [
      {
        field,
        problem: 'not-latin',
        letters: [...name]
          .filter((each) => !isComposable(`X${each}`))
          .join(' ')
          .slice(0, 40),
      },
    ];
  });
}

/** The lowest number that nobody has, and who has those before it. Addresses of the removed count as long as they rest. */
async function firstFree(
  database: Database,
  country: Country,
  basis: Person,
): Promise<Pick<Proposal, 'address' | 'number' | 'namesakes' | 'faults'>> {
  const addressOf = (number: number) => {
    const composed = composeLocalPart(basis.firstName, basis.surname, number);
    return composed.ok ? `${composed.localPart}@${country.domain}` : null;
  };
  const numbers = Array.from({ length: NAMESAKES_MAX }, (_, index) => index + 1);
  const keys = numbers.map((number) => addressOf(number)?.toLowerCase()).filter((key) => key !== undefined);
  const rows = await database.prisma.account.findMany({
    where: { addressKey: { in: keys } },
    select: {
      id: true,
      firstName: true,
      surname: true,
      address: true,
      addressKey: true,
      state: true,
      addressRestsUntil: true,
    },
    orderBy: { createdAt: 'asc' },
  });
  const taken = new Set(rows.map((row) => row.addressKey));
  const number = numbers.find((each) => !taken.has(addressOf(each)?.toLowerCase() ?? '')) ?? NAMESAKES_MAX;
  const namesakes = rows.map(({ addressKey: _, ...row }) => row);
  const address = addressOf(number);
  if (address === null)
    return { address, number, namesakes, faults: [{ field: 'surname', problem: 'address-too-long', letters: '' }] };
  return { address, number, namesakes, faults: [] };
}
