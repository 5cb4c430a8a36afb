import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { addAdministrator } from '../../src/services/administration/administrators.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';

const PAGE = '/administration/client-certificates';
const NOW = new Date('2026-11-20T10:00:00Z');
const DAY_MS = 86_400_000;

let world: TestApp;
let marta: Account;
before(async () => {
  world = await startTestApp();
  const { database } = world;
  const belgium = await database.prisma.country.findFirstOrThrow({ include: { programme: true, mailServer: true } });
  const { id: _, createdAt: __, ...server } = belgium.mailServer;
  const germany = await addCountry(database, belgium.programme, 'D', {
    ...server,
    name: 'of Germany',
    imapTls: 'implicit',
    submissionTls: 'starttls',
  });
  const wanted = { firstName: 'Marta', surname: 'Schulz', password: 'mailbox-password' };
  const made = await createHostedAccount(database, germany, wanted);
  marta = made.ok ? made.account : assert.fail(made.problem);
});
after(() => world?.stop());
beforeEach(async () => {
  world.setNow(NOW);
  const { prisma } = world.database;
  await prisma.programme.updateMany({ data: { clientCertificates: 'off', clientCertificatesFrom: null } });
  await prisma.account.updateMany({ data: { role: 'clerk', certificateWaivedUntil: null, createdAt: NOW } });
});

const programme = () => world.database.prisma.programme.findFirstOrThrow();
const account = (id: string) => world.database.prisma.account.findUniqueOrThrow({ where: { id } });
const bind = (clerk: Clerk) =>
  world.database.prisma.session.updateMany({
    where: { id: clerk.sid.split('.')[0] ?? '' },
    data: { certificateSha256: 'ab'.repeat(32) },
  });

test('T22 nobody requires certificates who did not sign in with one, or without a day', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  assert.match((await clerk.get(PAGE)).body, /setting CLIENT_CERTIFICATES/);
  const refused = await clerk.post(PAGE, PAGE, { policy: 'required', from: '2026-11-21' });
  assert.equal(refused.status, 400);
  assert.match(refused.body, /without a certificate yourself/);
  assert.match(refused.body, /value="2026-11-21"/, 'what was typed is kept');
  assert.equal((await clerk.post(PAGE, PAGE, { policy: 'sometimes' })).status, 400);
  assert.equal((await programme()).clientCertificates, 'off');
  const offered = await clerk.post(PAGE, PAGE, { policy: 'offered', from: '' });
  assert.equal(offered.location, PAGE);
  assert.equal((await programme()).clientCertificates, 'offered');
  const trail = await clerk.get('/administration/audit?action=administration');
  assert.match(trail.body, /sign-in with a certificate made possible/);
});

test('T22 an administrator of a country waives the certificate for its own accounts and for no other', async () => {
  await world.database.prisma.programme.updateMany({
    data: { clientCertificates: 'required', clientCertificatesFrom: new Date(NOW.getTime() - DAY_MS) },
  });
  const clerk = await enteredAdministrator(world, world.alain, 'country');
  const page = await clerk.get(PAGE);
  assert.match(page.body, /Required from 27 November 2026/, 'a week for new accounts');
  assert.doesNotMatch(page.body, /Schulz|name="policy"/);
  const waive = (id: string) => `${PAGE}/${id}/waive`;
  assert.equal((await clerk.post(PAGE, waive(world.elise.id), {})).location, PAGE);
  assert.deepEqual((await account(world.elise.id)).certificateWaivedUntil, new Date(NOW.getTime() + 3 * DAY_MS));
  assert.match((await clerk.get(PAGE)).body, /Let in until 23 November 2026/);
  assert.equal((await clerk.post(PAGE, waive(marta.id), {})).status, 404);
  assert.equal((await account(marta.id)).certificateWaivedUntil, null);
  assert.equal((await clerk.post(PAGE, `${PAGE}/${world.elise.id}/end-waiver`, {})).location, PAGE);
  assert.equal((await account(world.elise.id)).certificateWaivedUntil, null);
  assert.equal((await clerk.post(PAGE, PAGE, { policy: 'off' })).status, 404, 'the rule is the centre’s');
});

test('T22 a session bound to a certificate ends where no certificate comes, and the operator lets an administrator in again', async () => {
  const clerk = await enteredAdministrator(world, world.alain, 'central');
  await bind(clerk);
  assert.match((await clerk.get('/mail')).location ?? '', /^\/sign-in/);
  await addAdministrator(world.database, world.alain.address, null);
  assert.ok((await account(world.alain.id)).certificateWaivedUntil);
});

test('T22 security.md an administrator of a country lets neither himself nor a central administrator in without the certificate', async () => {
  const { prisma } = world.database;
  const clerk = await enteredAdministrator(world, world.alain, 'country');
  await prisma.account.update({ where: { id: world.elise.id }, data: { role: 'central', certificateOnly: true } });
  await prisma.account.update({ where: { id: world.alain.id }, data: { certificateOnly: true } });
  const page = (await clerk.get(PAGE)).body;
  for (const { id } of [world.alain, world.elise]) {
    assert.ok(!page.includes(`/${id}/`), 'nothing is offered');
    assert.equal((await clerk.post(PAGE, `${PAGE}/${id}/waive`, {})).status, 403);
    assert.equal((await account(id)).certificateWaivedUntil, null);
    const until = new Date(NOW.getTime() + DAY_MS);
    await prisma.account.update({ where: { id }, data: { certificateWaivedUntil: until } });
    assert.ok(!(await clerk.get(PAGE)).body.includes(`/${id}/`), 'nor to end what the operator gave');
    assert.equal((await clerk.post(PAGE, `${PAGE}/${id}/end-waiver`, {})).status, 403);
    assert.deepEqual((await account(id)).certificateWaivedUntil, until);
    const refused = await prisma.auditEntry.count({
      where: { object: id, action: 'administration', result: 'refused' },
    });
    assert.equal(refused, 2);
    await prisma.account.update({ where: { id }, data: { certificateOnly: false } });
  }
});
