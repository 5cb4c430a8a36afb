import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';

const INBOX = `/mail/${folderId('INBOX')}`;

let application: TestApp;
let cookie: string;
before(async () => {
  application = await startTestApp();
  cookie = await application.cookieFor(application.alain);
});
after(() => application?.stop());

const get = (url: string, headers: Record<string, string> = { cookie }) => application.app.inject({ url, headers });

test('without a session the pages lead to the sign-in, and what runs behind a page is just refused', async () => {
  const page = await get(INBOX, {});
  assert.equal(page.statusCode, 302);
  assert.equal(page.headers.location, `/sign-in?next=${encodeURIComponent(INBOX)}`);
  assert.equal((await get('/events', {})).statusCode, 401);
  assert.equal((await get(`${INBOX}/1-1/body`, {})).statusCode, 401);
});

test('addresses that name no message or folder are not found, whoever asks', async () => {
  for (const url of [
    '/mail/..x',
    '/mail/%00',
    `${INBOX}/1`,
    `${INBOX}/0-1`,
    `${INBOX}/1-1/attachments/x`,
    `${INBOX}/x/message.eml`,
  ]) {
    assert.equal((await get(url)).statusCode, 404, url);
  }
});

test('a mail server that does not answer is said on the page and inside the frame', async () => {
  const page = await get(INBOX);
  assert.equal(page.statusCode, 502);
  assert.match(page.body, /The mail server does not answer/);
  const body = await get(`${INBOX}/1-1/body`);
  assert.equal(body.statusCode, 502);
  assert.match(
    String(body.headers['content-security-policy']),
    /^sandbox [^;]*; default-src 'none';.*frame-ancestors 'self'/,
  );
  assert.equal(body.headers['x-frame-options'], 'SAMEORIGIN');
  assert.equal(body.headers['cache-control'], 'no-store');
});

test('actions on messages want the token of the form', async () => {
  const page = await get('/settings');
  const post = (payload: string) =>
    application.app.inject({
      method: 'POST',
      url: `${INBOX}/actions`,
      headers: {
        cookie,
        origin: application.config.publicUrl.origin,
        'content-type': 'application/x-www-form-urlencoded',
      },
      payload,
    });
  assert.equal((await post('do=delete&message=1-1')).statusCode, 403);
  const token = encodeURIComponent(tokenOf(page.body));
  const nothing = await post(`_csrf=${token}&do=delete`);
  assert.equal(nothing.statusCode, 302, 'nothing selected: back to the list with a notice');
  assert.equal(nothing.headers.location, INBOX);
  assert.equal((await post(`_csrf=${token}&do=explode&message=1-1`)).statusCode, 400);
});
