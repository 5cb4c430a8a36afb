import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readConfig, SettingsError } from '../../src/config.ts';
import { settings } from '../../src/settings.ts';

const key = (byte: number) => `k${byte}:${Buffer.alloc(32, byte).toString('base64')}`;
const folder = () => fs.mkdtempSync(path.join(os.tmpdir(), 'sealpost-config-'));

test('without any setting a node runs on localhost with secrets of its own', () => {
  const data = folder();
  const config = readConfig({ DATA_FOLDER: data });
  assert.equal(config.publicUrl.origin, 'http://localhost:8460');
  assert.equal(config.secure, false);
  assert.equal(config.serverKeys.keys.get('1')?.length, 32);
  assert.deepEqual(readConfig({ DATA_FOLDER: data }).serverKeys, config.serverKeys, 'the secrets stay the same');
  assert.equal(fs.statSync(path.join(data, 'secrets', 'server_keys')).mode & 0o077, 0);
});

test('every wrong and missing setting is named at once, with what is expected', () => {
  assert.throws(
    () => readConfig({ PORT: '99999', DATABASE_URL: 'mysql://x', LOG_LEVEL: 'loud', PUBLIC_URL: 'ftp://x' }),
    (error: SettingsError) => {
      for (const name of ['PORT', 'DATABASE_URL', 'LOG_LEVEL', 'PUBLIC_URL']) {
        assert.ok(
          error.problems.some((problem) => problem.startsWith(`${name}: expected`)),
          name,
        );
      }
      return error instanceof SettingsError;
    },
  );
});

test('with a database of its own the secrets must be given, since several nodes share them', () => {
  assert.throws(
    () => readConfig({ DATABASE_URL: 'postgresql://x/y' }),
    (error: SettingsError) =>
      error.problems.length === 2 && error.problems.every((problem) => problem.includes('missing')),
  );
  const config = readConfig({
    DATABASE_URL: 'postgresql://x/y',
    SERVER_KEYS: `${key(1)},${key(2)}`,
    SESSION_KEYS: key(3),
  });
  assert.equal(config.serverKeys.current, 'k2');
  assert.equal(config.serverKeys.keys.size, 2);
});

test('a secret may stand in a file', () => {
  const file = path.join(folder(), 'keys');
  fs.writeFileSync(file, `${key(7)}\n`);
  const config = readConfig({ DATABASE_URL: 'postgresql://x/y', SERVER_KEYS_FILE: file, SESSION_KEYS: key(3) });
  assert.deepEqual(config.serverKeys.keys.get('k7'), Buffer.alloc(32, 7));
  assert.throws(() => readConfig({ SERVER_KEYS_FILE: '/nowhere' }), /SERVER_KEYS_FILE: expected a readable file/);
  assert.throws(() => readConfig({ SERVER_KEYS_FILE: file, SERVER_KEYS: key(1) }), /expected one of them/);
});

test('plain http is for localhost only', () => {
  assert.throws(() => readConfig({ PUBLIC_URL: 'http://mail.example' }), /PUBLIC_URL/);
  assert.equal(readConfig({ PUBLIC_URL: 'https://mail.example', DATA_FOLDER: folder() }).secure, true);
});

