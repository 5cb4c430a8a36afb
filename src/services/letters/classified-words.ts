/**
 * Classification markings that must not be in a letter (S06): this system is not approved for classified information.
 * Those of the Union (Council Decision 2013/488/EU) in the languages of its members, those of NATO, and the national ones of
 * Germany and France. Whoever means something else by the words can write other ones; a classified letter that leaves cannot
 * be called back.
 */

/** Of one level in one language, without accents; `?` where an ending follows the gender. */
const LEVELS = [
  // Restricted
  'RESTREINTE?',
  'RESTRICTED',
  'RESTRINGID[OA]',
  'RESTRITO',
  'RISERVATO',
  'BEPERKT',
  'ZASTRZEZONE',
  'NUR FUR DEN DIENSTGEBRAUCH',
  // Confidential
  'CONFIDENTIEL(?:LE)?',
  'CONFIDENTIAL',
  'CONFIDENCIAL',
  'RISERVATISSIMO',
  'VERTRAULICH',
  'VERTROUWELIJK',
  'CONFIDENTIEEL',
  'POUFNE',
  // Secret and top secret
  '(?:TRES |TOP )?SECRET',
  '(?:MUY |MUITO )?SECRETO',
  'SEGRET(?:O|ISSIMO)',
  '(?:STRENG |ZEER )?GEHEIM',
  '(?:SCISLE )?TAJNE',
];
const LEVEL = `(?:${LEVELS.join('|')})`.replaceAll(' ', ' ?');
const OWNERS = '(?:UE|EU|EURATOM|NATO|OTAN)';

const WORDS = new RegExp(
  [
    `${LEVEL} ?${OWNERS}`,
    `${OWNERS} ?${LEVEL}`,
    'COSMIC TOP SECRET',
    'VS (?:NUR FUR DEN DIENSTGEBRAUCH|NFD|VERTRAULICH)',
    '(?:TRES SECRET|SECRET|CONFIDENTIEL) DEFENSE',
  ]
    .map((words) => `(?<![\\p{L}\\p{N}])${words}(?![\\p{L}\\p{N}])`)
    .join('|'),
  'u',
);
/** `R-UE/EU-R` and the like, also one half of it; in capitals only, with the hyphen that makes it one word. */
const SHORT = /(?<![\p{L}\p{N}-])(?:(?:TS|[RCS])-UE|EU-(?:TS|[RCS]))(?![\p{L}\p{N}-])/u;

/** Greek and Cyrillic letters that look like Latin capitals: typed by mistake, or so that nobody finds the word. */
const LOOKALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  [...'ΑАAΒВBΕЕEΖZΗНHΙІIΚКKΜМMΝNΟОOΡРPΤТTΥУYΧХXСCЅSЈJ'.matchAll(/([^A-Z]+)([A-Z])/g)].flatMap(
    ([, foreign = '', latin]) => [...foreign].map((letter) => [letter, latin as string]),
  ),
);

/** The classification that a text contains, as it is written there in capitals; null when it contains none. */
export function classifiedWords(text: string): string | null {
  const plain = withoutDecoration(text);
  const words = plain.toUpperCase().replace(/[^\p{L}\p{N}]+/gu, ' ');
  return WORDS.exec(joinedLetters(words))?.[0] ?? SHORT.exec(plain)?.[0] ?? null;
}

/** Without accents and invisible characters, every dash a hyphen. */
function withoutDecoration(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}]/gu, '')
    .replace(/\p{Pd}/gu, '-');
  return plain.replace(/[^\x00-\x7f]/g, (letter) => lookalike(letter));
}

function lookalike(letter: string): string {
  const capital = LOOKALIKES[letter.toUpperCase()];
  if (capital === undefined) return letter;
  return letter === letter.toUpperCase() ? capital : capital.toLowerCase();
}

/** `S E C R E T  U E` is read as one word. */
function joinedLetters(words: string): string {
  return words.replace(/(?<![\p{L}\p{N}])(?:\p{L} ){3,}\p{L}(?![\p{L}\p{N}])/gu, (letters) =>
    letters.replaceAll(' ', ''),
  );
}
