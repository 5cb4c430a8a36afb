import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { fillIn, overrideParameters } from '../../../deploy/render.ts';

async function parametersOf(name: string): Promise<Map<string, string>> {
  const text = await readFile(new URL(`../../../deploy/${name}/main.cf`, import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => /^[a-z]/.test(line));
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()]),
  );
}

describe('the configurations of deploy/', () => {
  for (const name of ['postfix-relay', 'postfix-member-state']) {
    it(`T05 ${name} tries every two minutes, warns after four hours and reports after five days`, async () => {
      const parameters = await parametersOf(name);
      const seconds = (key: string) => Number.parseInt(parameters.get(key) ?? '', 10);
      assert.match(parameters.get('queue_run_delay') ?? '', /^\d+s$/);
      const first = seconds('minimal_backoff_time');
      assert.equal(first, seconds('maximal_backoff_time'));
      assert.ok(first >= 111 && first + seconds('queue_run_delay') <= 120);
      // where four exchangers drop what comes, an attempt lasts so long
      assert.ok(first + seconds('queue_run_delay') + 4 * seconds('smtp_connect_timeout') <= 130);
      assert.equal(parameters.get('delay_warning_time'), '4h');
      assert.equal(parameters.get('maximal_queue_lifetime'), '5d');
      assert.equal(parameters.get('bounce_queue_lifetime'), '5d');
    });

    it(`${name} takes 25 MB of attachments and no mail hidden in another`, async () => {
      const parameters = await parametersOf(name);
      assert.ok(Number(parameters.get('message_size_limit')) >= 36 * 1024 * 1024);
      assert.equal(parameters.get('smtpd_forbid_bare_newline'), 'reject');
      assert.equal(parameters.get('smtpd_forbid_bare_newline_exclusions'), '');
      assert.equal(parameters.get('smtpd_data_restrictions'), 'reject_unauth_pipelining');
      assert.equal(parameters.get('smtpd_discard_ehlo_keywords'), 'chunking');
    });
  }

  for (const [program, configuration] of [
    ['clamd', 'clamav/clamd.conf'],
    ['unbound', 'unbound/unbound.conf'],
  ] as const) {
    it(`T30 T07 let ${program} write all that its configuration names, where AppArmor confines it`, async () => {
      const read = (file: string) => readFile(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8');
      const rules = [...(await read(`apparmor/${program}`)).matchAll(/^(@\S+) \w*w\w*,$/gm)].map(
        ([, rule = '']) => rule,
      );
      const named = [...(await read(configuration)).matchAll(/[ "](@(?:DATABASE|RUN|LOG)_FOLDER@[^\s"]*)/g)];
      assert.ok(named.length >= 2);
      for (const [, place = ''] of named) {
        const allows = (rule: string) =>
          rule.endsWith('/**') ? `${place}/`.startsWith(rule.slice(0, -2)) : rule === place;
        assert.ok(rules.some(allows), place);
      }
    });
  }

  it('are not filled in by half', () => {
    assert.equal(fillIn('a = @A_B@ x@@D@ y@z', { A_B: '1', D: '2' }), 'a = 1 x@2 y@z');
    assert.throws(() => fillIn('@MISSING@', {}), /No value for @MISSING@/);
    assert.equal(overrideParameters('a = 1\nb = 2\n', { b: '3s' }), 'a = 1\nb = 3s\n');
    assert.throws(() => overrideParameters('a = 1\n', { c: '3s' }), /c is not set/);
  });
});
