import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ERROR_STATUS } from '../../../src/errors.ts';
import { parametersOf, parseMessage } from '../../../src/i18n/message.ts';
import { LOCALES, type Locale } from '../../../src/i18n/translate.ts';
import { CHECK_IDS, REASONS } from '../../../src/smime/verdict.ts';

const SOURCE = fileURLToPath(new URL('../../../src/', import.meta.url));

/** Texts that no file names in full: the rest of the key is a value of the program. */
const BUILT_KEYS = [
  ...['common.nav.', 'common.place.', 'common.shortcuts.', 'common.certificate.role.'],
  'errors.',
  ...['audit.action.', 'audit.result.', 'audit.reason.', 'audit.object.', 'audit.network.', 'audit.rule.'],
  'verdict.',
];

function catalogue(locale: Locale): Map<string, string> {
  const folder = join(SOURCE, 'i18n/locales', locale);
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return new Map(files.flatMap((text) => Object.entries(JSON.parse(text) as Record<string, string>)));
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:eta|ts)$/.test(name))
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}

const sources = ['views', 'routes', 'services', 'plugins', 'i18n'].flatMap((name) => filesUnder(join(SOURCE, name)));
const english = catalogue('en');

describe('the texts', () => {
  for (const locale of LOCALES.filter((name) => name !== 'en')) {
    it(`are complete in ${locale}, with the same parameters`, () => {
      const other = catalogue(locale);
      assert.deepEqual([...other.keys()].toSorted(), [...english.keys()].toSorted());
      for (const [key, text] of english) {
        const expected = [...parametersOf(parseMessage(text))].toSorted();
        const found = [...parametersOf(parseMessage(other.get(key) ?? ''))].toSorted();
        assert.deepEqual(found, expected, `${locale} ${key}`);
      }
    });
  }

  it('exist for each key that a page or a route names', () => {
    const missing = new Set<string>();
    for (const source of sources) {
      for (const [, key = ''] of source.matchAll(/\b(?:t|pieces|translate)\(\s*['"`]([a-z][\w.-]*\.[\w.-]+)['"`]/g)) {
        if (!english.has(key)) missing.add(key);
      }
    }
    assert.deepEqual([...missing].toSorted(), []);
  });

  it('are all used', () => {
    const everything = sources.join('\n');
    // A template such as t(`drafts.check.${id}.title`) uses every key that begins like it.
    const prefixes = [...everything.matchAll(/`([a-z][\w-]*\.[\w.-]*)\$\{/g)].map((match) => match[1] ?? '');
    const unused = [...english.keys()].filter(
      (key) =>
        !everything.includes(`'${key}'`) &&
        !everything.includes(`"${key}"`) &&
        !everything.includes(`\`${key}\``) &&
        ![...BUILT_KEYS, ...prefixes].some((prefix) => key.startsWith(prefix)),
    );
    assert.deepEqual(unused, []);
  });

  it('have a sentence for every reason, every check and every error', () => {
    const wanted = [
      ...REASONS.map((reason) => `verdict.reason.${reason}`),
      ...CHECK_IDS.flatMap((id) => ['passed', 'failed', 'unknown'].map((outcome) => `verdict.check.${id}.${outcome}`)),
      ...CHECK_IDS.map((id) => `verdict.check.${id}.passed.why`),
      ...Object.keys(ERROR_STATUS).flatMap((code) => [`errors.${code}.title`, `errors.${code}.text`]),
    ];
    assert.deepEqual(
      wanted.filter((key) => !english.has(key)),
      [],
    );
  });
});
