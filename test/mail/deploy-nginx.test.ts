// The configurations of deploy/nginx as Debian's nginx itself reads them.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, it } from 'node:test';
import { fillIn } from '../../deploy/render.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { startNginx } from '../support/nginx.ts';
import { PASSPHRASES } from '../support/people.ts';

const DEPLOY = new URL('../../deploy/nginx/', import.meta.url);
const CONFIGURATIONS = fs.readdirSync(DEPLOY).filter((each) => each.endsWith('.conf'));
const MiB = 1024 * 1024;

describe('deploy/nginx', () => {
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sealpost-nginx-'));
    const key = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=mail.example', '-days', '2'];
    execFileSync('openssl', [...key, '-keyout', 'server.key', '-out', 'server.crt'], { cwd: folder, stdio: 'ignore' });
  });
  after(() => fs.rmSync(folder, { recursive: true }));

  for (const name of CONFIGURATIONS) {
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

  describe('before a node', () => {
    let world: TestApp;
    let alain: Clerk;
    let node: string;
    before(async () => {
      world = await startTestApp();
      alain = await Clerk.signIn(world, world.alain);
      await alain.choosePassphrase(PASSPHRASES.alain);
      await world.app.listen({ host: '127.0.0.1', port: 0 });
      node = `127.0.0.1:${(world.app.server.address() as AddressInfo).port}`;
    });
    after(() => world?.stop());

    for (const [index, name] of CONFIGURATIONS.entries()) {
      it(`${name} lets a file of 200 MB through to the page that names the limit, and the typed text stands there`, async () => {
        const port = 8443 + index;
        const nginx = await startNginx(
          path.join(folder, 'running', name),
          {
            ...{ NODE: node, LISTEN: `127.178.0.1:${port}`, SERVER_NAME: 'mail.example' },
            ...{ CERTIFICATE_FILE: `${folder}/server.crt`, PRIVATE_KEY_FILE: `${folder}/server.key` },
          },
          name,
        );
        try {
          const draft = (await alain.get('/drafts/new')).location ?? assert.fail('no draft');
          const { status, location, cookies } = await upload(`https://127.178.0.1:${port}${draft}`, alain, draft, 200);
          assert.equal(status, 302);
          assert.equal(location, draft);
          const cookie = [`sid=${alain.sid}`, ...cookies.map((each) => each.split(';')[0])].join('; ');
          const page = await world.app.inject({ method: 'GET', url: draft, headers: { cookie } });
          assert.match(page.body, /film\.mov does not fit: attachments may have 25 MB in all\. The text and the other/);
          assert.match(page.body, /typed for half an hour/);
        } finally {
          await ended(nginx);
        }
      });
    }
  });
});

/** The form of the draft with a file of so many megabytes, sent as it is made. */
async function upload(url: string, clerk: Clerk, draft: string, megabytes: number) {
  const page = (await clerk.get(draft)).body;
  const value = (field: string) => new RegExp(`name="${field}"[^>]* value="([^"]*)"`).exec(page)?.[1] ?? '';
  const fields = { _csrf: tokenOf(page), version: value('version'), nonce: value('nonce'), to: '', cc: '', bcc: '' };
  const typed = { ...fields, subject: '', text: 'typed for half an hour', do: 'save' };
  const part = (head: string) => `--boundary\r\nContent-Disposition: form-data; ${head}\r\n`;
  const before = Object.entries(typed).map(([field, each]) => `${part(`name="${field}"`)}\r\n${each}\r\n`);
  const head = `${before.join('')}${part('name="file"; filename="film.mov"')}Content-Type: video/quicktime\r\n\r\n`;
  const end = '\r\n--boundary--\r\n';
  const headers = {
    ...{ cookie: `sid=${clerk.sid}`, origin: 'http://localhost:8460' },
    ...{ 'content-type': 'multipart/form-data; boundary=boundary' },
    'content-length': head.length + megabytes * MiB + end.length,
  };
  const request = https.request(url, { method: 'POST', rejectUnauthorized: false, headers });
  const answered = once(request, 'response');
  const bytes = Buffer.alloc(MiB, 1);
  await pipeline(function* () {
    yield head;
    for (let sent = 0; sent < megabytes; sent += 1) yield bytes;
    yield end;
  }, request);
  const [response] = await answered;
  await text(response);
  const { location, 'set-cookie': cookies = [] } = response.headers as IncomingHttpHeaders;
  return { status: response.statusCode as number, location, cookies };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}
