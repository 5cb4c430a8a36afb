import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PAGE_POLICY } from '../../src/plugins/security-headers.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

let world: TestApp;
before(async () => {
  world = await startTestApp();
});
after(() => world.stop());

const origin = 'http://localhost:8460';
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();
const formHeaders = { origin, 'content-type': 'application/x-www-form-urlencoded' };

test('a visitor is led to the sign-in page and back to where he wanted to go', async () => {
  const answer = await world.app.inject({ url: '/contacts?page=2' });
  assert.equal(answer.statusCode, 302);
  assert.equal(answer.headers.location, '/sign-in?next=%2Fcontacts%3Fpage%3D2');
  for (const next of [
    '/\u0000',
    '/\u{1f600}',
    '/é',
    '//evil.example',
    'https://evil.example',
    '/\\evil.example',
    'javascript:alert(1)',
  ]) {
    const page = await world.app.inject({ url: `/sign-in?next=${encodeURIComponent(next)}` });
    assert.match(page.body, /name="next" value="\/"/, next);
  }
});

test('every page carries the headers of the security policy', async () => {
  const cookie = await world.cookieFor(world.alain);
  const routes = [
    '/sign-in',
    '/',
    '/contacts',
    '/digital-ids',
    '/trust',
    '/settings',
    '/first-steps',
    '/drafts',
    '/keys/passphrase',
    '/help',
    '/certificates',
    '/nowhere',
  ];
  for (const url of routes) {
    const answer = await world.app.inject({ url, headers: { cookie } });
    assert.equal(answer.headers['content-security-policy'], PAGE_POLICY, url);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', url);
    assert.equal(answer.headers['referrer-policy'], 'same-origin', url);
    assert.equal(answer.headers['cross-origin-opener-policy'], 'same-origin', url);
    assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin', url);
    assert.equal(answer.headers['cache-control'], 'no-store', url);
    assert.doesNotMatch(
      answer.body,
      /<script(?![^>]*src=)[^>]*>|<style|\sstyle=|\son[a-z]+=/i,
      `${url} has inline script or style`,
    );
  }
});

test('a form without the token, from elsewhere or without an origin changes nothing', async () => {
  const cookie = await world.cookieFor(world.alain);
  const page = await world.app.inject({ url: '/keys/passphrase', headers: { cookie } });
  const payload = form({ _csrf: tokenOf(page.body), passphrase: 'four words of mine', repeated: 'four words of mine' });
  const attempts: [string, Record<string, string>, string][] = [
    [
      'no token',
      { ...formHeaders, cookie },
      form({ passphrase: 'four words of mine', repeated: 'four words of mine' }),
    ],
    ['token of nobody', { ...formHeaders, cookie }, form({ _csrf: 'x'.repeat(43), passphrase: 'four words of mine' })],
    ['another origin', { ...formHeaders, origin: 'https://evil.example', cookie }, payload],
    ['null origin', { ...formHeaders, origin: 'null', cookie }, payload],
    ['no origin', { 'content-type': formHeaders['content-type'], cookie }, payload],
    ['another session', { ...formHeaders, cookie: await world.cookieFor(world.alain) }, payload],
  ];
  for (const [what, headers, body] of attempts) {
    const answer = await world.app.inject({ method: 'POST', url: '/keys/passphrase', headers, payload: body });
    assert.equal(answer.statusCode, 403, what);
  }
  assert.equal(await world.database.prisma.vault.count(), 0);
});

test('a form of parts needs its token first, also when it has no parts', async () => {
  const cookie = await world.cookieFor(world.alain);
  const field = (name: string, value: string) =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const token = tokenOf((await world.app.inject({ url: '/settings', headers: { cookie } })).body);
  const headers = { origin, cookie, 'content-type': 'multipart/form-data; boundary=b' };
  for (const body of ['', field('x', 'y'), field('x', 'y') + field('_csrf', token), field('_csrf', `${token}x`)]) {
    const answer = await world.app.inject({
      method: 'POST',
      url: '/trust/import',
      headers,
      payload: `${body}--b--\r\n`,
    });
    assert.equal(answer.statusCode, 403, body);
  }
  const right = await world.app.inject({
    method: 'POST',
    url: '/trust/import',
    headers,
    payload: `${field('_csrf', token)}--b--\r\n`,
  });
  assert.notEqual(right.statusCode, 403);
});

test('what is no form is refused, with a token or without', async () => {
  const cookie = await world.cookieFor(world.alain);
  const _csrf = tokenOf((await world.app.inject({ url: '/settings', headers: { cookie } })).body);
  for (const [type, payload] of [
    ['application/json', JSON.stringify({ _csrf })],
    ['text/plain', `_csrf=${_csrf}`],
    ['multipart/form-data; boundary=b', '--b--'],
  ]) {
    const headers = { origin, cookie, 'content-type': type as string };
    const answer = await world.app.inject({ method: 'POST', url: '/keys/lock', headers, payload: payload as string });
    assert.equal(answer.statusCode, 415, type);
  }
});

