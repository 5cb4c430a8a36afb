import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifiedWords } from '../../../src/services/letters/classified-words.ts';

const CLASSIFIED = [
  // As Council Decision 2013/488/EU and Commission Decision 2015/444 write them
  ...['RESTREINT UE/EU RESTRICTED', 'CONFIDENTIEL UE/EU CONFIDENTIAL', 'SECRET UE/EU SECRET'],
  ...['TRÈS SECRET UE/EU TOP SECRET', 'TRES SECRET UE/EU TOP SECRET'],
  ...['R-UE/EU-R', 'C-UE/EU-C', 'S-UE/EU-S', 'TS-UE/EU-TS', 'EU–R', 'Card (TS-UE)'],
  // One half, other cases, dashes, blanks and signs between
  ...['RESTREINT UE', 'CONFIDENTIEL UE', 'SECRET UE', 'TRES SECRET UE', 'TRÈS SECRET UE'],
  ...['EU RESTRICTED', 'EU CONFIDENTIAL', 'EU SECRET', 'EU TOP SECRET'],
  ...[
    'restreint ue',
    'Très secret UE',
    'Confidentielle UE',
    'EU-SECRET',
    'SECRET_UE',
    'SECRET  UE',
    'SECRETUE',
    '[EU/SECRET]',
  ],
  ...['S E C R E T  U E', 'R.E.S.T.R.E.I.N.T U.E', 'Subject: EU top-secret annex', 'Re: WG: RESTREINT UE - Card'],
  // Other languages
  ...['EU GEHEIM', 'EU - STRENG GEHEIM', 'EU VERTRAULICH', 'EU – Nur für den Dienstgebrauch', 'SECRETO UE'],
  ...['RISERVATISSIMO UE', 'SEGRETO UE', 'CONFIDENCIAL UE', 'ŚCIŚLE TAJNE UE', 'Zastrzeżone UE', 'ZEER GEHEIM EU'],
  // Others that must not be here either
  ...[
    'NATO SECRET',
    'OTAN RESTREINT',
    'COSMIC TOP SECRET',
    'VS-NfD',
    'VS – NUR FÜR DEN DIENSTGEBRAUCH',
    'VS-Vertraulich',
  ],
  ...['Secret Défense', 'TRÈS SECRET DÉFENSE'],
  // Hidden from those who search: combining accents, invisible characters, Greek and Cyrillic letters
  ...['TRE\u0300S SECRET UE', 'SE\u200bCRET UE', 'S\u00adECRET UE', 'RΕSTRЕINT UЕ', 'ＳＥＣＲＥＴ ＵＥ'],
];

const ORDINARY = [
  ...[
    '',
    'Card 0417',
    'Geheime Karte',
    'Top secret recipe of the canteen',
    'Confidential',
    'EU secretariat',
    'SENSITIVE - Card',
  ],
  ...[
    'secret ballot in the EU',
    'Secretary',
    'Europe-S',
    'EU-Rat',
    'T-UE',
    'Nur für den internen Gebrauch',
    'VS Berlin',
    'restricted area',
  ],
];

for (const text of CLASSIFIED) {
  test(`S06 “${text}” is a classification`, () => assert.notEqual(classifiedWords(text), null));
}

test('S06 ordinary words are no classification', () => {
  for (const text of ORDINARY) assert.equal(classifiedWords(text), null, text);
});

test('S06 what was found is named, so that the writer can look for it', () => {
  assert.equal(classifiedWords('Annex, très secret-ue'), 'TRES SECRET UE');
  assert.equal(classifiedWords('Annex (R–UE)'), 'R-UE');
});
