/**
 * How names of other scripts are proposed in Latin letters, for a person to confirm or to correct: Greek by ELOT 743 (the transcription
 * that passports have), Bulgarian by the law of 2009, Ukrainian by resolution 55 of 2010, Russian and Belarusian as in passports
 * (ICAO 9303), Serbian and Macedonian by their own Latin alphabets, Georgian by the national system of 2002, Armenian by BGN/PCGN
 * without its apostrophes.
 */
export const CYRILLIC_LANGUAGES = ['bg', 'uk', 'sr', 'mk', 'ru', 'be'] as const;
export type CyrillicLanguage = (typeof CYRILLIC_LANGUAGES)[number];

type Table = Readonly<Record<string, string>>;

/** `абв` and `a b v`: one piece of Latin for each letter; `_` for none. */
function table(letters: string, latin: string): Table {
  const pieces = latin.split(' ');
  return Object.fromEntries([...letters].map((letter, index) => [letter, (pieces[index] ?? '').replace('_', '')]));
}

const COMMON = table('абвгдезиклмнопрстуф', 'a b v g d e z i k l m n o p r s t u f');

const BULGARIAN: Table = { ...COMMON, ...table('жйхцчшщъьюяѝ', 'zh y h ts ch sh sht a y yu ya i') };

const RUSSIAN: Table = {
  ...COMMON,
  ...table('ёжйхцчшщъыьэюя', 'e zh i kh ts ch sh shch ie y _ e iu ia'),
};

const CYRILLIC: Record<CyrillicLanguage, Table> = {
  bg: BULGARIAN,
  ru: RUSSIAN,
  be: { ...RUSSIAN, ...table('гіўё', 'h i u io') },
  uk: {
    ...COMMON,
    ...table('гґєжиіїйхцчшщьюя', 'h g ie zh y i i i kh ts ch sh shch _ iu ia'),
  },
  sr: { ...COMMON, ...table('ђжјљњћхцчџш', 'đ ž j lj nj ć h c č dž š') },
  mk: { ...COMMON, ...table('ѓжѕјљњќхцчџш', 'gj ž dz j lj nj kj h c č dž š') },
};

/** Ukrainian letters that are written otherwise at the beginning of a name. */
const UKRAINIAN_INITIAL = table('єїйюя', 'ye yi y yu ya');

