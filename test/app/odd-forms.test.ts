import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { PASSPHRASES } from '../support/people.ts';
import { nameOf, noteRoutes, type Route } from '../support/routes.ts';

const VIEWS = path.resolve(import.meta.dirname, '../../src/views');
/** Read from addresses, not from forms. */
const QUERY = [
  'page',
  'to',
  'in',
  'next',
  'back',
  'reply',
  'mode',
  'folder',
  'message',
  'certificate',
  'address',
  'view',
  'remote',
];
/** End the session or close the keys: asked last. */
const LAST = ['POST /administration/leave', 'POST /keys/lock', 'POST /sign-out'];

let world: TestApp;
let routes: Route[];
let alain: Clerk;
let own: { contact: string; draft: string };

before(async () => {
  ({ built: world, routes } = await noteRoutes(startTestApp));
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase(PASSPHRASES.alain);
  await administrate();
  const draft = (await alain.get('/drafts/new')).location?.split('/').at(-1) ?? '';
  const data = { name: 'Elise', address: world.elise.address, addressKey: world.elise.address.toLowerCase() };
  const contact = await world.database.prisma.contact.create({ data: { ...data, accountId: world.alain.id } });
  own = { contact: contact.id, draft };
});
after(() => world?.stop());

/** With the administration open, so that its forms are asked too. */
async function administrate(): Promise<void> {
  const { prisma } = world.database;
  const { id } = world.alain;
  const factor = { sealedSecret: new Uint8Array(1), serverKeyVersion: 'none', confirmedAt: new Date() };
  await prisma.account.update({ where: { id }, data: { role: 'central' } });
  await prisma.totpFactor.create({ data: { accountId: id, ...factor } });
  await prisma.session.updateMany({
    where: { accountId: id },
    data: { administrationUntil: new Date(Date.now() + 3_600_000) },
  });
}

