import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Account, Country, Programme } from '../../src/generated/prisma/client.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry, createProgramme } from '../../src/services/accounts/programmes.ts';
import type { AdministeredCountry } from '../../src/services/administration/administered.ts';
import { addAdministrator } from '../../src/services/administration/administrators.ts';
import { removeCountry, suspendCountry } from '../../src/services/administration/countries.ts';
import { findSession, type SignedIn } from '../../src/services/sessions/session.ts';
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

/** As a request has it that began before what others do. */
async function sessionOf(clerk: Clerk): Promise<SignedIn> {
  const session = await findSession(world.database, world.config, clerk.sid, '127.0.0.1', new Date());
  assert.ok(session);
  return session;
}

const rowOf = ({ id }: Country): Promise<AdministeredCountry> =>
  world.database.prisma.country.findUniqueOrThrow({ where: { id }, include: { mailServer: true } });

const setRole = ({ id }: Account, role: 'clerk' | 'central') =>
  world.database.prisma.account.update({ where: { id }, data: { role } });

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
  await setRole(nora, 'clerk');
});

test('security.md of two central administrators who suspend each other’s country one is too late', async () => {
  const belgium = await world.database.prisma.country.findFirstOrThrow({ where: { code: 'B' } });
  const nordic = await enteredAdministrator(world, nora, 'central');
  const [alains, noras] = [await sessionOf(central), await sessionOf(nordic)];
  const rows = [await rowOf(norway), await rowOf(belgium)] as const;
  const results = await Promise.allSettled([
    suspendCountry(world.context, alains, rows[0]),
    suspendCountry(world.context, noras, rows[1]),
  ]);
  await setRole(nora, 'clerk');
  assert.equal(results.filter((each) => each.status === 'fulfilled' && each.value.ok).length, 1);
  assert.equal(await world.database.prisma.country.count({ where: { suspendedAt: null } }), 1);
});

test('security.md whoever was demoted or suspended meanwhile suspends no country', async () => {
  const { prisma } = world.database;
  const session = await sessionOf(central);
  const row = await rowOf(norway);
  const late = () => assert.rejects(suspendCountry(world.context, session, row), { code: 'not-found' });
  await setRole(world.alain, 'clerk');
  await late();
  await setRole(world.alain, 'central');
  await prisma.country.update({ where: { id: world.alain.countryId }, data: { suspendedAt: new Date() } });
  await late();
  assert.equal((await rowOf(norway)).suspendedAt, null);
});

test('security.md a guest who suspends all countries leaves the programme one that has an administrator', async () => {
  const { database } = world;
  const { prisma } = database;
  const pattern = 'euc.{cc}.eu-admin.net';
  const other = await createProgramme(database, { code: 'euc', name: 'EUCARIS', domainPattern: pattern });
  const countries: Country[] = [];
  for (const code of ['D', 'F', 'L']) {
    const country = await addCountry(database, other, code, { ...SERVER, name: `euc ${code}`, hosted: true });
    countries.push(country);
    const made = await createHostedAccount(database, country, {
      firstName: 'Ida',
      surname: 'Roth',
      password: PASSWORD,
    });
    assert.ok(made.ok);
    if (code !== 'L') await setRole(made.account, 'central');
  }
  const grant = { accountId: world.alain.id, grantedBy: 'x', grantedAt: new Date() };
  await prisma.programmeGrant.create({ data: { ...grant, programmeId: other.id } });
  const choose = `/administration/programmes/${other.id}/administrate`;
  await central.post('/administration/programmes', choose, {});
  const [germany, france, luxembourg] = countries as [Country, Country, Country];
  for (const country of [germany, luxembourg, france]) await act(country, 'suspend');
  assert.match((await central.get(`${LIST}/${france.id}`)).body, /would have no administrator left/);
  const standing = await Promise.all([germany, france, luxembourg].map(rowOf));
  assert.deepEqual(
    standing.map(({ suspendedAt }) => suspendedAt === null),
    [false, true, false],
    'of a country without one nobody is missed',
  );
  const late = await sessionOf(central);
  await prisma.programmeGrant.deleteMany({ where: { programmeId: other.id } });
  await act(germany, 'resume');
  assert.notEqual((await rowOf(germany)).suspendedAt, null);
  await assert.rejects(suspendCountry(world.context, late, await rowOf(france)), { code: 'not-found' });
});

test('security.md a country whose administrators alone hold another programme is not suspended', async () => {
  const { prisma } = world.database;
  const data = { code: 'resper', name: 'RESPER', domainPattern: 'rp.{cc}.eu-admin.net' };
  const resper = await prisma.programme.create({ data });
  await setRole(nora, 'central');
  const grant = { programmeId: resper.id, grantedBy: 'x', grantedAt: new Date() };
  await prisma.programmeGrant.create({ data: { ...grant, accountId: nora.id } });
  await act(norway, 'suspend');
  assert.equal((await rowOf(norway)).suspendedAt, null);
  await prisma.programmeGrant.create({ data: { ...grant, accountId: world.alain.id } });
  await act(norway, 'suspend');
  assert.notEqual((await rowOf(norway)).suspendedAt, null);
  await prisma.programme.delete({ where: { id: resper.id } });
  await setRole(nora, 'clerk');
});

test('cli.md the operator who makes an administrator resumes the suspended country of the account', async () => {
  const { prisma } = world.database;
  await act(norway, 'suspend');
  const made = await addAdministrator(world.database, nora.address, null);
  assert.deepEqual([made.ok, made.ok && made.isCountryResumed], [true, true]);
  assert.equal((await rowOf(norway)).suspendedAt, null);
  const again = await addAdministrator(world.database, nora.address, null);
  assert.equal(again.ok && again.isCountryResumed, false);
  await prisma.account.update({ where: { id: nora.id }, data: { role: 'clerk', certificateWaivedUntil: null } });
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
  const { database, context } = world;
  const iceland = await addCountry(database, programme, 'IS', { ...SERVER, name: 'iceland', hosted: true });
  const session = await sessionOf(central);
  const row = await rowOf(iceland);
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
