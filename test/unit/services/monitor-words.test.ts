import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatsFor } from '../../../src/i18n/formats.ts';
import { watchedWords } from '../../../src/services/monitor/monitor-words.ts';
import type { WatchedState } from '../../../src/services/monitor/watched.ts';

test("T30 T24 what the monitor found of a relay's scanner is said in each language, with what to do", () => {
  const found: [code: string, state: WatchedState][] = [
    ['ok', 'ok'],
    ['scanned', 'ok'],
    ['later', 'failed'],
    ['scanner-away', 'failed'],
    ['refuses', 'failed'],
    ['not-scanned', 'notice'],
    ['no-milter', 'notice'],
    ['no-relay', 'unknown'],
    ['broken', 'failed'],
  ];
  for (const locale of ['en', 'fr', 'de'] as const) {
    for (const [code, state] of found) {
      for (const scanner of ['', '192.0.2.20:7357']) {
        const facts = { host: 'relay4.eu-admin.net', address: '192.0.2.20', ...(scanner === '' ? {} : { scanner }) };
        const line = { code, facts, said: '', milliseconds: 1 };
        const { tried, result, advice } = watchedWords(formatsFor(locale, 'UTC'), 'relay-scanner', state, line);
        assert.ok(tried.includes('relay4.eu-admin.net') && tried.includes(scanner), tried);
        assert.doesNotMatch(`${tried} ${result} ${advice}`, /monitor\.|[{}]/, `${locale} ${code}`);
        assert.ok(result !== '' && (advice === '') === (state === 'ok'), `${locale} ${code}`);
      }
    }
  }
});