test('the form before sign-in needs its token and origin as well', async () => {
  const page = await world.app.inject({ url: '/sign-in' });
  const visit = page.cookies.find((each) => each.name === 'visit');
  const payload = { address: 'a@b.example', password: 'x' };
  const refused = await world.app.inject({
    method: 'POST',
    url: '/sign-in',
    headers: formHeaders,
    payload: form({ ...payload, _csrf: tokenOf(page.body) }),
  });
  assert.equal(refused.statusCode, 403, 'the token belongs to a cookie');
  const headers = { ...formHeaders, cookie: `visit=${visit?.value}` };
  const asked = await world.app.inject({
    method: 'POST',
    url: '/sign-in',
    headers,
    payload: form({ ...payload, _csrf: tokenOf(page.body) }),
  });
  assert.equal(asked.statusCode, 401);
  assert.match(asked.body, /value="a@b.example"/, 'what was typed is kept');
  assert.doesNotMatch(asked.body, /value="x"/, 'but not the password');
});

test('odd bytes in a form, a token or a header are refused and never a fault of the server', async () => {
  const page = await world.app.inject({ url: '/sign-in' });
  const visit = page.cookies.find((each) => each.name === 'visit');
  const headers = { ...formHeaders, cookie: `visit=${visit?.value}` };
  const post = (fields: Record<string, string>) =>
    world.app.inject({ method: 'POST', url: '/sign-in', headers, payload: form(fields) });
  const token = tokenOf(page.body);
  assert.equal(
    (await post({ _csrf: 'é'.repeat(token.length), address: 'a@b.example', password: 'x' })).statusCode,
    403,
  );
  assert.equal((await post({ _csrf: token, address: 'a\0@b.example', password: 'x' })).statusCode, 401);
  const cookie = await world.cookieFor(world.elise);
  const settings = await world.app.inject({ url: '/settings', headers: { cookie } });
  const extend = await world.app.inject({
    method: 'POST',
    url: '/keys/extend',
    headers: { ...formHeaders, cookie, referer: 'no address' },
    payload: form({ _csrf: tokenOf(settings.body) }),
  });
  assert.equal(extend.statusCode, 302);
});

test('keys lock when nothing was done for the set time, and the session ends after twelve hours', async () => {
  const start = new Date();
  world.setNow(start);
  let cookie = await world.cookieFor(world.elise);
  const page = await world.app.inject({ url: '/keys/passphrase', headers: { cookie } });
  const made = await world.app.inject({
    method: 'POST',
    url: '/keys/passphrase',
    headers: { ...formHeaders, cookie },
    payload: form({ _csrf: tokenOf(page.body), passphrase: 'four words of mine', repeated: 'four words of mine' }),
  });
  assert.equal(made.statusCode, 200);
  const old = cookie;
  cookie = `sid=${made.cookies.find((each) => each.name === 'sid')?.value}`;
  assert.notEqual(cookie, old, 'the token changes when keys come into the session');
  assert.equal(
    (await world.app.inject({ url: '/drafts', headers: { cookie: old } })).statusCode,
    302,
    'the old one is worth nothing',
  );

  const minutes = (count: number) => world.setNow(new Date(start.getTime() + count * 60_000));
  const keysOpen = async () =>
    (await world.app.inject({ url: '/settings', headers: { cookie } })).body.includes('/keys/lock');
  minutes(10);
  assert.ok(await keysOpen());
  minutes(24);
  assert.ok(await keysOpen(), 'work keeps them open');
  minutes(40);
  assert.equal(await keysOpen(), false);
  const row = await world.database.prisma.session.findFirst({ where: { accountId: world.elise.id } });
  assert.equal(row?.sealedMasterKey, null, 'forgotten in the database too');
  minutes(12 * 60 + 1);
  assert.equal((await world.app.inject({ url: '/settings', headers: { cookie } })).statusCode, 302);
});

test('attempts are limited for an address on all nodes, before the mail server is asked', async () => {
  await wholeQuarter();
  world.setNow(new Date());
  const page = await world.app.inject({ url: '/sign-in' });
  const visit = page.cookies.find((each) => each.name === 'visit');
  const attempt = () =>
    world.app.inject({
      method: 'POST',
      url: '/sign-in',
      headers: { ...formHeaders, cookie: `visit=${visit?.value}` },
      payload: form({ _csrf: tokenOf(page.body), address: world.alain.address, password: 'guess' }),
    });
  const statuses = [];
  for (let n = 0; n < world.config.signInLimit + 1; n++) statuses.push((await attempt()).statusCode);
  assert.deepEqual(
    statuses.slice(0, -1),
    Array(world.config.signInLimit).fill(502),
    'nobody answers at this mail server',
  );
  assert.equal(statuses.at(-1), 429);
  const table = await world.database.prisma.attemptWindow.findMany();
  assert.ok(
    table.every((row) => !row.bucket.includes('@')),
    'the table is no list of addresses',
  );
});

