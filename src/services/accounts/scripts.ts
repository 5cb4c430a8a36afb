/** Scripts whose names are told apart here; `other` is any further one. */
export const SCRIPTS = ['Latin', 'Greek', 'Cyrillic', 'Armenian', 'Georgian'] as const;
export type Script = (typeof SCRIPTS)[number] | 'other';

const PATTERNS = SCRIPTS.map((script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')] as const);

/** The scripts of a name's letters, in the order in which they come; accents and signs belong to none. */
export function scriptsOf(name: string): Script[] {
  const found = new Set<Script>();
  for (const letter of name.normalize('NFC')) {
    if (/\p{L}/u.test(letter)) found.add(PATTERNS.find(([, pattern]) => pattern.test(letter))?.[0] ?? 'other');
  }
  return [...found];
}

/** The letters that are of another script than the first one: an А that looks like an A. */
export function strangeLetters(name: string): string[] {
  const [first] = scriptsOf(name);
  return [
    ...new Set([...name.normalize('NFC')].filter((letter) => scriptsOf(letter).some((script) => script !== first))),
  ];
}
