import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { changeMailboxPassword } from '../../src/services/accounts/mailbox-password.ts';
import { elevateSession, findSession, forgetKeys, type SignedIn } from '../../src/services/sessions/session.ts';
import { admitKeys, renewPassphrase, unlock } from '../../src/services/sessions/unlock.ts';
import { changePassphrase, createVault, openVault } from '../../src/services/sessions/vault.ts';
import { formatSessionToken } from '../../src/vault/session-secret.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const OLD = 'quatre vaches au bord du canal';
const NEW = 'kein Fenster ohne Vorhang heute';
const PASSWORD = 'mailbox-password-canary';
const passphrase = (secret: string) => ({ kind: 'passphrase', secret }) as const;

let world: TestApp;
before(async () => {
  world = await startTestApp();
});
after(() => world?.stop());
beforeEach(async () => {
  const { database, config, context, alain } = world;
  await database.prisma.attemptWindow.deleteMany();
  await database.prisma.session.deleteMany();
  await database.prisma.vault.deleteMany();
  assert.ok(await createVault(database, config, alain.id, OLD, context.now()));
});

/** A request of the session as it is now. */
async function request(cookie: string): Promise<SignedIn> {
  const { database, config, context } = world;
  return (await findSession(database, config, cookie, '127.0.0.1', context.now())) ?? assert.fail('no session');
}
const newCookie = async () => (await world.cookieFor(world.alain)).slice('sid='.length);
const open = async () => {
  const { database, config, context, alain } = world;
  const opened = await openVault(database, config, alain.id, passphrase(OLD), context.now());
  return opened.ok ? opened : assert.fail(opened.reason);
};
async function unlocked(): Promise<string> {
  const result = await unlock(world.context, await request(await newCookie()), passphrase(OLD));
  return result.ok ? result.cookie : assert.fail(result.reason);
}
const keysInSessions = () => world.database.prisma.session.count({ where: { sealedMasterKey: { not: null } } });

test('T26 security.md an unlock that began with the old passphrase opens no session once there is a new one', async () => {
  const late = await request(await newCookie());
  const opened = await open();
  const renewed = await renewPassphrase(world.context, await request(await newCookie()), passphrase(OLD), NEW);
  assert.ok(renewed.ok);
  assert.equal(await admitKeys(world.context, late, opened), null);
  assert.equal(await keysInSessions(), 1, 'that of the holder');
  assert.equal((await request(formatSessionToken(late.token))).masterKey, null);
});

test('T26 security.md a passphrase that was replaced meanwhile replaces no other', async () => {
  const { database, config, context, alain } = world;
  const opened = await open();
  const renewed = await renewPassphrase(context, await request(await newCookie()), passphrase(OLD), NEW);
  assert.ok(renewed.ok);
  assert.equal(await changePassphrase(database, config, alain.id, opened, 'of somebody else', context.now()), null);
  assert.ok((await openVault(database, config, alain.id, passphrase(NEW), context.now())).ok);
});

test('T26 security.md unlocking and a change of the passphrase at the same moment leave one order', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { database, config, context, alain } = world;
    const late = await request(await newCookie());
    const opened = await open();
    const [cookie, changed] = await Promise.all([
      admitKeys(context, late, opened),
      changePassphrase(database, config, alain.id, opened, OLD, context.now()),
    ]);
    assert.ok(changed);
    assert.equal(await keysInSessions(), 0, cookie === null ? 'the change came first' : 'the change locked it');
  }
});

test('security.md a session that was locked meanwhile stays so when it enters the administration or gets a new password', async () => {
  const { database, config, context } = world;
  const until = new Date(Date.now() + 60_000);
  const entering = await request(await unlocked());
  await forgetKeys(database, entering.sessionId);
  assert.equal((await request(await elevateSession(database, config, entering, until))).masterKey, null);
  assert.equal(await keysInSessions(), 0);

  const open = await request(await unlocked());
  const kept = await request(await elevateSession(database, config, open, until));
  assert.deepEqual(kept.masterKey, open.masterKey, 'keys that were not locked stay open');
  assert.deepEqual(kept.keysUntil, open.keysUntil);

  await forgetKeys(database, kept.sessionId);
  const changed = await changeMailboxPassword(context, kept, PASSWORD, 'eine andere Reihe Woerter');
  assert.ok(changed.ok);
  assert.equal((await request(changed.cookie)).masterKey, null);
  assert.equal(await keysInSessions(), 0);
});
