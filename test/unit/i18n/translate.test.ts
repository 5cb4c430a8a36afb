import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatsFor, isTimeZone } from '../../../src/i18n/formats.ts';
import { parseMessage } from '../../../src/i18n/message.ts';
import { negotiateLocale, translator } from '../../../src/i18n/translate.ts';

describe('translator', () => {
  it('puts parameters in and picks the plural of the language', () => {
    assert.equal(translator('en')('common.nav.unread', { count: 1204 }), '1,204 unread');
    assert.equal(translator('fr')('common.nav.unread', { count: 0 }), '0 non lu');
    assert.equal(translator('fr')('common.nav.unread', { count: 2 }), '2 non lus');
    assert.equal(translator('de')('common.title', { title: 'Prüfung' }), 'Prüfung – Sealpost');
  });

  it('shows a missing parameter and a missing text by name instead of hiding them', () => {
    assert.equal(translator('en')('common.title'), '{title} – Sealpost');
    assert.equal(translator('de')('no.such.text'), 'no.such.text');
  });

  it('sets the spaces that French wants where no line may break', () => {
    assert.match(translator('fr')('verdict.ribbon.mismatch.from'), /De\u00a0:$/);
  });

  it('refuses braces that do not balance', () => {
    for (const text of ['{', 'a}', '{count, plural, one {x}}', '{count, plural, other {x}', '{a b}']) {
      assert.throws(() => parseMessage(text), SyntaxError, text);
    }
  });
});

describe('names from outside in a sentence', () => {
  const formats = formatsFor('en', 'Europe/Brussels');

  it('are cut out of the sentence, so that a view can isolate their direction', () => {
    assert.deepEqual(formats.pieces('verdict.ribbon.trusted.title', { name: 'Marja' }), [
      { text: 'Signed by ', foreign: false },
      { text: 'Marja', foreign: true },
      { text: '. Signature trusted.', foreign: false },
    ]);
  });

  it('lose direction marks, line breaks and what is longer than 80 characters', () => {
    assert.equal(formats.plainName('a\u202eb\u2066c\r\nd\u200b'), 'abc d');
    assert.equal([...formats.plainName('😀'.repeat(200))].length, 80);
  });
});

describe('formatsFor', () => {
  const moment = new Date('2026-11-24T23:30:09Z');

  it('writes dates for the reader and UTC for everybody', () => {
    const formats = formatsFor('en', 'Europe/Brussels');
    assert.equal(formats.dateTime(moment), '25 November 2026, 00:30');
    assert.equal(formats.utc(moment), '24 November 2026, 23:30 UTC');
    assert.equal(formats.machine(moment), '2026-11-24T23:30:09Z');
    assert.equal(formats.listDate(moment, new Date('2026-11-25T09:00:00Z')), '00:30');
    assert.equal(formats.listDate(moment, new Date('2026-12-25T09:00:00Z')), '25 Nov');
    assert.equal(formatsFor('de', 'Europe/Berlin').date(moment), '25. November 2026');
    assert.equal(formatsFor('fr', 'Europe/Paris').date(moment), '25 novembre 2026');
  });

  it('does not fail over a date that is none', () => {
    assert.equal(formatsFor('en', 'UTC').dateTime(new Date(Number.NaN)).includes('unknown date'), true);
    assert.equal(formatsFor('en', 'UTC').utc(new Date(Number.NaN)).includes('unknown date'), true);
    assert.equal(formatsFor('en', 'UTC').listDate(new Date(Number.NaN), moment), 'unknown date');
  });

  it('writes sizes, lists and countries', () => {
    const formats = formatsFor('en', 'UTC');
    assert.equal(formats.size(411_800), '412 KB');
    assert.equal(formats.size(1_240_000), '1.2 MB');
    assert.equal(formats.size(12), '1 KB');
    assert.equal(formats.list(['Marja', 'Clara', 'Jan']), 'Marja, Clara and Jan');
    assert.equal(formatsFor('fr', 'UTC').country('DE'), 'Allemagne');
    assert.equal(isTimeZone('Europe/Nowhere'), false);
  });
});

describe('negotiateLocale', () => {
  it('takes the best language that there is', () => {
    assert.equal(negotiateLocale('fr-BE,fr;q=0.9,de;q=0.8'), 'fr');
    assert.equal(negotiateLocale('nl, de;q=0.4, fr;q=0.7'), 'fr');
    assert.equal(negotiateLocale('nl'), 'en');
    assert.equal(negotiateLocale('de;q=x'), 'en');
    assert.equal(negotiateLocale(undefined), 'en');
  });
});
