import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fillIn, type Settings } from '../../deploy/render.ts';

const CLIENT_CERTIFICATES = 'sealpost-client-certificates.conf';

/**
 * Debian's nginx with a server of `deploy/nginx`, everything else in this folder. `LISTEN` is address:port. What an operator fills in by
 * hand is filled in here as well, and the plain port of `sealpost.conf` is 1000 higher.
 */
export async function startNginx(
  folder: string,
  settings: Settings,
  name = CLIENT_CERTIFICATES,
): Promise<ChildProcess> {
  fs.mkdirSync(folder, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const main = [
    'user root;',
    `pid ${folder}/pid;`,
    `error_log ${folder}/error.log;`,
    'worker_processes 1;',
    'events {}',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path ${folder}/${name};`),
    filledIn(fs.readFileSync(new URL(`../../deploy/nginx/${name}`, import.meta.url), 'utf8'), settings),
    '}',
  ].join('\n');
  const file = path.join(folder, 'nginx.conf');
  fs.writeFileSync(file, main);
  const child = spawn('/usr/sbin/nginx', ['-c', file, '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [host = '', port = ''] = (settings['LISTEN'] ?? '').split(':');
  while (!(await isListening(host, Number(port)))) {
    assert.equal(child.exitCode, null, 'nginx ended');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return child;
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function filledIn(written: string, settings: Settings): string {
  if (written.includes('@NODE@')) return fillIn(written, settings);
  const { NODE = '', LISTEN = '', CERTIFICATE_FILE = '', PRIVATE_KEY_FILE = '' } = settings;
  const [host, port] = LISTEN.split(':');
  const replaced = {
    'server 127.0.0.1:8460;': `server ${NODE};`,
    'listen 443 ': `listen ${LISTEN} `,
    'listen 80;': `listen ${host}:${Number(port) + 1000};`,
    '/etc/sealpost/tls/server.crt': CERTIFICATE_FILE,
    '/etc/sealpost/tls/server.key': PRIVATE_KEY_FILE,
  };
  return Object.entries(replaced).reduce((text, [from, to]) => {
    assert.ok(text.includes(from), from);
    return text.replaceAll(from, to);
  }, written);
}