test('a wrong passphrase, a wrong recovery code and the right ones', async () => {
  world.setNow(new Date());
  let cookie = await world.cookieFor(world.alain);
  const post = async (url: string, fields: Record<string, string>) => {
    const token = tokenOf((await world.app.inject({ url: '/settings', headers: { cookie } })).body);
    const answer = await world.app.inject({
      method: 'POST',
      url,
      headers: { ...formHeaders, cookie },
      payload: form({ _csrf: token, ...fields }),
    });
    const fresh = answer.cookies.find((each) => each.name === 'sid')?.value;
    if (fresh) cookie = `sid=${fresh}`;
    return answer;
  };
  const weak = await post('/keys/passphrase', { passphrase: 'short', repeated: 'short' });
  assert.equal(weak.statusCode, 400);
  const same = await post('/keys/passphrase', {
    passphrase: 'mailbox-password-canary',
    repeated: 'mailbox-password-canary',
  });
  assert.equal(same.statusCode, 400, 'the mailbox password is no passphrase');
  const made = await post('/keys/passphrase', { passphrase: 'first words of mine', repeated: 'first words of mine' });
  const code = /id="recovery-code">([^<]+)</.exec(made.body)?.[1] ?? '';
  assert.match(code, /^(\w{4}-){7}\w{4}$/);

  await post('/keys/lock', {});
  assert.equal((await post('/keys/unlock', { passphrase: 'other words of mine' })).statusCode, 401);
  assert.equal((await post('/keys/unlock', { passphrase: 'first words of mine' })).statusCode, 302);
  await post('/keys/lock', {});
  const fields = { passphrase: 'second words of mine', repeated: 'second words of mine' };
  assert.equal((await post('/keys/recovery', { code: code.replace(/^..../, '0000'), ...fields })).statusCode, 401);
  const recovered = await post('/keys/recovery', { code: code.toLowerCase(), ...fields });
  assert.equal(recovered.statusCode, 200);
  await post('/keys/lock', {});
  assert.equal(
    (await post('/keys/unlock', { passphrase: 'first words of mine' })).statusCode,
    401,
    'the old passphrase is worth nothing',
  );
  assert.equal((await post('/keys/recovery', { code, ...fields })).statusCode, 401, 'nor is the old code');
  assert.equal((await post('/keys/unlock', { passphrase: 'second words of mine' })).statusCode, 302);
  const used = await world.database.prisma.auditEntry.count({ where: { action: 'recovery-use', result: 'done' } });
  assert.equal(used, 1, 'use of the code is logged');
});

test('a changed passphrase locks the keys in every other session', async () => {
  world.setNow(new Date());
  const unlockedElsewhere = await signedInSession();
  await unlockedElsewhere.post('/keys/unlock', { passphrase: 'second words of mine' });
  const here = await signedInSession();
  const changed = await here.post('/keys/passphrase/change', {
    current: 'second words of mine',
    passphrase: 'third words of mine',
    repeated: 'third words of mine',
  });
  assert.equal(changed.statusCode, 200);
  assert.ok((await here.page('/settings')).includes('/keys/lock'), 'this session goes on');
  assert.ok(!(await unlockedElsewhere.page('/settings')).includes('/keys/lock'), 'the other one is locked');
  const logged = await world.database.prisma.auditEntry.count({
    where: { action: 'passphrase-change', result: 'done' },
  });
  assert.equal(logged, 2, 'recovery and change are both logged');
});

test('an address that cannot be decoded is refused with the headers of the policy', async () => {
  for (const url of ['/%', '/%c0%80', '/mail/%ff']) {
    const answer = await world.app.inject({ url });
    assert.ok(answer.statusCode >= 300 && answer.statusCode < 500, url);
    assert.equal(answer.headers['content-security-policy'], PAGE_POLICY, url);
    assert.equal(answer.headers['cache-control'], 'no-store', url);
  }
});

/** Alain in a browser of his own, with the cookie that each answer gives. */
async function signedInSession() {
  let cookie = await world.cookieFor(world.alain);
  const page = async (url: string) => (await world.app.inject({ url, headers: { cookie } })).body;
  const post = async (url: string, fields: Record<string, string>) => {
    const payload = form({ _csrf: tokenOf(await page('/settings')), ...fields });
    const answer = await world.app.inject({ method: 'POST', url, headers: { ...formHeaders, cookie }, payload });
    const fresh = answer.cookies.find((each) => each.name === 'sid')?.value;
    if (fresh) cookie = `sid=${fresh}`;
    return answer;
  };
  return { page, post };
}
