/** Digital IDs that were issued here: looked for, taken back, held and given back; it counts at once for everybody here. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { addCountry } from '../../src/services/accounts/programmes.ts';
import { markCertificates } from '../../src/services/contacts/contact-marks.ts';
import { signDueLists } from '../../src/services/publishing/refresh-published.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { CA_PASSPHRASE, type IssuedHere, issueHere, makeAuthorities, signLists } from '../support/publishing.ts';

const DAY_MS = 24 * 3_600_000;
const PAGE = '/administration/digital-ids';

let world: TestApp;
let root: Certificate;
let issuing: Certificate;
let jean: Account;
let now: Date;
let carla: Clerk;

before(async () => {
  world = await startTestApp();
  now = new Date();
  world.setNow(now);
  ({ root, issuing } = await makeAuthorities(world));
  await signLists(world, root, issuing);
  jean = await accountInLuxembourg();
  for (const account of [world.alain, world.elise]) await trustRoot(account);
});
after(() => world?.stop());
beforeEach(async () => {
  pass(2000);
  carla = await enteredAdministrator(world, world.alain, 'central');
});

function pass(ms: number): void {
  now = new Date(now.getTime() + ms);
  world.setNow(now);
}

async function accountInLuxembourg(): Promise<Account> {
  const { prisma } = world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const luxembourg = await addCountry(world.database, programme, 'L', {
    ...{ name: 'nobody in Luxembourg', hosted: true, serverName: null, caPem: null },
    ...{ imapHost: '127.0.0.1', imapPort: 1, imapTls: 'implicit' },
    ...{ submissionHost: '127.0.0.1', submissionPort: 1, submissionTls: 'starttls' },
  });
  const names = { firstName: 'Jean', surname: 'Weber', password: 'mailbox-password-canary' };
  const made = await createHostedAccount(world.database, luxembourg, names);
  return made.ok ? made.account : assert.fail(made.problem);
}

async function trustRoot({ id: accountId }: Account): Promise<void> {
  const { sha1, sha256, subject, notAfter } = root;
  const certificate = new Uint8Array(root.der);
  const decided = { state: 'trusted' as const, source: 'file', offeredAt: now, decidedAt: now };
  const facts = { certificate, sha1, sha256, subject, notAfter };
  await world.database.prisma.trustAnchor.create({ data: { accountId, ...facts, ...decided } });
}

const act = (clerk: Clerk, { id }: IssuedHere, action: 'revoke' | 'reinstate', fields: Record<string, string>) =>
  clerk.post(`${PAGE}/${id}`, `${PAGE}/${id}/${action}`, fields);

/** What a clerk's contact with this Digital ID is marked with. */
async function markOf({ certificate }: IssuedHere, at = now): Promise<string | null | undefined> {
  const subjects = [{ certificate, chain: [issuing.der], address: certificate.addresses[0] ?? '' }];
  const [mark] = await markCertificates(world.context, subjects, { account: world.alain, at });
  return mark?.reason;
}

const audited = async (object: string) =>
  (
    await world.database.prisma.auditEntry.findMany({ where: { object, action: 'revoke' }, orderBy: { id: 'asc' } })
  ).map(({ result, reason, actor }) => `${result} ${reason} by ${actor}`);

test('S08 a Digital ID that is revoked counts no more for clerks here from the next moment on', async () => {
  const taken = await issueHere(world, issuing, world.elise);
  await world.database.prisma.programme.updateMany({ data: { revocationPolicy: 'require' } });
  assert.equal(await markOf(taken), null);
  const done = await act(carla, taken, 'revoke', { reason: 'superseded' });
  assert.equal(done.location, `${PAGE}/${taken.id}`);
  const page = (await carla.get(`${PAGE}/${taken.id}`)).body;
  assert.match(page, /It counts here at once/);
  assert.match(page, /Reason: Replaced by a new Digital ID/);
  assert.doesNotMatch(page, /name="reason"/);
  pass(1000);
  assert.equal(await markOf(taken), 'revoked');
  assert.deepEqual(await audited(taken.certificate.sha256), [`done superseded by ${world.alain.address}`]);
});

test('S08 a revocation is final but for a hold, and nothing is revoked twice or after its end', async () => {
  const taken = await issueHere(world, issuing, world.elise);
  await act(carla, taken, 'revoke', { reason: 'keyCompromise' });
  assert.equal((await act(carla, taken, 'revoke', { reason: 'superseded' })).location, `${PAGE}/${taken.id}`);
  assert.match((await carla.get(`${PAGE}/${taken.id}`)).body, /already/);
  await act(carla, taken, 'reinstate', { passphrase: CA_PASSPHRASE });
  const row = await world.database.prisma.issuedCertificate.findUniqueOrThrow({ where: { id: taken.id } });
  assert.equal(row.revocationReason, 'keyCompromise');
  const short = await issueHere(world, issuing, world.elise, { days: 1 });
  pass(2 * DAY_MS);
  carla = await enteredAdministrator(world, world.alain, 'central');
  await act(carla, short, 'revoke', { reason: 'keyCompromise' });
  assert.match((await carla.get(`${PAGE}/${short.id}`)).body, /It has ended/);
  assert.equal((await audited(short.certificate.sha256)).length, 0);
});