/** Letters that one language has and the others have not. */
const TELLING: readonly [RegExp, CyrillicLanguage][] = [
  [/[ґєї]/, 'uk'],
  [/ў/, 'be'],
  [/[ѓќѕ]/, 'mk'],
  [/[ђјљњћџ]/, 'sr'],
  [/[ыэё]/, 'ru'],
  // In Bulgarian it only stands before an о.
  [/і|ь(?!о)|['’ʼ]/, 'uk'],
];

/** What the letters say; Bulgarian, the language of the Union, where they say nothing. */
export function cyrillicLanguageOf(name: string): CyrillicLanguage {
  const letters = name.normalize('NFC').toLowerCase();
  return TELLING.find(([pattern]) => pattern.test(letters))?.[1] ?? 'bg';
}

const GREEK = table('αβγδεζηθικλμνξοπρστυφχψως', 'a v g d e z i th i k l m n x o p r s t y f ch ps o s');
const GREEK_PAIRS: Table = { γγ: 'ng', γξ: 'nx', γχ: 'nch', γκ: 'gk', ντ: 'nt', ου: 'ou', μπ: 'mp' };
/** Before these, and at the end, αυ ευ ηυ are spoken with f. */
const VOICELESS = /^(?:$|[θκξπστφχψς])/;

const GEORGIAN = table(
  'აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ',
  'a b g d e v z t i k l m n o p zh r s t u p k gh q sh ch ts dz ts ch kh j h',
);

const ARMENIAN = table(
  'աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև',
  'a b g d e z e y t zh i l kh ts k h dz gh ch m y n sh o ch p j r s v t r ts v p k o f ev',
);

/** The name in Latin letters as proposed, or null where no table knows all of its letters. */
export function transliterate(name: string, language: CyrillicLanguage = cyrillicLanguageOf(name)): string | null {
  const composed = name.normalize('NFC').trim();
  if (/\p{Script=Greek}/u.test(composed)) return inLatin(composed, greekPiece);
  if (/\p{Script=Cyrillic}/u.test(composed)) {
    const bulgarian =
      language === 'bg' ? composed.replace(/ия(?!\p{L})/gu, 'иа').replace(/ИЯ(?!\p{L})/gu, 'ИА') : composed;
    return inLatin(bulgarian, (rest, isFirst) => cyrillicPiece(rest, isFirst, language));
  }
  if (/\p{Script=Georgian}/u.test(composed)) return inLatin(composed, (rest) => single(rest, GEORGIAN));
  if (/\p{Script=Armenian}/u.test(composed)) return inLatin(composed, armenianPiece);
  return null;
}

/** How many letters were read, and what is written for them. */
type Piece = { length: number; latin: string };
type Reader = (rest: string, isFirst: boolean) => Piece | null;

/** Word by word: scripts without capitals get one at the beginning of each. */
function inLatin(name: string, read: Reader): string | null {
  let written = '';
  for (let at = 0, isFirst = true; at < name.length; ) {
    const letter = name.charAt(at);
    if (!/\p{L}/u.test(letter)) {
      // An apostrophe within a Ukrainian name is no new beginning.
      isFirst = !/['’ʼ]/.test(letter);
      written += letter;
      at += 1;
      continue;
    }
    const rest = name.slice(at).toLowerCase();
    const piece = read(rest, isFirst);
    if (piece === null) return null;
    const source = name.slice(at, at + piece.length);
    written += inCase(piece.latin, source, isFirst, name.charAt(at + piece.length));
    at += piece.length;
    isFirst = false;
  }
  return written;
}

/** ΨΑΛΤΗ → PSALTI, Ψάλτη → Psalti; a script without capitals: საბა → Saba. */
function inCase(latin: string, source: string, isFirst: boolean, next: string): string {
  const isUpper = source !== source.toLowerCase();
  const hasCase = source.toLowerCase() !== source.toUpperCase() && !/\p{Script=Georgian}/u.test(source);
  if (!isUpper && !(isFirst && !hasCase)) return latin;
  const isCapitals = isUpper && (/\p{Lu}$/u.test(source) && source.length > 1 ? true : /\p{Lu}/u.test(next));
  return isCapitals ? latin.toUpperCase() : latin.charAt(0).toUpperCase() + latin.slice(1);
}

function single(rest: string, letters: Table): Piece | null {
  const latin = letters[rest.charAt(0)];
  return latin === undefined ? null : { length: 1, latin };
}

function cyrillicPiece(rest: string, isFirst: boolean, language: CyrillicLanguage): Piece | null {
  if (language === 'uk') {
    if (rest.startsWith('зг')) return { length: 2, latin: 'zgh' };
    const initial = isFirst ? single(rest, UKRAINIAN_INITIAL) : null;
    if (initial) return initial;
  }
  return single(rest, CYRILLIC[language]);
}

function greekPiece(rest: string, isFirst: boolean): Piece | null {
  // A diaeresis, or an accent on the first of the two, keeps the letters apart.
  const [first = '', second = ''] = [rest.charAt(0), rest.charAt(1)];
  const [bare = '', next = ''] = [unaccented(first), unaccented(second)];
  const isPair = first === bare && !second.normalize('NFD').includes('\u0308');
  if (isPair && next === 'υ' && 'αεη'.includes(bare)) {
    const after = unaccented(rest.slice(2));
    return { length: 2, latin: `${GREEK[bare]}${VOICELESS.test(after) || !/^\p{L}/u.test(after) ? 'f' : 'v'}` };
  }
  if (isPair && bare === 'μ' && next === 'π' && isFirst) return { length: 2, latin: 'b' };
  const pair = isPair ? GREEK_PAIRS[bare + next] : undefined;
  return pair === undefined ? single(bare, GREEK) : { length: 2, latin: pair };
}

function unaccented(letters: string): string {
  return letters.normalize('NFD').replace(/\p{Mn}/gu, '');
}

function armenianPiece(rest: string, isFirst: boolean): Piece | null {
  if (rest.startsWith('ու')) return { length: 2, latin: 'u' };
  if (isFirst && rest.startsWith('ե')) return { length: 1, latin: 'ye' };
  if (isFirst && rest.startsWith('ո')) return { length: 1, latin: 'vo' };
  return single(rest, ARMENIAN);
}
