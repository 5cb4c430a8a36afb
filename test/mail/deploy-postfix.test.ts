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
/** Of each member state's domain (T06). */
const EXCHANGERS = 4;

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
      // From start to start, where nothing listens: a letter is looked at when the queue is run next, up to a second early.
      assert.ok(shortest - 1 >= 110 && longest + seconds('queue_run_delay') <= 120);
      // Where a firewall drops everything an attempt lasts until the last of four exchangers was given up, and waiting counts from then.
      const [connecting, tried] = [seconds('smtp_connect_timeout'), name === 'postfix-member-state' ? EXCHANGERS : 1];
      assert.ok(longest + seconds('queue_run_delay') + tried * connecting <= 130);
      // a first packet that was lost comes again after one second
      assert.ok(connecting >= 3);
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

    it('T04 outside partners that are named can be written to, or write, and nobody else outside', async () => {
      const table = name === 'postfix-relay' ? 'allowed-senders' : 'allowed-recipients';
      const verdict = (address: string) => look(folder, address, `regexp:${folder}/${table}`);
      for (const address of [
        'x@tcn.b.eu-admin.net',
        'x@partner.example',
        'X@Partner.Example',
        'x@a.b.agency.example',
      ]) {
        assert.equal(await verdict(address), 'DUNNO', address);
      }
      for (const domain of [
        'example.org',
        'partner.example.org',
        'xpartner.example',
        'partnerxexample',
        'a.partner.example',
      ]) {
        assert.match(await verdict(`x@${domain}`), /^REJECT 5\.7\.1 /, domain);
      }
      assert.match(await verdict('x@agency.example'), /^REJECT 5\.7\.1 /, 'what lies under it, and not itself');
      const route = (key: string) => look(folder, key, `texthash:${folder}/outside-routes`);
      assert.equal(await route('partner.example'), 'smtp:[198.51.100.25]');
      assert.equal(await route('.agency.example'), 'smtp:[192.0.2.17]');
      assert.equal(await route('example.org'), '');
      const maps = ['transport_maps', ...(name === 'postfix-relay' ? ['relay_domains'] : [])];
      for (const map of maps) assert.ok(parameters.get(map)?.includes(`texthash:${folder}/outside-routes`), map);
      if (name === 'postfix-relay') return;
      const closed = /inline:\{.*\}/.exec(parameters.get('transport_maps') ?? '')?.[0] ?? assert.fail('no end');
      assert.match(await look(folder, '*', closed), /^error:5\.7\.1 only addresses of eu-admin\.net/);
      assert.equal(await look(folder, '.eu-admin.net', closed), 'smtp:');
    });

    it('T04 without outside partners nobody outside is reached, and no line for one is half right', async () => {
      const closed = await mkdtemp(path.join(os.tmpdir(), 'sealpost-deploy-'));
      try {
        const { OUTSIDE_ROUTES: _, ...settings } = await settingsOf(name, closed);
        await renderFolder(path.join(DEPLOY, name), closed, settings);
        assert.equal(await look(closed, 'partner.example', `texthash:${closed}/outside-routes`), '');
        const table = name === 'postfix-relay' ? 'allowed-senders' : 'allowed-recipients';
        assert.match(await look(closed, 'x@partner.example', `regexp:${closed}/${table}`), /^REJECT 5\.7\.1 /);
        for (const wrong of [
          'partner.example',
          'partner.example smtp',
          '.* smtp:',
          'a/b.example smtp:',
          'b.eu-admin.net smtp:',
        ]) {
          const given = { ...settings, OUTSIDE_ROUTES: wrong };
          await assert.rejects(renderFolder(path.join(DEPLOY, name), closed, given), /OUTSIDE_ROUTES/, wrong);
        }
      } finally {
        await rm(closed, { recursive: true });
      }
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

/** What a table says of a key; nothing where it does not have it. */
async function look(folder: string, key: string, table: string): Promise<string> {
  const asked = run('/usr/sbin/postmap', ['-c', folder, '-q', key, table]);
  const { stdout, stderr } = await asked.catch((error: { stdout: string; stderr: string }) => error);
  assert.equal(stderr, '');
  return stdout.trim();
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
    INTERFACE: '127.0.0.1',
    BALANCED_LISTENER: '192.0.2.17:10025',
    MILTERS: 'inet:192.0.2.17:7357',
    MEMBER_STATE_SERVERS: '192.0.2.2/32',
    OUTSIDE_ROUTES: 'partner.example  smtp:[198.51.100.25]\n.agency.example  smtp:[192.0.2.17]',
  };
}

function secondsOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  return Number(count) * ({ s: 1, m: MINUTE, h: HOUR, d: DAY }[unit] ?? Number.NaN);
}
