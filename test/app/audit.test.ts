import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyAuditTrail } from '../../src/services/audit/verify-trail.ts';
import { type AuditEvent, openAuditTrail } from '../../src/services/audit.ts';
import { freshDatabase } from '../support/database.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
before(async () => {
  database = await freshDatabase();
});
after(() => database.drop());

const event = (object: string): AuditEvent => ({
  accountId: null,
  actor: 'Alain.Dupont@tcn.b.eu-admin.net',
  network: '127.0.0.1',
  action: 'sign-in',
  object,
  result: 'done',
});

test('two nodes write at once without waiting for each other, and the trail is whole', async () => {
  const now = () => new Date();
  const nodes = [openAuditTrail(database, 'one', now), openAuditTrail(database, 'two', now)];
  await Promise.all(Array.from({ length: 60 }, (_, n) => nodes[n % 2]!.record(event(`session ${n}`))));
  const verification = await verifyAuditTrail(database);
  assert.deepEqual([verification.whole, verification.entries, verification.problems], [true, 60, []]);
  assert.deepEqual(
    verification.heads.map(({ node, number }) => [node, number]),
    [
      ['one', 30],
      ['two', 30],
    ],
  );
});

test('security.md two processes that bear one name write into one chain, and no entry is lost', async () => {
  const now = () => new Date();
  const processes = [openAuditTrail(database, 'twin', now), openAuditTrail(database, 'twin', now)];
  await Promise.all(Array.from({ length: 40 }, (_, n) => processes[n % 2]!.record(event(`session ${n} of twins`))));
  const verification = await verifyAuditTrail(database);
  assert.deepEqual(verification.problems, []);
  assert.equal(verification.heads.find(({ node }) => node === 'twin')?.number, 40);
  const objects = await database.prisma.auditEntry.findMany({ where: { node: 'twin' }, distinct: ['object'] });
  assert.equal(objects.length, 40);
});

test('an entry cannot be changed or removed through SQL', async () => {
  await assert.rejects(database.pool.query("update audit_entry set actor = 'nobody'"), /append-only/);
  await assert.rejects(database.pool.query('delete from audit_entry'), /append-only/);
  await assert.rejects(database.pool.query('truncate audit_entry'), /append-only/);
});

test('whoever gets round that is found out: a changed entry, a gap, a cut end', async () => {
  const asOwner = async (sql: string) => {
    await database.pool.query('alter table audit_entry disable trigger user');
    await database.pool.query(sql);
    await database.pool.query('alter table audit_entry enable trigger user');
  };
  await asOwner("update audit_entry set reason = 'x' where node = 'one' and number = 5");
  assert.match((await verifyAuditTrail(database)).problems.join('\n'), /one 5: was changed/);
  await asOwner("update audit_entry set reason = null where node = 'one' and number = 5");
  assert.equal((await verifyAuditTrail(database)).whole, true);
  await asOwner("delete from audit_entry where node = 'two' and number = 7");
  assert.match((await verifyAuditTrail(database)).problems.join('\n'), /two 8: entries before it are missing/);
  // A node that starts looks at the chains of all others, however the two above took turns.
  await openAuditTrail(database, 'three', () => new Date()).record(event('session of the third'));
  await asOwner("delete from audit_entry where node = 'two'");
  assert.match((await verifyAuditTrail(database)).problems.join('\n'), /the chain of two was cut or rewritten/);
});