test('S08 ten administrators who revoke the same one leave one revocation and one entry in the trail', async () => {
  const taken = await issueHere(world, issuing, world.elise);
  await Promise.all(Array.from({ length: 10 }, () => act(carla, taken, 'revoke', { reason: 'keyCompromise' })));
  assert.equal((await audited(taken.certificate.sha256)).length, 1);
});

test('S08 a hold is lifted by the passphrase of the CA only, and then it counts again', async () => {
  const held = await issueHere(world, issuing, world.elise);
  await act(carla, held, 'revoke', { reason: 'certificateHold' });
  pass(1000);
  assert.equal(await markOf(held), 'revoked');
  await signLists(world, issuing);
  const wrong = await act(carla, held, 'reinstate', { passphrase: 'a guess' });
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /This is not the passphrase/);
  assert.equal(await markOf(held), 'revoked');
  assert.equal((await act(carla, held, 'reinstate', { passphrase: CA_PASSPHRASE })).location, `${PAGE}/${held.id}`);
  pass(1000);
  assert.equal(await markOf(held), null);
  assert.deepEqual(
    (await audited(held.certificate.sha256)).map((line) => line.split(' ')[1]),
    ['certificateHold', 'reinstated'],
  );
  await act(carla, held, 'revoke', { reason: 'certificateHold' });
  const since = async () =>
    (await world.database.prisma.issuedCertificate.findUniqueOrThrow({ where: { id: held.id } })).revokedAt;
  const hold = await since();
  pass(60_000);
  await act(carla, held, 'revoke', { reason: 'keyCompromise' });
  assert.deepEqual(await since(), hold, 'mail that came during the hold stays as it was judged');
  assert.match((await carla.get(`${PAGE}/${held.id}`)).body, /The key was lost or may be in other hands/);
});

test('S08 the holder’s own copy is out of use from then on, and back when the hold is lifted', async () => {
  const { prisma } = world.database;
  const held = await issueHere(world, issuing, world.elise);
  const { der, sha256, sha1, serialNumber, issuer, keyLabel, addresses, notBefore, notAfter } = held.certificate;
  const own = await prisma.digitalId.create({
    data: {
      ...{ accountId: world.elise.id, certificate: new Uint8Array(der), chain: [], commonName: 'Elise Maes' },
      ...{ sha256, sha1, serialNumber, issuer, keyLabel, addresses: [...addresses], notBefore, notAfter },
      // Nobody opens it here.
      ...{ canSign: true, canEncrypt: true, sealedPrivateKey: new Uint8Array(1) },
    },
  });
  const state = async () => (await prisma.digitalId.findUniqueOrThrow({ where: { id: own.id } })).state;
  await act(carla, held, 'revoke', { reason: 'certificateHold' });
  assert.equal(await state(), 'revoked');
  await act(carla, held, 'reinstate', { passphrase: CA_PASSPHRASE });
  assert.equal(await state(), 'active');
});

test('S08 what cannot be meant is refused with what was typed: no reason, a day to come, one before it was issued', async () => {
  const issued = await issueHere(world, issuing, world.elise);
  for (const [fields, said] of [
    [{ reason: 'removeFromCRL', since: '' }, /Choose a reason/],
    [{ reason: 'keyCompromise', since: '2999-01-01' }, /has not come yet/],
    [{ reason: 'keyCompromise', since: '2020-01-01' }, /before the Digital ID was issued/],
    [{ reason: 'keyCompromise', since: 'yesterday' }, /Type a day/],
    [{ reason: 'keyCompromise', since: '2026-99-99' }, /Type a day/],
  ] as const) {
    const refused = await act(carla, issued, 'revoke', fields);
    assert.equal(refused.status, 400, fields.since);
    assert.match(refused.body, said);
    assert.ok(refused.body.includes(`value="${fields.since}"`));
  }
  assert.equal(await markOf(issued), null);
});

test('S08 without a signer a revocation is kept and said to wait, and counts after the ceremony', async () => {
  const taken = await issueHere(world, issuing, world.elise);
  await world.database.prisma.statusSigner.updateMany({ data: { notAfter: now } });
  pass(1000);
  assert.match((await carla.get(`${PAGE}/${taken.id}`)).body, /Nobody can sign a new list at present/);
  await act(carla, taken, 'revoke', { reason: 'keyCompromise' });
  assert.match((await carla.get(`${PAGE}/${taken.id}`)).body, /Recorded, but not in effect yet/);
  assert.equal(await signDueLists(world.context), 0);
  assert.equal(await markOf(taken), null);
  await signLists(world, issuing);
  pass(1000);
  assert.equal(await markOf(taken), 'revoked');
});

