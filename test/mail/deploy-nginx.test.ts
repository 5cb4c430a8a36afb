// The configurations of deploy/nginx as Debian's nginx itself reads them.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fillIn } from '../../deploy/render.ts';

const DEPLOY = new URL('../../deploy/nginx/', import.meta.url);

describe('deploy/nginx', () => {
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealpost-nginx-'));
    const key = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=mail.example', '-days', '2'];
    execFileSync('openssl', [...key, '-keyout', 'server.key', '-out', 'server.crt'], { cwd: folder, stdio: 'ignore' });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  for (const name of fs.readdirSync(DEPLOY).filter((each) => each.endsWith('.conf'))) {
    it(`${name} is taken without an error or a warning`, () => {
      const settings = {
        ...{ NODE: '127.0.0.1:8460', LISTEN: '127.0.0.1:8443', SERVER_NAME: 'mail.example' },
        ...{ CERTIFICATE_FILE: `${folder}/server.crt`, PRIVATE_KEY_FILE: `${folder}/server.key` },
      };
      const written = fs.readFileSync(new URL(name, DEPLOY), 'utf8').replaceAll('/etc/sealpost/tls', folder);
      const server = written.includes('@') ? fillIn(written, settings) : written;
      // Even a look at the configuration binds its ports for a moment: not to be seen from outside.
      const local = server.replace(/listen (\d+)(?=[ ;])/g, 'listen 127.178.0.1:$1');
      const file = path.join(folder, name);
      fs.writeFileSync(file, `pid ${folder}/pid;\nerror_log ${folder}/error.log;\nevents {}\nhttp {\n${local}\n}\n`);
      const { status, stderr } = spawnSync('/usr/sbin/nginx', ['-t', '-c', file], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /\[(warn|emerg|error)\]/);
    });
  }
});