test('T24 servers whose reports count are addresses or networks, of both families, and nothing else', () => {
  const given = (REPORT_SERVERS: string) => readConfig({ REPORT_SERVERS, DATA_FOLDER: folder() }).reportServers;
  assert.deepEqual(given(' 192.0.2.17, 2001:db8::/48 ,198.51.100.0/24'), [
    { address: '192.0.2.17', bits: 32, family: 'ipv4' },
    { address: '2001:db8::', bits: 48, family: 'ipv6' },
    { address: '198.51.100.0', bits: 24, family: 'ipv4' },
  ]);
  assert.deepEqual(given(''), []);
  for (const wrong of ['relay.eu-admin.net', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/8/8', '192.0.2.0/-1'])
    assert.throws(() => given(wrong), /REPORT_SERVERS: expected/);
});

test('T24 the milters of relays are named by relay, address and port', () => {
  const given = (RELAY_SCANNERS: string) => readConfig({ RELAY_SCANNERS, DATA_FOLDER: folder() }).relayScanners;
  assert.deepEqual(given(''), []);
  assert.deepEqual(given('Relay4.eu-admin.net = 192.0.2.20:7357,relay3.eu-admin.net=[2001:db8::3]:7357'), [
    { relay: 'relay4.eu-admin.net', host: '192.0.2.20', port: 7357 },
    { relay: 'relay3.eu-admin.net', host: '2001:db8::3', port: 7357 },
  ]);
  for (const wrong of [
    'relay4',
    '192.0.2.20:7357',
    'a.b=192.0.2.20',
    'a.b=c.d:7357',
    'a.b=192.0.2.20:0',
    'a.b=1.2.3.4:70000',
  ])
    assert.throws(() => given(wrong), /RELAY_SCANNERS: expected clamav-milter/, wrong);
});

test('T30 a scanner is one of this machine, unless a second setting says openly that it is not', () => {
  const given = (SCANNER: string, more: NodeJS.ProcessEnv = {}) =>
    readConfig({ SCANNER, DATA_FOLDER: folder(), ...more }).scanner?.place;
  assert.equal(readConfig({ DATA_FOLDER: folder() }).scanner, null);
  assert.deepEqual(given('unix:/run/clamav/clamd.sock'), { kind: 'unix', path: '/run/clamav/clamd.sock' });
  assert.deepEqual(given('tcp:127.0.0.2:3310'), { kind: 'tcp', host: '127.0.0.2', port: 3310 });
  assert.deepEqual(given('tcp:[::1]:3310'), { kind: 'tcp', host: '::1', port: 3310 });
  // a name may mean something else tomorrow
  assert.deepEqual(given('tcp:localhost:3310'), { kind: 'tcp', host: '127.0.0.1', port: 3310 });
  for (const place of [
    'tcp:192.0.2.1:3310',
    'tcp:127.evil.example:3310',
    'tcp:[2001:db8::1]:3310',
    'tcp:0.0.0.0:3310',
  ]) {
    assert.throws(() => given(place), /SCANNER: expected an address of this machine/, place);
    assert.ok(given(place, { SCANNER_ELSEWHERE: 'allow' }), place);
  }
  for (const wrong of [
    '/run/clamd.sock',
    'unix:clamd.sock',
    'tcp:127.0.0.1',
    'tcp:127.0.0.1:0',
    'tcp:127.0.0.1:70000',
    'http://127.0.0.1',
  ])
    assert.throws(() => given(wrong, { SCANNER_ELSEWHERE: 'allow' }), /SCANNER: expected clamd/, wrong);
  assert.throws(() => given('tcp:192.0.2.1:3310', { SCANNER_ELSEWHERE: 'yes' }), /SCANNER_ELSEWHERE: expected allow/);
});

test('T30 what a node gives to clamd fits what clamd takes as an operator installs it', () => {
  const conf = fs.readFileSync(new URL('../../deploy/clamav/clamd.conf', import.meta.url), 'utf8');
  const limit = Number(/^StreamMaxLength (\d+)M$/m.exec(conf)?.[1]) * 1024 * 1024;
  const config = readConfig({ SCANNER: 'unix:/run/clamav/clamd.sock', DATA_FOLDER: folder() });
  assert.ok((config.scanner?.maxBytes ?? Number.POSITIVE_INFINITY) <= limit);
  assert.ok((config.scanner?.maxBytes ?? 0) >= config.attachmentLimitBytes, 'and all that may be attached is scanned');
});

test("README's table has every setting", () => {
  const readme = fs.readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  for (const name of Object.keys(settings.shape)) assert.ok(readme.includes(`\`${name}\``), name);
});
