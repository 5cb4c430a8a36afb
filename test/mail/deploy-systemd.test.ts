// The units and drop-ins of deploy/systemd as systemd itself reads them, upon those of Debian's packages.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { renderFolder } from '../../deploy/render.ts';
import { findTool } from '../support/tool.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const PACKAGED = '/lib/systemd/system';
const SOCKET = 'etc/systemd/system/clamav-daemon.socket.d/sealpost.conf';
const SETTINGS = { RUN_FOLDER: '/run/clamav', LOG_FOLDER: '/var/log/clamav', DATABASE_FOLDER: '/var/lib/clamav' };
const RELAY = { ...SETTINGS, MILTER_ADDRESS: '127.0.0.1', MILTER_PORT: '7357' };
const ANALYZE = findTool('systemd-analyze');
const MISSING = [
  ...(ANALYZE === null ? ['systemd-analyze (package systemd)'] : []),
  ...['basic.target', 'clamav-daemon.socket', 'clamav-daemon.service']
    .filter((unit) => !fs.existsSync(path.join(PACKAGED, unit)))
    .map((unit) => `${unit} (package ${unit.startsWith('clamav') ? 'clamav-daemon' : 'systemd'})`),
];

/** A folder that systemd takes for the root of a machine: the packages' units, and programs of the names that units start. */
let root: string;
const at = (name: string) => path.join(root, name);
const read = (name: string) => fs.readFileSync(name, 'utf8');

before(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'sealpost-units-'));
  fs.mkdirSync(at('etc/systemd/system'), { recursive: true });
  if (MISSING.length === 0) fs.cpSync(PACKAGED, at('lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
  for (const program of ['opt/sealpost/node_modules/.bin/node', 'usr/sbin/clamd', 'bin/kill']) {
    fs.mkdirSync(path.dirname(at(program)), { recursive: true });
    fs.writeFileSync(at(program), '#!/bin/sh\n', { mode: 0o755 });
  }
  fs.copyFileSync(path.join(DEPLOY, 'systemd/sealpost.service'), at('etc/systemd/system/sealpost.service'));
  await installSocket();
});
after(() => fs.rmSync(root, { recursive: true, force: true }));

async function installSocket(): Promise<void> {
  await renderFolder(path.join(DEPLOY, 'systemd/clamav-daemon.socket.d'), path.dirname(at(SOCKET)), SETTINGS);
}

/** What systemd complains of, a warning as much as an error; null, and said so, where it is not there to ask. */
function complaints(t: TestContext, ...units: string[]): string | null {
  if (ANALYZE === null || MISSING.length > 0) {
    t.diagnostic(`not asked of systemd: this machine has no ${MISSING.join(', no ')}`);
    return null;
  }
  const { status, stderr, stdout } = spawnSync(ANALYZE, [`--root=${root}`, '--man=no', 'verify', ...units], {
    encoding: 'utf8',
  });
  const said = `${stdout}${stderr}`.trim();
  return status === 0 ? said : `exit status ${status}: ${said}`;
}

const UNITS = fs
  .readdirSync(path.join(DEPLOY, 'systemd'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(service|socket|conf|timer|target|mount|path)$/.test(name))
  .sort();

describe('deploy/systemd', () => {
  it('T30 every unit and drop-in there is one that is looked at here', () => {
    assert.deepEqual(UNITS, ['clamav-daemon.socket.d/sealpost.conf', 'sealpost.service']);
  });

  it("the node's unit is taken without an error or a warning", (t) => {
    assert.equal(complaints(t, 'sealpost.service') ?? '', '');
    // what would start it is what install.sh installs
    assert.match(read(at('etc/systemd/system/sealpost.service')), /^ExecStart=\/opt\/sealpost\/.* serve$/m);
  });

  it("T30 the drop-in of clamd's socket is taken upon Debian's unit without an error or a warning", (t) => {
    assert.equal(complaints(t, 'clamav-daemon.socket', 'clamav-daemon.service') ?? '', '');
  });

  it('T30 a mistake in the drop-in would be found', async (t) => {
    const sound = read(at(SOCKET));
    try {
      fs.writeFileSync(at(SOCKET), sound.replace('SocketMode=0660', 'SocketMoode=0660'));
      const misspelt = complaints(t, 'clamav-daemon.socket');
      if (misspelt !== null) assert.match(misspelt, /Unknown key 'SocketMoode'/);
      fs.writeFileSync(at(SOCKET), '[Socket]\nListenStream=\n');
      const empty = complaints(t, 'clamav-daemon.socket');
      if (empty !== null) assert.match(empty, /no Listen setting/);
    } finally {
      fs.writeFileSync(at(SOCKET), sound);
    }
  });

  it('T30 systemd opens the socket where clamd.conf has it, with the same permissions, and only there', async () => {
    const etc = at('etc/clamav');
    await renderFolder(path.join(DEPLOY, 'clamav'), etc, RELAY);
    const clamd = read(path.join(etc, 'clamd.conf'));
    const dropIn = read(at(SOCKET));
    const listens = [...dropIn.matchAll(/^ListenStream=(.*)$/gm)].map(([, value]) => value);
    const [, local] = /^LocalSocket (.+)$/m.exec(clamd) ?? [];
    // the empty one takes back that of the package
    assert.deepEqual(listens, ['', local]);
    const [, mode] = /^LocalSocketMode (\d+)$/m.exec(clamd) ?? [];
    assert.match(dropIn, new RegExp(`^SocketMode=0${mode}$`, 'm'));
    const milter = read(path.join(etc, 'clamav-milter.conf'));
    assert.match(milter, new RegExp(`^ClamdSocket unix:${local}$`, 'm'));
    const install = read(path.join(DEPLOY, 'install.sh'));
    assert.ok(install.includes(`SCANNER=unix:${local}'`));
  });
});
