// The configurations of deploy/ as Postfix itself reads them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { renderFolder, type Settings } from '../../deploy/render.ts';

const run = promisify(execFile);
const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

for (const name of ['postfix-relay', 'postfix-member-state']) {
  describe(`deploy/${name}`, () => {
    let folder: string;
    let parameters: Map<string, string>;
    let warnings: string;

    before(async () => {
      folder = await mkdtemp(path.join(os.tmpdir(), 'sealpost-deploy-'));
      await renderFolder(path.join(DEPLOY, name), folder, await settingsOf(name, folder));
      const { stdout, stderr } = await run('/usr/sbin/postconf', ['-c', folder, '-n']);
      warnings = stderr;
      parameters = new Map(stdout.split('\n').map((line) => line.split(/ = ?(.*)/, 2) as [string, string]));
    });
    after(() => rm(folder, { recursive: true, force: true }));

    const seconds = (key: string) => secondsOf(parameters.get(key) ?? '');

    it('T05 Postfix tries every two minutes, warns after four hours and reports after five days', () => {
      const [shortest, longest] = [seconds('minimal_backoff_time'), seconds('maximal_backoff_time')];
      assert.equal(shortest, longest);
      // a letter is looked at when the queue is run next
      assert.ok(shortest >= 110 && longest + seconds('queue_run_delay') <= 125);
      assert.equal(seconds('delay_warning_time'), 4 * HOUR);
      assert.equal(seconds('maximal_queue_lifetime'), 5 * DAY);
      assert.equal(seconds('bounce_queue_lifetime'), 5 * DAY);
      assert.equal(parameters.get('confirm_delay_cleared'), 'yes');
      // none of the forms of reports is kept from the other side
      assert.doesNotMatch(parameters.get('smtpd_discard_ehlo_keywords') ?? '', /dsn/i);
    });

    it('T06 one attempt goes through all four relays', () => {
      if (name === 'postfix-member-state') assert.equal(parameters.get('smtp_mx_session_limit'), '4');
    });

    it('T30 a relay takes nothing that was not scanned', () => {
      if (name === 'postfix-member-state') return;
      assert.equal(parameters.get('milter_default_action'), 'tempfail');
      assert.equal(parameters.get('smtpd_milters'), 'inet:192.0.2.17:7357');
    });

    it('Postfix knows every parameter, and uses it', () => {
      assert.equal(warnings, '');
    });
  });
}

/** Something for each name between at signs. */
async function settingsOf(name: string, folder: string): Promise<Settings> {
  const texts = await Promise.all(
    ['main.cf', 'master.cf', 'routes', 'mailboxes.cf'].map((file) =>
      readFile(path.join(DEPLOY, name, file), 'utf8').catch(() => ''),
    ),
  );
  const names = texts.join('\n').matchAll(/@([A-Z][A-Z_]*)@/g);
  return {
    ...Object.fromEntries([...names].map(([, each]) => [each, 'x'])),
    CONFIG_FOLDER: folder,
    ADDRESS: '192.0.2.17',
    BALANCED_LISTENER: '192.0.2.17:10025',
    MILTERS: 'inet:192.0.2.17:7357',
    MEMBER_STATE_SERVERS: '192.0.2.2/32',
  };
}

function secondsOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  return Number(count) * ({ s: 1, m: MINUTE, h: HOUR, d: DAY }[unit] ?? Number.NaN);
}
