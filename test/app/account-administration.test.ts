import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import { removeDueMail } from '../../src/services/accounts/remove-mail.ts';
import { createSession } from '../../src/services/sessions/session.ts';
import { AccountOffice, accountsOf, codeIn, pageOf, preview, proposedIn } from '../support/account-office.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { Clerk } from '../support/clerk.ts';

const PASSWORD = 'mailbox-password-canary';
const DAY_MS = 86_400_000;

let office: AccountOffice;
before(async () => {
  office = await AccountOffice.open();
});
after(() => office?.world.stop());
beforeEach(() => office.reset());

test('T01 whoever is suspended is out at once, also with a sign-in under way, and comes back when resumed', async () => {
  const elise = await Clerk.signIn(office.world, office.world.elise);
  const credential = {
    accountId: office.world.elise.id,
    mailboxPassword: PASSWORD,
    network: '127.0.0.1',
    userAgent: 'test',
  };
  const page = `${pageOf(office.world.elise)}/suspend`;
  assert.match((await office.central.get(page)).body, /signed out at once.*Mail is still taken in/s);
  const askedAt = office.world.context.now();
  office.pass(1000);
  assert.equal((await office.central.post(page, page, {})).location, pageOf(office.world.elise));
  assert.match((await elise.get('/settings')).location ?? '', /^\/sign-in/);
  assert.deepEqual(await office.servedAs(office.world.elise), { active: false, receives: true });
  await createSession(office.world.database, office.world.config, credential, askedAt);
  const late = await office.world.database.prisma.session.findFirstOrThrow({
    where: { accountId: office.world.elise.id },
  });
  const resume = `${pageOf(office.world.elise)}/resume`;
  assert.equal((await office.central.post(resume, resume, {})).location, pageOf(office.world.elise));
  const cookie = `sid=${await createSession(office.world.database, office.world.config, credential, askedAt)}`;
  const stale = await office.world.app.inject({ method: 'GET', url: '/settings', headers: { cookie } });
  assert.equal(stale.statusCode, 302, 'a sign-in that began before the suspension counts no more after it');
  assert.ok(late.createdAt < (await office.fresh(office.world.elise)).signedOutAt!);
  office.pass(1000);
  assert.equal((await (await Clerk.signIn(office.world, office.world.elise)).get('/settings')).status, 200);
  assert.deepEqual(await office.servedAs(office.world.elise), { active: true, receives: true });
  const twice = await office.central.post(pageOf(office.world.elise), resume, {});
  assert.equal(twice.status, 409);
  assert.match(twice.body, /the account is not as it was/);
});

test('security.md whoever alone administrates a further programme stays, until it is somebody else’s too', async () => {
  const { prisma } = office.world.database;
  const { id } = office.world.elise;
  await prisma.account.update({ where: { id }, data: { role: 'central' } });
  const made = { code: 'resper', name: 'RESPER', domainPattern: 'resper.{cc}.eu-admin.net' };
  const { id: programmeId } = await prisma.programme.create({ data: made });
  const grant = { programmeId, grantedBy: office.world.elise.address, grantedAt: new Date() };
  await prisma.programmeGrant.create({ data: { ...grant, accountId: id } });
  const page = pageOf(office.world.elise);
  for (const act of ['suspend', 'remove']) {
    const refused = await office.central.post(page, `${page}/${act}`, {});
    assert.equal(refused.status, 409, act);
    assert.match(refused.body, /a programme would be left without a central administrator/);
  }
  assert.equal(await prisma.programmeGrant.count({ where: { programmeId } }), 1);
  await prisma.programmeGrant.create({ data: { ...grant, accountId: office.world.alain.id } });
  assert.equal((await office.central.post(page, `${page}/remove`, {})).status, 302);
  await prisma.programme.delete({ where: { id: programmeId } });
});

test('T01 T03 a removed account frees its place at once, its address only after years, and comes back while it is kept', async () => {
  const { account } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  await office.make(office.bulgaria, 'Ana', 'Ilieva');
  await office.make(office.bulgaria, 'Eva', 'Ilieva');
  const page = `${pageOf(account)}/remove`;
  assert.match((await office.central.get(page)).body, /kept for 90 days.*|1100 days/s);
  assert.equal((await office.central.post(page, page, {})).location, pageOf(account));
  assert.equal(await office.servedAs(account), undefined, 'no mail is taken in');
  assert.match((await office.central.get(accountsOf(office.bulgaria))).body, /Removed accounts/);
  const namesake = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  assert.equal(namesake.account.address, 'Ivan.Petrov2@tcn.bg.eu-admin.net');
  const restore = `${pageOf(account)}/restore`;
  const full = await office.central.post(restore, restore, {});
  assert.equal(full.status, 409);
  assert.match(full.body, /as many accounts as the programme allows/);
  await office.central.post(`${pageOf(namesake.account)}/remove`, `${pageOf(namesake.account)}/remove`, {});
  const back = await office.central.post(restore, restore, {});
  assert.match(codeIn(back), /-/);
  assert.deepEqual(await office.servedAs(account), { active: true, receives: true });
  assert.equal((await office.fresh(account)).removedAt, null);
});

