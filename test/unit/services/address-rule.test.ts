import assert from 'node:assert/strict';
import { test } from 'node:test';
import { composeDomain, composeLocalPart } from '../../../src/services/accounts/address-rule.ts';
import { ANNEX_A } from '../../../src/services/accounts/annex-a.ts';

const COMPOSED: [string, string, string][] = [
  ['Alain', 'Dupont', 'Alain.Dupont'],
  ['François-Xavier', 'D’Hondt', 'Francois-Xavier.DHondt'],
  ['Jean Pierre', "O'Brien", 'Jean-Pierre.OBrien'],
  ['  Anna  Maria ', 'van der Berg', 'Anna-Maria.Van-der-Berg'],
  ['Jürgen', 'Groß', 'Jurgen.Gross'],
  ['Søren', 'Kjærgård', 'Soren.Kjaergard'],
  ['Þóra', 'Guðmundsdóttir', 'Thora.Gudmundsdottir'],
  ['Łukasz', 'Żółć', 'Lukasz.Zolc'],
  ['Škaistė', 'Ģēģere', 'Skaiste.Gegere'],
  ['Ħanna', 'Ċutajar', 'Hanna.Cutajar'],
  ['Cœur', 'd´Été', 'Coeur.DEte'],
  ['J.', 'Smith–Jones', 'J.Smith-Jones'],
  ['ALAIN', 'DUPONT', 'ALAIN.DUPONT'],
];

for (const [firstName, surname, expected] of COMPOSED) {
  test(`T02 ${firstName.trim()} ${surname} gets the address ${expected}`, () => {
    assert.deepEqual(composeLocalPart(firstName, surname), { ok: true, localPart: expected });
    const decomposed = composeLocalPart(firstName.normalize('NFD'), surname.normalize('NFD'));
    assert.deepEqual(decomposed, { ok: true, localPart: expected });
  });
}

test('T02 names that the rule does not cover are refused, not guessed', () => {
  const problem = (firstName: string, surname: string) => {
    const name = composeLocalPart(firstName, surname);
    return name.ok ? name.localPart : name.problem;
  };
  assert.equal(problem('Γιώργος', 'Παπαδόπουλος'), 'not-latin');
  assert.equal(problem('Аlain', 'Dupont'), 'not-latin', 'a Cyrillic A looks Latin');
  assert.equal(problem('Alain', 'Dupont2'), 'not-latin');
  assert.equal(problem('Alain', 'Du@pont'), 'not-latin');
  assert.equal(problem('Alain\r\nBcc:', 'Dupont'), 'not-latin');
  assert.equal(problem('', 'Dupont'), 'empty');
  assert.equal(problem('--', '’'), 'empty');
  assert.equal(problem('A'.repeat(40), 'B'.repeat(40)), 'too-long');
});

test('T02 of people with the same names the second and further ones have a number', () => {
  const address = (number: number) => composeLocalPart('Alain', 'Dupont', number);
  assert.deepEqual(address(1), { ok: true, localPart: 'Alain.Dupont' });
  assert.deepEqual(address(2), { ok: true, localPart: 'Alain.Dupont2' });
  assert.deepEqual(composeLocalPart('A'.repeat(31), 'B'.repeat(32), 2), { ok: false, problem: 'too-long' });
});

test('T02 the domain of a country comes from the programme’s pattern', () => {
  assert.equal(composeDomain('tcn.{cc}.eu-admin.net', 'FIN'), 'tcn.fin.eu-admin.net');
});

test('T28 Annex A has 29 different countries with codes of Latin letters', () => {
  assert.equal(ANNEX_A.length, 29);
  assert.equal(new Set(ANNEX_A.map((each) => each.code)).size, 29);
  assert.equal(new Set(ANNEX_A.map((each) => each.iso)).size, 29);
  for (const { code, iso } of ANNEX_A) {
    assert.match(code, /^[A-Z]{1,3}$/);
    assert.match(iso, /^[A-Z]{2}$/);
  }
});
