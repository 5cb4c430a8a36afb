import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fillIn, type Settings } from '../../deploy/render.ts';

const TEMPLATE = new URL('../../deploy/nginx/sealpost-client-certificates.conf', import.meta.url);

/** Debian's nginx with the server of `deploy/nginx`, everything else in this folder. `LISTEN` is address:port. */
export async function startNginx(folder: string, settings: Settings): Promise<ChildProcess> {
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
    fillIn(fs.readFileSync(TEMPLATE, 'utf8'), settings),
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
