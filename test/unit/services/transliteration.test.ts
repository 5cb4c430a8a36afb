import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeLocalPart } from '../../../src/services/accounts/address-rule.ts';
import { scriptsOf, strangeLetters } from '../../../src/services/accounts/scripts.ts';
import {
  type CyrillicLanguage,
  cyrillicLanguageOf,
  transliterate,
} from '../../../src/services/accounts/transliteration.ts';

/** As passports of the country write these names. */
const PROPOSED: [string, string, CyrillicLanguage?][] = [
  // ELOT 743, with the pairs that are spoken as one
  ['Γεώργιος', 'Georgios'],
  ['Παπαδόπουλος', 'Papadopoulos'],
  ['Ευαγγελία', 'Evangelia'],
  ['Ευτυχία', 'Eftychia'],
  ['Αυγουστίνος', 'Avgoustinos'],
  ['Μπακογιάννης', 'Bakogiannis'],
  ['Λάμπρου', 'Lamprou'],
  ['Άγγελος', 'Angelos'],
  ['Χρήστος', 'Christos'],
  ['Ψάλτη', 'Psalti'],
  ['ΨΑΛΤΗ', 'PSALTI'],
  ['Μαΐου', 'Maiou'],
  ['Σταύρος', 'Stavros'],
  ['Λευκή', 'Lefki'],
  // Law of 2009
  ['Щерева', 'Shtereva'],
  ['Цветан', 'Tsvetan'],
  ['Юлия', 'Yulia'],
  ['Илия', 'Ilia'],
  ['Жеко', 'Zheko'],
  ['Ваньо', 'Vanyo'],
  ['Къндева', 'Kandeva'],
  ['ЩЕРЕВА', 'SHTEREVA'],
  // Resolution 55 of 2010
  ['Юрій', 'Yurii'],
  ['Згурський', 'Zghurskyi', 'uk'],
  ['Єлизавета', 'Yelyzaveta'],
  ['Кучер’явий', 'Kucher’iavyi', 'uk'],
  // ICAO 9303, Serbian and Macedonian alphabets
  ['Щукин', 'Shchukin', 'ru'],
  ['Ђорђевић', 'Đorđević'],
  ['Ќосевски', 'Kjosevski'],
  // Georgian 2002 and Armenian
  ['გიორგი', 'Giorgi'],
  ['Հովհաննես', 'Hovhannes'],
];

for (const [name, expected, language] of PROPOSED) {
  test(`T02 ${name} is proposed as ${expected}`, () => {
    assert.equal(transliterate(name, language), expected);
    assert.equal(transliterate(name.normalize('NFD'), language), expected, 'decomposed');
    assert.ok(composeLocalPart(expected, 'X').ok, 'and the address rule takes it');
  });
}

test('T02 letters say which language Cyrillic is, and Bulgarian is taken where they say nothing', () => {
  assert.deepEqual(['Юрій', 'Йовановић', 'Ќосев', 'Рыжов', 'Быкаў', 'Иван'].map(cyrillicLanguageOf), [
    'uk',
    'sr',
    'mk',
    'ru',
    'be',
    'bg',
  ]);
});

test('T02 what no table knows is left to a person, and other letters among it are found', () => {
  assert.equal(transliterate('ليلى'), null);
  assert.equal(transliterate('Иванϟ'), null);
  assert.deepEqual(scriptsOf('Al\u0430in'), ['Latin', 'Cyrillic']);
  assert.deepEqual(strangeLetters('Al\u0430in'), ['\u0430']);
  assert.deepEqual(scriptsOf("Zoé-Anne d'Été"), ['Latin']);
});
