import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { EvidenceFetcher, FetchFailedError } from '../../../src/services/revocation/fetch-evidence.ts';

let server: http.Server;
let base: string;
const proxied: string[] = [];
const fetcher = new EvidenceFetcher(null);

before(async () => {
  server = http.createServer((request, response) => {
    if (request.url?.startsWith('http://')) proxied.push(request.url);
    if (request.url === '/large') {
      response.on('error', () => {});
      for (let sent = 0; sent < 12; sent += 1) response.write(Buffer.alloc(1024 * 1024));
      response.end();
    } else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    } else if (request.url === '/gone') response.writeHead(410).end('x'.repeat(1000));
    else response.end('a list');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  await fetcher.close();
  server.close();
});

test('a list is fetched', async () => {
  assert.equal((await fetcher.list(`${base}/a.crl`)).toString(), 'a list');
});

test('what is too large, cut, gone or not there fails in words, and nothing is left behind', async () => {
  for (const url of [
    `${base}/large`,
    `${base}/cut`,
    `${base}/gone`,
    'http://127.0.0.1:9/x.crl',
    'http://nowhere.invalid/',
  ]) {
    await assert.rejects(fetcher.list(url), (error) => error instanceof FetchFailedError && error.message !== '', url);
  }
});

test('with a proxy in the settings nothing is reached but through it', async () => {
  const through = new EvidenceFetcher(base);
  assert.equal((await through.list('http://crl.example/ca.crl')).toString(), 'a list');
  await through.close();
  assert.ok(proxied.length > 0 && proxied.every((one) => one.includes('crl.example')), proxied.join());
});
