import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sealedKeysOf, signingIdentity } from '../../src/services/identities/own-keys.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { Clerk } from '../support/clerk.ts';
import { openssl } from '../support/openssl.ts';
import { makeOutsideAuthority } from '../support/outside-authority.ts';

const OLD = 'quatre vaches au bord du canal';
const NEW = 'kein Fenster ohne Vorhang heute';
const PASSWORD = 'mailbox-password-canary';
const FILE_PASSWORD = 'opens the file';

let world: TestApp;
let clerk: Clerk;
let code: string;
let pfx: Buffer;

before(async () => {
  world = await startTestApp();
  world.setNow(new Date(Date.now() + 60_000));
  const key = openssl(['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']).stdout;
  const asked = openssl(['req', '-new', '-key', 'k.pem', '-subj', '/CN=Alain Dupont'], { 'k.pem': key }).stdout;
  const leaf = makeOutsideAuthority(world.alain.address).certify(asked);
  const args = ['pkcs12', '-export', '-in', 'leaf.pem', '-inkey', 'k.pem', '-passout', 'file:password'];
  pfx = openssl(args, { 'leaf.pem': leaf, 'k.pem': key, password: FILE_PASSWORD }).stdout;
});
after(() => world?.stop());

beforeEach(async () => {
  const { prisma } = world.database;
  await prisma.attemptWindow.deleteMany();
  await prisma.digitalId.deleteMany();
  await prisma.lostVault.deleteMany();
  await prisma.draft.deleteMany();
  await prisma.vault.deleteMany();
  clerk = await Clerk.signIn(world, world.alain);
  code = await choose(OLD);
  assert.equal((await importFile()).status, 200);
});

/** Sets a passphrase; gives the recovery code. */
async function choose(passphrase: string): Promise<string> {
  const page = await clerk.post('/keys/passphrase', '/keys/passphrase', { passphrase, repeated: passphrase });
  return /id="recovery-code">([^<]+)</.exec(page.body)?.[1] ?? assert.fail(page.body.slice(0, 500));
}

const importFile = () =>
  clerk.upload(
    '/digital-ids/import',
    '/digital-ids/import',
    { password: FILE_PASSWORD },
    { field: 'file', name: 'me.pfx', bytes: pfx },
  );
const giveUp = (address = world.alain.address, password = PASSWORD) =>
  clerk.post('/keys/start-over', '/keys/start-over', { address, password });
const keysLeft = async () => (await sealedKeysOf(world.database, world.alain.id)).length;

test('T26 who lost the keys reads which administrators of the country to telephone to', async () => {
  const { prisma } = world.database;
  const { id, address, role } = world.elise;
  const asked = async () => /Your administrators[\s\S]*?<\/ul>/.exec((await clerk.get('/keys/lost')).body)?.[0] ?? '';
  assert.equal(await asked(), '', 'without one, nothing is promised');
  await prisma.account.update({ where: { id }, data: { role: 'country' } });
  assert.match(await asked(), new RegExp(`Elise Maes, ${address}`));
  await prisma.account.update({ where: { id }, data: { role } });
});

test('T26 what can be recovered and what cannot is said before keys are given up', async () => {
  const lost = (await clerk.get('/keys/lost')).body;
  assert.match(lost, /Encrypted mail stays closed without passphrase, code or backup/);
  assert.match(lost, /A new one in the test phase ends on the same day as the first/);
  const page = (await clerk.get('/keys/start-over')).body;
  assert.match(page, /Mail that is encrypted today stays unreadable/);
  assert.match(page, /Alain Dupont[\s\S]*No backup was saved from here/);
  await clerk.post('/keys/lost', '/keys/lock', {});
  assert.match((await clerk.get('/keys/unlock')).body, /href="\/keys\/lost"/);
});

test('T26 keys are given up only with the own address typed and the mailbox password', async () => {
  const wrong = await giveUp('somebody@example.org');
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /This is not your address\. Nothing was changed/);
  assert.match(wrong.body, /value="somebody@example\.org"/);
  assert.equal((await giveUp(world.alain.address, 'guessed')).status, 401);
  assert.equal(await keysLeft(), 1);
  assert.equal(await world.database.prisma.lostVault.count(), 0);
});

test('T26 starting over leaves nothing in use, is in the trail, and a backup brings the key back', async () => {
  const done = await giveUp();
  assert.equal(done.location, '/keys/passphrase', done.body.slice(0, 500));
  assert.equal(await keysLeft(), 0);
  assert.equal(await signingIdentity(world.database, world.alain, world.context.now()), null);
  const entry = await world.database.prisma.auditEntry.findFirst({ where: { action: 'start-over', result: 'done' } });
  assert.equal(entry?.accountId, world.alain.id);
  await choose(NEW);
  const list = (await clerk.get('/digital-ids')).body;
  assert.match(list, /Key lost, opens nothing/);
  assert.match((await importFile()).body, /Digital ID imported/);
  assert.equal(await keysLeft(), 1);
  assert.ok(await signingIdentity(world.database, world.alain, world.context.now()));
});

test('T26 the old passphrase or recovery code, when found, brings the old keys back for reading', async () => {
  for (const [kind, secret] of [
    ['passphrase', OLD],
    ['recovery', code],
  ] as const) {
    if (kind === 'recovery') {
      await world.database.prisma.digitalId.deleteMany();
      await world.database.prisma.lostVault.deleteMany();
      await world.database.prisma.vault.deleteMany();
      clerk = await Clerk.signIn(world, world.alain);
      code = await choose(OLD);
      await importFile();
    }
    await giveUp();
    await choose(NEW);
    const wrong = await clerk.post('/keys/restore', '/keys/restore', { kind, secret: 'not the one' });
    assert.equal(wrong.status, 401);
    assert.match(wrong.body, /opens none of the keys/);
    const found = kind === 'recovery' ? code : secret;
    const done = await clerk.post('/keys/restore', '/keys/restore', { kind, secret: found });
    assert.equal(done.location, '/digital-ids', done.body.slice(0, 500));
    assert.equal(await keysLeft(), 1);
    const row = await world.database.prisma.digitalId.findFirstOrThrow();
    assert.deepEqual([row.state, row.lostVaultId], ['retired', null]);
    const password = 'a backup password';
    const page = `/digital-ids/${row.id}/backup`;
    const fields = { passphrase: NEW, password, repeated: password, form: 'modern' };
    const file = await clerk.post(page, page, fields);
    assert.equal(file.headers['content-type'], 'application/x-pkcs12', 'the key opens under the new passphrase');
  }
});

test('T26 the administrator of the country is told, and takes note of it', async () => {
  await giveUp();
  const administrator = await enteredAdministrator(world, world.elise, 'country');
  assert.match((await administrator.get('/administration')).body, /1 clerk lost the keys/);
  const page = (await administrator.get('/administration/requests')).body;
  const action = /action="(\/administration\/losses\/[\w-]+\/seen)"/.exec(page)?.[1] ?? assert.fail('no loss');
  await administrator.post('/administration/requests', action, {});
  assert.match((await administrator.get('/administration/requests')).body, /Noted by Elise\.Maes/);
  assert.doesNotMatch((await administrator.get('/administration')).body, /lost the keys/);
});
