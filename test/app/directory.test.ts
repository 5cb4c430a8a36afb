import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Account, Programme } from '../../src/generated/prisma/client.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { issueIdentity } from '../../src/services/identities/issue-identity.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';

const PAGE = '/contacts/directory';
const PASSPHRASE = 'only for issuing certificates';

let world: TestApp;
let programme: Programme;
let alain: Clerk;
before(async () => {
  world = await startTestApp();
  programme = await world.database.prisma.programme.findFirstOrThrow();
  await createAuthorities(world.database, programme, { passphrase: PASSPHRASE, keyAlgorithm: 'P-256' }, new Date());
  alain = await Clerk.signIn(world, world.alain);
  await alain.choosePassphrase('the keys of alain dupont');
});
after(() => world?.stop());

async function issueTo(account: Account): Promise<void> {
  const order = { account, passphrase: PASSPHRASE, pfxPassword: 'x', keyAlgorithm: 'P-256' as const };
  const issued = await issueIdentity(world.database, order, new Date());
  assert.ok(issued.ok);
}

test('T10 T16 a clerk finds others of the programme in the directory, and what is taken from it is not trusted by that', async () => {
  assert.match((await alain.get(PAGE)).body, /Nobody else in this programme has a Digital ID yet/);
  await issueTo(world.alain);
  assert.match((await alain.get(PAGE)).body, /Nobody else in this programme/, 'nobody looks for himself');
  await issueTo(world.elise);
  const listed = await alain.get(`${PAGE}?q=maes`);
  assert.match(listed.body, /Elise Maes/);
  assert.match(listed.body, /Being listed here is a suggestion/);
  assert.match((await alain.get(`${PAGE}?q=%25`)).body, /Nobody like that/, 'a percent sign is no wildcard');
  assert.match((await alain.get(`${PAGE}?q=nobody`)).body, /Nobody like that/);
  const added = await alain.post(PAGE, PAGE, { account: world.elise.id });
  assert.match(added.location ?? '', /^\/contacts\/[0-9a-f-]{36}$/, added.body);
  const contact = await alain.get(added.location ?? '');
  assert.match(contact.body, /from the programme’s directory/);
  assert.match(contact.body, /not trusted/i, 'it has its X until the root is trusted');
  const { prisma } = world.database;
  assert.equal(await prisma.trustAnchor.count({ where: { accountId: world.alain.id } }), 0);
  assert.match((await alain.get(PAGE)).body, /Among your contacts/);
  assert.equal((await alain.post(PAGE, PAGE, { account: world.elise.id })).location, added.location, 'once');
  assert.equal(await prisma.contactCertificate.count(), 1);
});

test('T16 the mark becomes a V when the reader trusts the programme’s root', async () => {
  const { prisma } = world.database;
  const root = await prisma.trustAnchor.findFirstOrThrow({ where: { accountId: null } });
  const accept = `/trust/programme/${root.id}/accept`;
  assert.equal((await alain.post(accept, accept, {})).status, 302);
  const contact = await prisma.contact.findFirstOrThrow();
  assert.doesNotMatch((await alain.get(`/contacts/${contact.id}`)).body, /not trusted/i);
});

test('T18 who writes to somebody without a known Digital ID is shown the directory, and only where it has one', async () => {
  const { prisma } = world.database;
  await prisma.contact.deleteMany();
  const begin = async (to: string) => (await alain.get(`/drafts/new?to=${encodeURIComponent(to)}`)).location ?? '';
  const found = await alain.get(await begin(world.elise.address));
  assert.match(found.body, /Take it from the directory/);
  assert.match(found.body, /\/contacts\/directory\?q=Elise\.Maes%40tcn\.b\.eu-admin\.net/);
  const stranger = await alain.get(await begin('somebody.else@tcn.fin.eu-admin.net'));
  assert.doesNotMatch(stranger.body, /Take it from the directory/);
  await alain.post(PAGE, PAGE, { account: world.elise.id });
  assert.doesNotMatch((await alain.get(await begin(world.elise.address))).body, /Take it from the directory/);
});

test('T16 revoked ones, people of another programme and those who may not sign in are not in it', async () => {
  const { prisma } = world.database;
  await prisma.contact.deleteMany();
  const gone = async () => {
    assert.doesNotMatch((await alain.get(PAGE)).body, /Elise/);
    assert.equal((await alain.post(PAGE, PAGE, { account: world.elise.id })).status, 404);
    assert.equal(await prisma.contact.count(), 0);
  };
  const where = { accountId: world.elise.id };
  await prisma.issuedCertificate.updateMany({ where, data: { revokedAt: new Date() } });
  await gone();
  await prisma.issuedCertificate.updateMany({ where, data: { revokedAt: null } });
  await prisma.account.update({ where: { id: world.elise.id }, data: { state: 'suspended' } });
  await gone();
  await prisma.account.update({ where: { id: world.elise.id }, data: { state: 'active' } });
  const other = await prisma.programme.create({
    data: { code: 'other', name: 'Other', domainPattern: 'x.{cc}.other.example' },
  });
  await prisma.country.update({ where: { id: world.elise.countryId }, data: { programmeId: other.id } });
  const { mailServerId } = await prisma.country.findFirstOrThrow();
  const elsewhere = await prisma.country.create({
    data: { programmeId: programme.id, code: 'L', isoCode: 'LU', domain: 'x.l.eu-admin.net', mailServerId },
  });
  await prisma.account.update({ where: { id: world.alain.id }, data: { countryId: elsewhere.id } });
  await gone();
});
