/**
 * How an address is composed from a person's names (T02): `Firstname.Surname@domain`, never typed free-hand.
 *
 * 1. Accents are dropped: François becomes Francois, Müller Muller, Škvorecký Skvorecky. One rule for all countries: what
 *    ä stands for depends on the language, and the language of a name is not known.
 * 2. Latin letters that are no accented ones are written out: ß ss, æ ae, œ oe, ø o, đ and ð d, þ th, ł l, ħ h, ı i, ŋ ng.
 * 3. Apostrophes, quotes and full stops are dropped: O'Brien becomes OBrien; a full stop only stands between the two names.
 * 4. Spaces, hyphens and dashes become one hyphen: Jean Pierre and Jean–Pierre become Jean-Pierre, van der Berg Van-der-Berg.
 * 5. The first letter of each of the two names is upper case, the others stay as they were written.
 *
 * 6. Who comes second under the same address gets a number behind the surname: Alain.Dupont2. No surname has digits, so that it is
 *    clear what it is; whether another first name tells the two apart better is for a person to decide.
 *
 * Anything else (other scripts, digits, signs) is refused: a transliteration (transliteration.ts) is for a person to confirm.
 */
export type AddressName = { ok: true; localPart: string } | { ok: false; problem: 'empty' | 'not-latin' | 'too-long' };

/** RFC 5321 section 4.5.3.1.1 */
const LOCAL_PART_MAX = 64;

const WRITTEN_OUT: Readonly<Record<string, string>> = {
  ß: 'ss',
  ẞ: 'SS',
  æ: 'ae',
  Æ: 'Ae',
  œ: 'oe',
  Œ: 'Oe',
  ø: 'o',
  Ø: 'O',
  đ: 'd',
  Đ: 'D',
  ð: 'd',
  Ð: 'D',
  þ: 'th',
  Þ: 'Th',
  ł: 'l',
  Ł: 'L',
  ħ: 'h',
  Ħ: 'H',
  ŧ: 't',
  Ŧ: 'T',
  ı: 'i',
  ŋ: 'ng',
  Ŋ: 'Ng',
};

/** How many people of one country can have the same names. */
export const NAMESAKES_MAX = 99;

/**
 * The part before the @ for these names, as it stands in certificates; comparisons ignore its case.
 * @param number which of those with these names it is; the first one has none
 */
export function composeLocalPart(firstName: string, surname: string, number = 1): AddressName {
  const names = [firstName, surname].map(writeName);
  if (names.some((name) => name === null)) return { ok: false, problem: 'not-latin' };
  if (names.some((name) => name === '')) return { ok: false, problem: 'empty' };
  const localPart = `${names.join('.')}${number > 1 ? number : ''}`;
  return localPart.length > LOCAL_PART_MAX ? { ok: false, problem: 'too-long' } : { ok: true, localPart };
}

/** The domain of a country: the pattern of its programme with the distinguishing sign in lower case. */
export function composeDomain(pattern: string, countryCode: string): string {
  return pattern.replace('{cc}', countryCode.toLowerCase()).toLowerCase();
}

/** @returns null for letters outside the rule */
function writeName(name: string): string | null {
  const letters = name
    // First, since a free-standing accent would decompose into a space and a combining one.
    .replace(/['’‘ʼ`´"“”.]/g, '')
    .normalize('NFKD')
    .replace(/\p{Mn}/gu, '')
    .replace(/[^\x20-\x7e]/gu, (letter) => WRITTEN_OUT[letter] ?? letter)
    .replace(/[\s\p{Pd}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
  if (!/^[A-Za-z-]*$/.test(letters)) return null;
  return letters.charAt(0).toUpperCase() + letters.slice(1);
}