test('S08 a revocation whose node died before signing is published by the next round of any node', async () => {
  const taken = await issueHere(world, issuing, world.elise);
  const { id: authorityId } = await world.database.prisma.authority.findFirstOrThrow({ where: { kind: 'issuing' } });
  await world.database.prisma.$transaction([
    world.database.prisma.issuedCertificate.update({
      where: { id: taken.id },
      data: { revokedAt: now, revocationReason: 'keyCompromise' },
    }),
    world.database.prisma.authority.update({ where: { id: authorityId }, data: { listDueAt: now } }),
  ]);
  assert.equal(await markOf(taken), null);
  assert.equal(await signDueLists(world.context), 1);
  pass(1000);
  assert.equal(await markOf(taken), 'revoked');
});

test('S08 Digital IDs are found by name, address, serial number or thumbprint, and by their state', async () => {
  const issued = await issueHere(world, issuing, jean);
  const found = async (query: string) => (await carla.get(`${PAGE}?${query}`)).body.includes(`${PAGE}/${issued.id}`);
  const { sha256, serialNumber } = issued.certificate;
  const grouped = sha256.toUpperCase().match(/.{4}/g)?.join('+') ?? '';
  for (const text of ['weber', 'JEAN+web', 'jean.weber@tcn.l', serialNumber, sha256.slice(0, 12), grouped])
    assert.equal(await found(`text=${text}`), true, text);
  for (const text of ['weber+maes', '%25', '_', 'nobody']) assert.equal(await found(`text=${text}`), false, text);
  assert.equal(await found('text=weber&state=valid'), true);
  assert.equal(await found('text=weber&state=revoked'), false);
  await act(carla, issued, 'revoke', { reason: 'affiliationChanged' });
  assert.equal(await found('text=weber&state=revoked'), true);
  assert.match((await carla.get(`${PAGE}?text=nobody`)).body, /Nothing fits/);
});

test('S08 an administrator of a country sees and revokes that country’s only, and lifts no hold', async () => {
  const [own, other] = [await issueHere(world, issuing, world.elise), await issueHere(world, issuing, jean)];
  const clerk = await enteredAdministrator(world, world.alain, 'country');
  const list = (await clerk.get(PAGE)).body;
  assert.ok(list.includes(`${PAGE}/${own.id}`) && !list.includes('Weber'));
  assert.equal((await clerk.get(`${PAGE}/${other.id}`)).status, 404);
  assert.equal((await clerk.post(PAGE, `${PAGE}/${other.id}/revoke`, { reason: 'keyCompromise' })).status, 404);
  assert.equal(await markOf(other), null);
  await act(clerk, own, 'revoke', { reason: 'certificateHold' });
  assert.match((await clerk.get(`${PAGE}/${own.id}`)).body, /Only the central administration can lift the hold/);
  assert.equal((await act(clerk, own, 'reinstate', { passphrase: CA_PASSPHRASE })).status, 404);
});

test('S08 a list of hundreds comes in pages that keep what was searched for', async () => {
  const { prisma } = world.database;
  const one = await issueHere(world, issuing, jean);
  const { id: _, ...row } = await prisma.issuedCertificate.findUniqueOrThrow({ where: { id: one.id } });
  await prisma.issuedCertificate.createMany({
    data: Array.from({ length: 120 }, (_unused, index) => ({
      ...row,
      serialNumber: `ff${index}`,
      sha256: `copy ${index}`,
    })),
  });
  const first = (await carla.get(`${PAGE}?text=weber&state=valid`)).body;
  assert.equal(first.match(/<tr><th scope="row">/g)?.length, 50);
  assert.match(first, /href="\/administration\/digital-ids\?text=weber&amp;state=valid&amp;page=2"/);
  const third = (await carla.get(`${PAGE}?text=weber&state=valid&page=3`)).body;
  assert.ok((third.match(/<tr><th scope="row">/g)?.length ?? 0) >= 20);
});

test('S08 an issuing CA is revoked by its root’s passphrase: it issues no more, and nothing below it counts', async () => {
  const issued = await issueHere(world, issuing, jean);
  pass(1000);
  assert.equal(await markOf(issued), null);
  const { prisma } = world.database;
  const { id } = await prisma.authority.findUniqueOrThrow({ where: { sha256: issuing.sha256 } });
  const revoke = (rootPassphrase: string, reason = 'keyCompromise') =>
    carla.post('/administration/lists', `/administration/lists/${id}/revoke`, { reason, rootPassphrase });
  assert.equal((await revoke(CA_PASSPHRASE, 'certificateHold')).status, 400);
  const wrong = await revoke('a guess');
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /<details class="fold" open>[\s\S]*This is not the passphrase/);
  assert.equal(await markOf(issued), null);
  assert.equal((await revoke(CA_PASSPHRASE)).location, '/administration/lists');
  assert.match((await carla.get('/administration/lists')).body, /Nothing that it issued counts any more/);
  pass(1000);
  assert.equal(await markOf(issued), 'revoked');
  assert.notEqual((await prisma.authority.findUniqueOrThrow({ where: { id } })).retiredAt, null);
  await revoke(CA_PASSPHRASE);
  assert.equal((await audited(issuing.sha256)).length, 1);
});