test('T01 what was kept of a removed account cannot come back later, and the address is anybody’s after its rest', async () => {
  const { account } = await office.make(office.greece, 'Eleni', 'Doukas');
  await office.central.post(`${pageOf(account)}/remove`, `${pageOf(account)}/remove`, {});
  office.pass(1099 * DAY_MS);
  await removeDueMail(office.world.context);
  await office.enterAgain();
  assert.equal(
    proposedIn(await preview(office.central, office.greece, { firstName: 'Eleni', surname: 'Doukas' })),
    'Eleni.Doukas2@tcn.gr.eu-admin.net',
  );
  office.pass(2 * DAY_MS);
  await removeDueMail(office.world.context);
  await office.enterAgain();
  assert.equal((await office.central.post(pageOf(account), `${pageOf(account)}/restore`, {})).status, 409);
  assert.match((await office.central.get(pageOf(account))).body, /Nothing any more/);
  assert.equal(
    proposedIn(await preview(office.central, office.greece, { firstName: 'Eleni', surname: 'Doukas' })),
    'Eleni.Doukas@tcn.gr.eu-admin.net',
  );
});

test('T26 security.md keys that were given up go with the address, where a country has its own server', async () => {
  const { prisma } = office.world.database;
  const { account } = await office.make(office.greece, 'Nikos', 'Doukas');
  const nikos = await Clerk.signIn(office.world, account);
  const passphrase = 'vier Katzen unter dem Dach';
  await nikos.post('/keys/passphrase', '/keys/passphrase', { passphrase, repeated: passphrase });
  await nikos.post('/keys/start-over', '/keys/start-over', { address: account.address, password: PASSWORD });
  const ofNikos = { where: { accountId: account.id } };
  assert.equal(await prisma.lostVault.count(ofNikos), 1);
  await office.central.post(`${pageOf(account)}/remove`, `${pageOf(account)}/remove`, {});
  office.pass(1099 * DAY_MS);
  await removeDueMail(office.world.context);
  assert.equal(await prisma.lostVault.count(ofNikos), 1, 'kept as long as the account can come back');
  office.pass(2 * DAY_MS);
  await removeDueMail(office.world.context);
  assert.equal(await prisma.lostVault.count(ofNikos), 0);
});

test('T01 the role of a country’s administrator is given and taken, each with a page before and an end of the sessions', async () => {
  const page = `${pageOf(office.world.elise)}/role`;
  assert.match((await office.central.get(page)).body, /Administrator of the country.*Central administrator/s);
  const elise = await Clerk.signIn(office.world, office.world.elise);
  assert.equal((await office.central.post(page, page, { role: 'country' })).location, pageOf(office.world.elise));
  assert.equal((await office.fresh(office.world.elise)).role, 'country');
  assert.match((await elise.get('/settings')).location ?? '', /^\/sign-in/);
  office.pass(1000);
  await office.central.post(page, page, { role: 'clerk' });
  assert.equal((await office.fresh(office.world.elise)).role, 'clerk');
  await office.central.post(page, page, { role: 'central' });
  const { prisma } = office.world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const grant = { programmeId: programme.id, grantedBy: office.world.alain.address, grantedAt: new Date() };
  await prisma.programmeGrant.create({ data: { accountId: office.world.elise.id, ...grant } });
  await office.central.post(page, page, { role: 'clerk' });
  assert.equal(await prisma.programmeGrant.count(), 0, 'what was granted to the administrator goes with the role');
  for (const role of ['', 'king', 'clerk']) assert.equal((await office.central.post(page, page, { role })).status, 409);
});

