import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Account, Country, Programme } from '../../src/generated/prisma/client.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { removeCountry } from '../../src/services/administration/countries.ts';
import { findSession } from '../../src/services/sessions/session.ts';
import { signIn } from '../../src/services/sessions/sign-in.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';

const LIST = '/administration/countries';
const PASSWORD = 'mailbox-password-canary';
const SERVER = {
  ...{ imapHost: '127.0.0.1', imapPort: 1, imapTls: 'implicit' as const },
  ...{ submissionHost: '127.0.0.1', submissionPort: 1, submissionTls: 'starttls' as const },
  ...{ serverName: null, caPem: null },
};

let world: TestApp;
let central: Clerk;
let programme: Programme;
let norway: Country;
let nora: Account;

before(async () => {
  world = await startTestApp();
  programme = await world.database.prisma.programme.findFirstOrThrow();
  norway = await addCountry(world.database, programme, 'N', { ...SERVER, name: 'norway hosts', hosted: true });
  const person = { firstName: 'Nora', surname: 'Lund', password: PASSWORD };
  const made = await createHostedAccount(world.database, norway, person);
  assert.ok(made.ok);
  nora = made.account;
});
after(() => world?.stop());
beforeEach(async () => {
  await world.database.prisma.country.updateMany({ data: { suspendedAt: null } });
  central = await enteredAdministrator(world, world.alain, 'central');
});

async function act(country: Country, what: 'suspend' | 'resume' | 'remove') {
  const page = `${LIST}/${country.id}/${what}`;
  return central.post(page, page, {});
}

const signInAs = (account: Account) =>
  signIn(world.context, {
    address: account.address,
    password: PASSWORD,
    network: '192.0.2.1',
    userAgent: 'test',
    certificate: null,
  });

const mailboxOf = async (account: Account) =>
  (
    await world.database.pool.query('select active, receives from hosted_mailbox where address = $1', [
      account.addressKey,
    ])
  ).rows[0];

test('security.md of a suspended country nobody is signed in or signs in, while mail goes on coming in', async () => {
  const clerk = await Clerk.signIn(world, nora);
  assert.equal((await clerk.get('/settings')).status, 200);
  assert.match((await central.get(`${LIST}/${norway.id}/suspend`)).body, /all sessions end at once/);
  assert.equal((await act(norway, 'suspend')).location, `${LIST}/${norway.id}`);
  assert.equal((await clerk.get('/settings')).location?.startsWith('/sign-in'), true);
  assert.equal(await world.database.prisma.session.count({ where: { accountId: nora.id } }), 0);
  assert.deepEqual(await signInAs(nora), { ok: false, reason: 'refused' });
  assert.deepEqual(await mailboxOf(nora), { active: false, receives: true });
  const late = await Clerk.signIn(world, nora);
  assert.equal((await late.get('/settings')).location?.startsWith('/sign-in'), true, 'under way at that moment');
  assert.match((await central.get(LIST)).body, /Norway \(N\)[\s\S]*?Suspended/);
  const again = await act(norway, 'suspend');
  assert.equal(again.location, `${LIST}/${norway.id}`);
  assert.match((await central.get(`${LIST}/${norway.id}`)).body, /somebody else was quicker/);

  await act(norway, 'resume');
  assert.deepEqual(await mailboxOf(nora), { active: true, receives: true });
  assert.deepEqual(await signInAs(nora), { ok: false, reason: 'unreachable' }, 'asks the mail server again');
});

test('security.md nobody suspends the own country, and a country administrator none at all', async () => {
  const belgium = await world.database.prisma.country.findFirstOrThrow({ where: { code: 'B' } });
  await act(belgium, 'suspend');
  const page = await central.get(`${LIST}/${belgium.id}`);
  assert.match(page.body, /This is your own country/);
  assert.doesNotMatch(page.body, /\/suspend"/);
  const row = await world.database.prisma.country.findUniqueOrThrow({ where: { id: belgium.id } });
  assert.equal(row.suspendedAt, null);
  const nordic = await enteredAdministrator(world, nora, 'country');
  for (const what of ['suspend', 'resume', 'remove'])
    assert.equal((await nordic.post('/administration', `${LIST}/${norway.id}/${what}`, {})).status, 404, what);
  await world.database.prisma.account.update({ where: { id: nora.id }, data: { role: 'clerk' } });
});

test('T09 a country without accounts is taken out with its server, keeps its history, and can be invited again', async () => {
  await act(norway, 'remove');
  assert.equal(await world.database.prisma.country.count({ where: { code: 'N' } }), 1, 'its accounts stay');
  const { prisma } = world.database;
  const own = { ...SERVER, name: 'sweden alone', hosted: false };
  const sweden = await addCountry(world.database, programme, 'S', own);
  const registration = await prisma.registration.create({
    data: {
      ...{ programmeId: programme.id, code: 'S', isoCode: 'SE', countryId: sweden.id, state: 'accepted' },
      ...{ fields: { organisation: 'Transportstyrelsen' }, createdAt: new Date(), changedAt: new Date() },
    },
  });
  assert.match((await central.get(`${LIST}/${sweden.id}/remove`)).body, /Take Sweden \(S\) out of the programme\?/);
  assert.equal((await act(sweden, 'remove')).location, LIST);
  assert.equal(await prisma.mailServer.count({ where: { name: 'sweden alone' } }), 0);
  const page = `/administration/registrations/${registration.id}`;
  const shown = (await central.get(page)).body;
  assert.match(shown, /Country taken out of the programme/);
  assert.doesNotMatch(shown, /Transportstyrelsen/);
  assert.match((await central.post(page, `${page}/invitation`, {})).body, /Code for Sweden/);
});

test('T09 a country to which an account comes at that very moment is not taken out', async () => {
  const { database, config, context } = world;
  const iceland = await addCountry(database, programme, 'IS', { ...SERVER, name: 'iceland', hosted: true });
  const session = await findSession(database, config, central.sid, '127.0.0.1', new Date());
  assert.ok(session);
  const row = await database.prisma.country.findUniqueOrThrow({
    where: { id: iceland.id },
    include: { mailServer: true },
  });
  const person = { firstName: 'Jon', surname: 'Jonsson', password: PASSWORD };
  const [removed, made] = await Promise.allSettled([
    removeCountry(context, session, row),
    createHostedAccount(database, iceland, person),
  ]);
  const isGone = (await database.prisma.country.count({ where: { id: iceland.id } })) === 0;
  const accounts = await database.prisma.account.count({ where: { countryId: iceland.id } });
  assert.ok(removed.status === 'fulfilled');
  assert.equal(removed.value.ok, isGone);
  assert.equal(accounts, isGone ? 0 : 1);
  assert.equal(made.status === 'fulfilled' && made.value.ok, !isGone);
});