/** A page or a refusal in words: never a fault of the server, and no inner words. 502 is the mail server, which nobody runs here. */
function assertClear(answer: Pick<Answer, 'status' | 'body'>, what: string): void {
  assert.ok(answer.status < 500 || answer.status === 502, `${what}: ${answer.status}`);
  assert.ok(
    !/node_modules|\.ts:\d|Prisma|ZodError|at async|\bundefined\b|\[object /.test(answer.body),
    `${what}: inner words`,
  );
}

const ODD = [
  '%00',
  '..',
  '..%2f..%2fetc',
  '%ff%fe',
  "'--",
  '%F0%9F%93%AE',
  '0',
  '-1',
  'undefined',
  'x'.repeat(500),
  'x'.repeat(5000),
  '%',
  '%25',
];

test('addresses that name nothing are not found, whatever stands in them', async () => {
  for (const route of routes.filter(({ url }) => url.includes(':'))) {
    for (const odd of ODD) {
      const url = route.url.replace(/:\w+/g, odd);
      const answer = route.method === 'GET' ? await alain.get(url) : await alain.post('/settings', url, {});
      assertClear(answer, `${route.method} ${url.slice(0, 80)}`);
      // Dots lead to the address above, as in a browser, and that may be a page of its own.
      const above = odd === '..' ? new URL(url, 'http://localhost').pathname : null;
      if (routes.some((each) => each.method === route.method && each.url === above)) continue;
      assert.ok(
        [302, 400, 403, 404, 414].includes(answer.status),
        `${nameOf(route)} ${odd.slice(0, 20)}: ${answer.status}`,
      );
    }
  }
});

test('a query of the wrong kind never breaks a page', async () => {
  const kinds = [
    '=1&*=2',
    '=-1',
    '=99999999999999999999',
    '=%00%ff',
    `=${'x'.repeat(900)}`,
    '[]=a',
    '=constructor&__proto__=1',
  ];
  const queries = kinds.map((kind) => QUERY.map((name) => `${name}${kind.replace('*', name)}`).join('&'));
  for (const route of routes.filter(({ method }) => method === 'GET')) {
    if (route.url === '/events') continue;
    for (const query of queries) {
      const url = `${addressOf(route)}?${query}`;
      assertClear(await alain.get(url), url.slice(0, 120));
    }
  }
});

test('a form of parts may have any names, types and lengths', async () => {
  for (const route of routes.filter(({ multipart }) => multipart)) {
    const token = tokenOf((await alain.get('/settings')).body);
    const head = `--b\r\nContent-Disposition: form-data; name="_csrf"\r\n\r\n${token}\r\n`;
    const part = (disposition: string, more = '') => `--b\r\nContent-Disposition: ${disposition}\r\n${more}\r\nx\r\n`;
    const odd = [
      '',
      part('form-data; name="file"; filename=""'),
      part('form-data; name="file"; filename="../../../etc/passwd\u202e"', 'Content-Type: \u00ff\r\n'),
      part('form-data'),
      part('nonsense; name=file'),
      part(`form-data; name="${'n'.repeat(5000)}"`),
      part(`form-data; name="file"; filename="${'n'.repeat(5000)}"`),
      Array.from({ length: 400 }, (_, index) => part(`form-data; name="field${index}"`)).join(''),
      Array.from({ length: 60 }, (_, index) => part(`form-data; name="file"; filename="f${index}.cer"`)).join(''),
      part('form-data; name="__proto__"'),
    ];
    for (const [index, body] of odd.entries()) {
      for (const end of ['--b--\r\n', '']) {
        const answer = await alain.send({
          method: 'POST',
          url: addressOf(route),
          headers: { origin: world.config.publicUrl.origin, 'content-type': 'multipart/form-data; boundary=b' },
          payload: head + body + end,
        });
        assertClear(answer, `${nameOf(route)}, form ${index}${end ? '' : ' without end'}`);
      }
    }
  }
});

test('a form of parts without a boundary, or with an endless one, is refused', async () => {
  for (const route of routes.filter(({ multipart }) => multipart)) {
    for (const boundary of ['', '; boundary=', `; boundary=${'b'.repeat(3000)}`, '; boundary="']) {
      const answer = await alain.send({
        method: 'POST',
        url: addressOf(route),
        headers: { origin: world.config.publicUrl.origin, 'content-type': `multipart/form-data${boundary}` },
        payload: '--b--',
      });
      assertClear(answer, `${nameOf(route)} ${boundary.slice(0, 20)}`);
      assert.ok([400, 403, 415].includes(answer.status), `${nameOf(route)} ${boundary.slice(0, 20)}: ${answer.status}`);
    }
  }
});

test('a field of the wrong kind never breaks a form', async () => {
  const names = fieldNames();
  assert.ok(names.length > 25, names.join(' '));
  const posts = routes.filter(({ method }) => method === 'POST');
  const order = (route: Route) => (LAST.includes(nameOf(route)) ? 1 : 0);
  for (const route of posts.sort((a, b) => order(a) - order(b))) {
    for (const [kind, values] of Object.entries(wrongValues())) {
      const pairs = names.flatMap((name) => values.map((value): [string, string] => [name, value]));
      // Three wrong tries of a passphrase in a row are another test's matter.
      await world.database.prisma.attemptWindow.deleteMany();
      const answer = await sendOdd(route, pairs);
      assertClear(answer, `${nameOf(route)}, ${kind}`);
      assert.ok(answer.status !== 403 || LAST.includes(nameOf(route)), `${nameOf(route)}: the token was right`);
    }
  }
});

function addressOf(route: Route): string {
  const values: Record<string, string> = {
    ...own,
    folder: 'SU5CT1g',
    message: '1-1',
    index: '0',
    form: 'cer',
    file: 'root.cer',
  };
  return route.url.replace(/:(\w+)/g, (_, name: string) => values[name] ?? randomUUID());
}

/** Every name that a form of the pages has. */
function fieldNames(): string[] {
  const files = fs.readdirSync(VIEWS, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.eta'));
  const names = files.flatMap((name) =>
    [...fs.readFileSync(path.join(VIEWS, name), 'utf8').matchAll(/\bname(?:="|: ')(\w+)["']/g)].map(
      (match) => match[1] ?? '',
    ),
  );
  return [...new Set(names)].filter((name) => name !== '_csrf');
}

function wrongValues(): Record<string, string[]> {
  return {
    'each twice': ['a', 'b'],
    empty: [''],
    'over-long': ['x'.repeat(30_000)],
    'odd characters': ['\u0000\u202e\ud83d\r\n\u200bx'],
    numbers: ['-1e999'],
    'like a program': ["<script>%{7*7}</script>' or 1=1--"],
  };
}

async function sendOdd(route: Route, pairs: [string, string][]): Promise<Answer> {
  const token = tokenOf((await alain.get('/settings')).body);
  const headers: Record<string, string> = { origin: world.config.publicUrl.origin };
  if (route.multipart) {
    headers['content-type'] = 'multipart/form-data; boundary=b';
    const part = ([name, value]: [string, string]) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const payload = [part(['_csrf', token]), ...pairs.map(part), '--b--\r\n'].join('');
    return alain.send({ method: 'POST', url: addressOf(route), headers, payload });
  }
  headers['content-type'] = 'application/x-www-form-urlencoded';
  const payload = new URLSearchParams([['_csrf', token], ...pairs]).toString();
  return alain.send({ method: 'POST', url: addressOf(route), headers, payload });
}
