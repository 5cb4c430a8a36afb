import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { addAdministrator } from '../../src/services/administration/administrators.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Authenticator } from '../support/authenticator.ts';
import { Clerk } from '../support/clerk.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const PASSWORD = 'mailbox-password-canary';
const PAGE = '/administration/factors';
const ENTER = '/administration/enter';
const MINUTE_MS = 60_000;

let world: TestApp;
let now: Date;
before(async () => {
  world = await startTestApp();
});
after(() => world?.stop());
beforeEach(async () => {
  now = new Date();
  world.setNow(now);
  const { prisma } = world.database;
  await prisma.passkey.deleteMany();
  await prisma.totpFactor.deleteMany();
  await prisma.attemptWindow.deleteMany();
  await prisma.account.updateMany({ data: { role: 'clerk' } });
});

const authenticator = (origin = world.config.publicUrl.origin) => new Authenticator('localhost', origin);

async function optionsOn(clerk: Clerk, page: string): Promise<{ challenge: string }> {
  const { body } = await clerk.get(page);
  const json = /data-options="([^"]+)"/.exec(body)?.[1]?.replaceAll('&quot;', '"') ?? assert.fail(body);
  return JSON.parse(json);
}

/** Sends the form without loading the page again: that would give another challenge. */
async function send(clerk: Clerk, url: string, fields: Record<string, string>) {
  const token = /name="_csrf" value="([^"]+)"/.exec((await clerk.get('/settings')).body)?.[1] ?? '';
  const headers = { origin: world.config.publicUrl.origin, 'content-type': 'application/x-www-form-urlencoded' };
  const payload = new URLSearchParams({ _csrf: token, password: PASSWORD, ...fields }).toString();
  return clerk.send({ method: 'POST', url, headers, payload });
}

async function add(clerk: Clerk, key: Authenticator, fields: Record<string, string> = {}) {
  const response = key.create(await optionsOn(clerk, PAGE));
  return send(clerk, `${PAGE}/passkeys`, { name: 'blue key', response, ...fields });
}

async function leave(clerk: Clerk): Promise<void> {
  await send(clerk, '/administration/leave', {});
}

test('security.md a passkey is added with the password, opens the administration under a new token, and is named in the trail', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const key = authenticator();
  const wrong = await add(clerk, key, { password: 'another' });
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /value="blue key"/, 'what was typed is kept');
  assert.equal((await add(clerk, key)).location, PAGE);
  assert.match((await clerk.get(PAGE)).body, /<bdi>blue key<\/bdi>/);
  assert.equal((await add(clerk, key)).status, 400, 'the same one twice');
  await leave(clerk);
  const before = clerk.sid;
  const response = key.get(await optionsOn(clerk, ENTER));
  assert.equal((await send(clerk, `${ENTER}/passkey`, { response, password: 'another' })).status, 401);
  const fresh = key.get(await optionsOn(clerk, ENTER));
  const entered = await send(clerk, `${ENTER}/passkey`, { response: fresh, next: '/administration/audit' });
  assert.equal(entered.location, '/administration/audit');
  assert.notEqual(clerk.sid, before);
  const { body } = await clerk.get('/administration/audit?action=second-factor');
  assert.match(body, /passkey added/);
  assert.match(body, /with a passkey/);
});

test('security.md a challenge is good once, in its session, for five minutes, and on our address only', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const key = authenticator();
  await add(clerk, key);
  await leave(clerk);
  const used = key.get(await optionsOn(clerk, ENTER));
  assert.equal((await send(clerk, `${ENTER}/passkey`, { response: used })).location, '/administration');
  await leave(clerk);
  await optionsOn(clerk, ENTER);
  assert.equal((await send(clerk, `${ENTER}/passkey`, { response: used })).status, 401, 'replayed');
  const other = await Clerk.signIn(world, world.alain);
  const elsewhere = key.get(await optionsOn(other, ENTER));
  assert.equal((await send(clerk, `${ENTER}/passkey`, { response: elsewhere })).status, 401, 'of another session');
  const late = key.get(await optionsOn(clerk, ENTER));
  world.setNow(new Date(now.getTime() + 6 * MINUTE_MS));
  assert.equal((await send(clerk, `${ENTER}/passkey`, { response: late })).status, 401, 'after six minutes');
  const phished = authenticator('https://sealp0st.example');
  const inside = await enteredAdministrator(world, world.alain, 'central');
  assert.equal((await add(inside, phished)).status, 400, 'of another address');
  for (const response of ['', '{', '{}', 'null', '[]', JSON.stringify({ id: 5 }), 'x'.repeat(30_000)])
    assert.equal(
      (await send(inside, `${PAGE}/passkeys`, { name: 'key', response })).status,
      400,
      response.slice(0, 20),
    );
});

