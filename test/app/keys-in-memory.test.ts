import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, type TestContext, test } from 'node:test';
import type { Programme } from '../../src/generated/prisma/client.ts';
import { createAuthorities } from '../../src/services/identities/authorities.ts';
import { issueDigitalId, openIssuer } from '../../src/services/issuing/issue-digital-id.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { watchPrivateKeys } from '../support/keys-in-memory.ts';

const PASSPHRASE = 'asked for when issuing';
const ROOT_PASSPHRASE = 'kept in the safe of Brussels';
const AUTHORITIES = '/administration/authorities';

let world: TestApp;
let programme: Programme;
let central: Clerk;
before(async () => {
  world = await startTestApp();
  const found = await world.database.prisma.programme.findFirstOrThrow();
  const data = { keyAlgorithm: 'P-256' };
  programme = await world.database.prisma.programme.update({ where: { id: found.id }, data });
  const wanted = { passphrase: PASSPHRASE, rootPassphrase: ROOT_PASSPHRASE, keyAlgorithm: 'P-256' as const };
  await createAuthorities(world.database, programme, wanted, new Date());
});
after(() => world?.stop());
beforeEach(async () => {
  central = await enteredAdministrator(world, world.alain, 'central');
  await central.choosePassphrase('the keys of alain dupont');
});
afterEach(async () => {
  const { prisma } = world.database;
  await prisma.issuingJob.deleteMany();
  await prisma.issuance.deleteMany();
  await prisma.evidenceSigner.deleteMany();
  await prisma.vault.deleteMany();
  await prisma.attemptWindow.deleteMany();
});

/** From now on until the test ends the database takes no new row of this table. */
async function breakTable(t: TestContext, table: string): Promise<void> {
  await world.database.pool.query(`alter table ${table} add constraint broken check (false) not valid`);
  t.after(() => world.database.pool.query(`alter table ${table} drop constraint broken`));
}

function assertOverwritten(keys: readonly Buffer[], atLeast: number): void {
  assert.ok(keys.length >= atLeast, `${keys.length} keys came into memory`);
  const left = keys.filter((key) => key.some((byte) => byte !== 0));
  assert.equal(left.length, 0, `${left.length} of ${keys.length} keys are still in memory`);
}

const authority = (kind: 'root' | 'issuing') =>
  world.database.prisma.authority.findFirstOrThrow({ where: { kind }, orderBy: { createdAt: 'asc' } });

for (const table of ['issuing_job', 'evidence_signer', 'audit_entry'])
  test(`security.md the authority's key is overwritten when the database fails at ${table} as issuing begins`, async (t) => {
    const page = `/administration/issuing/countries/${world.alain.countryId}`;
    await central.get(page);
    await breakTable(t, table);
    const keys = watchPrivateKeys(t);
    const answer = await central.post(page, page, { accounts: world.elise.id, passphrase: PASSPHRASE });
    assert.equal(answer.status, 500);
    assertOverwritten(keys, 1);
  });

test('security.md the key of a Digital ID is overwritten when its file cannot be written', async (t) => {
  const keys = watchPrivateKeys(t);
  const at = new Date();
  const opened = await openIssuer(world.database, programme.id, PASSPHRASE, null, at);
  assert.ok(opened.ok);
  const write = () => Promise.reject(new Error('no room'));
  const order = { accountId: world.elise.id, pfxPassword: 'spoken', keep: null, write };
  await assert.rejects(issueDigitalId(world.database, opened.issuer, order, at), /no room/);
  opened.issuer.close();
  assertOverwritten(keys, 2);
});

test('security.md the keys of new authorities are overwritten when one of them cannot be certified', async (t) => {
  const keys = watchPrivateKeys(t);
  // What its certificate would name is no address.
  const publicUrl = 'nowhere' as unknown as URL;
  const wanted = { passphrase: PASSPHRASE, keyAlgorithm: 'P-256', publicUrl } as const;
  await assert.rejects(createAuthorities(world.database, programme, wanted, new Date()));
  assertOverwritten(keys, 1);
});

for (const table of ['authority', 'published_list'])
  test(`security.md the keys of both authorities are overwritten when the database fails at ${table}`, async (t) => {
    const root = await authority('root');
    const page = `${AUTHORITIES}/issuing`;
    await central.get(page);
    await breakTable(t, table);
    const keys = watchPrivateKeys(t);
    const answer = await central.post(page, page, {
      ...{ nonce: randomUUID(), root: root.id, issuingName: 'Second CA', keyAlgorithm: 'P-256' },
      ...{ rootPassphrase: ROOT_PASSPHRASE, passphrase: PASSPHRASE, repeated: PASSPHRASE },
    });
    assert.equal(answer.status, 500, answer.body.slice(0, 300));
    assertOverwritten(keys, 2);
  });