test('security.md an administrator of a country finds nothing of others, nothing of the centre, and no way to act on the own account', async () => {
  const { account: ivan } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const elise = await enteredAdministrator(office.world, office.world.elise, 'country');
  const list = await elise.get('/administration/accounts');
  assert.match(list.body, /Accounts of Belgium/);
  for (const url of [
    accountsOf(office.bulgaria),
    `${accountsOf(office.bulgaria)}/new`,
    pageOf(ivan),
    `${pageOf(ivan)}/suspend`,
    pageOf({ id: 'x' }),
  ])
    assert.equal((await elise.get(url)).status, 404, url);
  for (const act of ['suspend', 'resume', 'remove', 'restore', 'hand-over', 'role'])
    assert.equal(
      (await elise.post(accountsOf(office.belgium), `${pageOf(ivan)}/${act}`, { role: 'country' })).status,
      404,
      act,
    );
  for (const url of [
    accountsOf(office.bulgaria),
    `${accountsOf(office.bulgaria)}/preview`,
    `${accountsOf(office.bulgaria)}/send`,
  ])
    assert.equal(
      (await elise.post(accountsOf(office.belgium), url, { firstName: 'A', surname: 'B' })).status,
      404,
      url,
    );
  for (const act of ['suspend', 'remove', 'hand-over', 'role']) {
    const centre = await elise.post(accountsOf(office.belgium), `${pageOf(office.world.alain)}/${act}`, {
      role: 'clerk',
    });
    assert.equal(centre.status, 403, act);
    assert.match(centre.body, /this is for central administrators/);
    const own = await elise.post(accountsOf(office.belgium), `${pageOf(office.world.elise)}/${act}`, { role: 'clerk' });
    assert.equal(own.status, 403, act);
    assert.match(own.body, /This is your own account/);
  }
  assert.equal((await office.fresh(office.world.alain)).state, 'active');
  const { account: other } = await office.make(office.belgium, 'Paul', 'Claes');
  const role = `${pageOf(other)}/role`;
  assert.doesNotMatch((await elise.get(role)).body, /value="central"/);
  assert.equal((await elise.post(role, role, { role: 'central' })).status, 403);
  assert.equal((await elise.post(role, role, { role: 'country' })).location, pageOf(other));
  assert.equal((await office.fresh(ivan)).state, 'active');
});

test('security.md what the centre suspended or removed, and whoever was of it, comes back by the centre only', async () => {
  const { prisma } = office.world.database;
  const { account: paul } = await office.make(office.belgium, 'Paul', 'Claes');
  const elise = await enteredAdministrator(office.world, office.world.elise, 'country');
  const list = accountsOf(office.belgium);
  const byCentre = (act: string) => office.central.post(pageOf(paul), `${pageOf(paul)}/${act}`, {});
  const byCountry = (act: string) => elise.post(list, `${pageOf(paul)}/${act}`, {});
  await prisma.account.update({ where: { id: paul.id }, data: { role: 'central' } });
  await byCentre('remove');
  assert.equal((await office.fresh(paul)).role, 'clerk');
  const restored = await byCountry('restore');
  assert.equal(restored.status, 403, 'a former central administrator');
  assert.match(restored.body, /this is for central administrators/);
  assert.doesNotMatch(restored.body, /hand-over-code|what was kept is gone/);
  assert.match((await elise.get(`${pageOf(paul)}/restore`)).location ?? '', /accounts/);
  assert.match(codeIn(await byCentre('restore')), /-/);
  await byCentre('suspend');
  assert.equal((await byCountry('resume')).status, 403, 'suspended by the centre');
  assert.equal((await byCountry('remove')).location, pageOf(paul));
  assert.equal((await byCountry('restore')).status, 403, 'held also when the country removes it');
  await byCentre('restore');
  for (const act of ['suspend', 'resume', 'remove']) assert.equal((await byCountry(act)).location, pageOf(paul), act);
  assert.match(codeIn(await byCountry('restore')), /-/, 'what the country did it takes back itself');
});

test('security.md of two central administrators who remove each other at once one stays', async () => {
  const elise = await enteredAdministrator(office.world, office.world.elise, 'central');
  const remove = async (clerk: Clerk, whom: Account) =>
    clerk.post(`${pageOf(whom)}/remove`, `${pageOf(whom)}/remove`, {}).catch(() => null);
  await Promise.all([remove(office.central, office.world.elise), remove(elise, office.world.alain)]);
  const left = await office.world.database.prisma.account.count({ where: { role: 'central', state: 'active' } });
  assert.equal(left, 1);
});

test('T10 a country sends its list, and the centre sees who sent it, when, and what changed', async () => {
  const { account } = await office.make(office.belgium, 'Paul', 'Claes');
  const elise = await enteredAdministrator(office.world, office.world.elise, 'country');
  const send = () => elise.post('/administration/accounts', `${accountsOf(office.belgium)}/send`, {});
  assert.match((await office.central.get('/administration/accounts')).body, /Not sent yet/);
  assert.equal((await send()).location, accountsOf(office.belgium));
  assert.match(
    (await elise.get(accountsOf(office.belgium))).body,
    /The list with 3 addresses was sent.*3 addresses, sent on/s,
  );
  office.pass(60_000);
  await elise.post(`${pageOf(account)}/remove`, `${pageOf(account)}/remove`, {});
  assert.match((await office.central.get('/administration/accounts')).body, /1 left since then/);
  await office.make(office.belgium, 'Lea', 'Claes');
  assert.match((await office.central.get('/administration/accounts')).body, /1 new since then, 1 left since then/);
  await send();
  const seen = (await office.central.get(accountsOf(office.belgium))).body;
  assert.match(seen, /New: <bdi>Lea\.Claes@tcn\.b\.eu-admin\.net<\/bdi>.*Left out: <bdi>Paul\.Claes@tcn/s);
  assert.ok(seen.includes(`<bdi>${office.world.elise.address}</bdi>`));
  assert.match(seen, /The first list/);
  const empty = await office.central.post(accountsOf(office.greece), `${accountsOf(office.greece)}/send`, {});
  assert.equal(empty.location, accountsOf(office.greece));
  assert.match((await office.central.get(accountsOf(office.greece))).body, /There is no address to send yet/);
  assert.equal(await office.world.database.prisma.addressList.count(), 2);
});