test('security.md a passkey that counts backwards, one that was removed and one of somebody else open nothing', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const key = authenticator();
  await add(clerk, key);
  key.counter = 9;
  await leave(clerk);
  const enter = async () => {
    const response = key.get(await optionsOn(clerk, ENTER));
    return send(clerk, `${ENTER}/passkey`, { response });
  };
  assert.equal((await enter()).location, '/administration');
  await leave(clerk);
  key.counter = 3;
  assert.equal((await enter()).status, 401);
  const trail = await world.database.prisma.auditEntry.findFirst({ where: { reason: 'passkey-counter' } });
  assert.equal(trail?.result, 'refused');
  const elise = await enteredAdministrator(world, world.elise, 'central');
  await add(elise, authenticator());
  await leave(elise);
  const response = key.get(await optionsOn(elise, ENTER));
  assert.equal((await send(elise, `${ENTER}/passkey`, { response })).status, 401, 'of somebody else');
  const row = await world.database.prisma.passkey.findFirstOrThrow({ where: { accountId: world.alain.id } });
  const inside = await enteredAdministrator(world, world.elise, 'central');
  assert.equal((await inside.get(`${PAGE}/passkeys/${row.id}/remove`)).status, 404);
  assert.equal((await send(inside, `${PAGE}/passkeys/${row.id}/remove`, {})).status, 404);
});

test('security.md tries with passkeys count together with codes', async () => {
  await wholeQuarter();
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  const key = authenticator();
  await add(clerk, key);
  await leave(clerk);
  for (let turn = 0; turn < 3; turn += 1) await send(clerk, `${ENTER}/passkey`, { response: '{}' });
  for (let turn = 0; turn < 2; turn += 1) await send(clerk, ENTER, { code: '000000' });
  const response = key.get(await optionsOn(clerk, ENTER));
  assert.equal((await send(clerk, `${ENTER}/passkey`, { response })).status, 429);
});

test('security.md the last second factor stays, also when two are removed at the same moment', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  await add(clerk, authenticator());
  const row = await world.database.prisma.passkey.findFirstOrThrow();
  const remove = `${PAGE}/passkeys/${row.id}/remove`;
  assert.match((await clerk.get(remove)).body, /Remove this second factor/);
  assert.equal((await send(clerk, remove, { password: 'another' })).status, 401);
  await Promise.all([send(clerk, remove, {}), send(clerk, `${PAGE}/codes/remove`, {})]);
  const { prisma } = world.database;
  assert.equal((await prisma.passkey.count()) + (await prisma.totpFactor.count()), 1);
  const left = await prisma.passkey.findFirst();
  await send(clerk, left ? `${PAGE}/passkeys/${left.id}/remove` : `${PAGE}/codes/remove`, {});
  assert.equal((await prisma.passkey.count()) + (await prisma.totpFactor.count()), 1);
  assert.match((await clerk.get(PAGE)).body, /The last one stays/);
});

test('security.md whoever has a passkey alone cannot be given codes by somebody at an open window', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  await add(clerk, authenticator());
  await send(clerk, `${PAGE}/codes/remove`, {});
  assert.match(
    (await clerk.get('/administration/second-factor')).body,
    /Set up a second factor/,
    'inside it is offered',
  );
  await leave(clerk);
  assert.equal((await clerk.get('/administration/second-factor')).location, '/administration');
  const secret = await send(clerk, '/administration/second-factor', {});
  assert.equal(secret.location, '/administration');
  const page = (await clerk.get(ENTER)).body;
  assert.doesNotMatch(page, /name="code"/);
  await addAdministrator(world.database, world.alain.address, null);
  assert.equal(await world.database.prisma.passkey.count(), 0, 'the operator takes a lost one away');
});