test('security.md nothing that lets an administrator in outlives the account, and issued Digital IDs are one step away', async () => {
  const { prisma } = office.world.database;
  const accountId = office.world.elise.id;
  await enteredAdministrator(office.world, office.world.elise, 'country');
  const passkey = {
    credentialId: 'x',
    publicKey: new Uint8Array(1),
    counter: 0n,
    name: 'Phone',
    createdAt: new Date(),
  };
  await prisma.passkey.create({ data: { accountId, ...passkey } });
  const page = await office.central.get(pageOf(office.world.elise));
  const issued = /href="(\/administration\/digital-ids\?text=[^"]+)"/.exec(page.body)?.[1] ?? '';
  const list = await office.central.get(issued);
  assert.ok(list.status === 200 && list.body.includes(office.world.elise.address), 'looked for by the address');
  await office.central.post(pageOf(office.world.elise), `${pageOf(office.world.elise)}/remove`, {});
  const left = await Promise.all([
    prisma.passkey.count({ where: { accountId } }),
    prisma.totpFactor.count({ where: { accountId } }),
    prisma.session.count({ where: { accountId } }),
  ]);
  assert.deepEqual(left, [0, 0, 0]);
});

test('T01 an account of a suspended country says that nobody of it can sign in', async () => {
  const { account } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const { prisma } = office.world.database;
  const where = { id: office.bulgaria.id };
  await prisma.country.update({ where, data: { suspendedAt: new Date() } });
  try {
    for (const url of [pageOf(account), accountsOf(office.bulgaria)])
      assert.match((await office.central.get(url)).body, /This country is suspended as a whole/);
  } finally {
    await prisma.country.update({ where, data: { suspendedAt: null } });
  }
});

test('T01 a country that comes to the hosted server gives its accounts their passwords by codes', async () => {
  const { account } = await office.make(office.greece, 'Eleni', 'Doukas');
  const { prisma } = office.world.database;
  const { mailServerId } = office.greece;
  await prisma.country.update({
    where: { id: office.greece.id },
    data: { mailServerId: office.bulgaria.mailServerId },
  });
  try {
    assert.match((await office.central.get(accountsOf(office.greece))).body, /No mailbox password yet: make a code/);
    assert.equal(await office.servedAs(account), undefined);
    const answer = await office.central.post(pageOf(account), `${pageOf(account)}/hand-over`, {});
    assert.deepEqual(await office.servedAs(account), { active: true, receives: true });
    const taken = await office.welcome({ address: account.address, code: codeIn(answer) });
    assert.equal(taken.location, '/sign-in');
  } finally {
    await prisma.country.update({ where: { id: office.greece.id }, data: { mailServerId } });
  }
});

test('security.md each act on an account stands in the trail: who, on whom, and what was refused', async () => {
  const { account } = await office.make(office.bulgaria, 'Ivan', 'Petrov');
  const act = (name: string, fields: Record<string, string> = {}) =>
    office.central.post(pageOf(account), `${pageOf(account)}/${name}`, fields);
  await act('role', { role: 'country' });
  for (const name of ['suspend', 'suspend', 'resume', 'hand-over', 'remove', 'restore']) await act(name);
  await office.central.post(pageOf(account), `${pageOf(office.world.alain)}/remove`, {});
  const { prisma } = office.world.database;
  const entries = await prisma.auditEntry.findMany({
    where: { action: 'administration', reason: { startsWith: 'account: ' }, object: account.id },
    orderBy: { number: 'asc' },
  });
  assert.deepEqual(
    entries.map(({ result, reason }) => `${result} ${reason}`),
    [
      'done account: create',
      'done account: role, country',
      'done account: suspend',
      'refused account: suspend, state-changed',
      'done account: resume',
      'done account: hand-over',
      'done account: remove',
      'done account: restore',
    ],
  );
  assert.ok(entries.every(({ actor }) => actor === office.world.alain.address));
  const trail = (await office.central.get('/administration/audit')).body;
  assert.match(trail, /account: role and administrator of the country/);
  assert.match(trail, /account: removing and the own account/);
  assert.ok(trail.includes(account.address));
});
