import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Node } from '../../src/server.ts';
import { saveMailServer } from '../../src/services/accounts/programmes.ts';
import { connectDatabase } from '../../src/services/database/connect.ts';
import { makeCertificates } from '../../testbed/certificates.ts';
import type { World } from '../../testbed/world.ts';
import { signInAs, Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

let world: World;
let node: Node;
before(async () => {
  world = await startTestWorld();
  node = await startTestNode(world, { SIGN_IN_LIMIT: '100' });
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

async function attempt(address: string, password: string) {
  const visitor = new Visitor(node.url);
  await visitor.get('/sign-in');
  const startedMs = performance.now();
  const answer = await visitor.post('/sign-in', { address, password });
  const alert = /role="alert">(?:<svg.*?<\/svg>)?\s*<p>([^<]*)</s.exec(answer.text)?.[1]?.trim() ?? '';
  return { ...answer, alert, ms: performance.now() - startedMs };
}

test('T01 clerks of a hosted country and of one with its own server sign in with their mailbox password', async () => {
  for (const person of [world.people.alain, world.people.marta]) {
    const visitor = await signInAs(node.url, person);
    const page = await visitor.get('/mail');
    assert.equal(page.status, 200);
    assert.ok(page.text.includes(person.address));
  }
  // T02: the address is compared ignoring case
  await signInAs(node.url, { ...world.people.alain, address: world.people.alain.address.toUpperCase() });
});

test('a wrong password and an address that is not listed get the same answer after the same time', async () => {
  const wrong = await attempt(world.people.alain.address, 'wrong password');
  const unknown = await attempt('Nobody.Here@tcn.b.eu-admin.net', 'wrong password');
  // An account of the country's own server that was never listed may not sign in (T01), whatever its password is.
  await world.testbed.addOwnAccount('d', 'Not.Listed@tcn.d.eu-admin.net', 'right-password-there');
  const unlisted = await attempt('Not.Listed@tcn.d.eu-admin.net', 'right-password-there');
  for (const answer of [wrong, unknown, unlisted]) {
    assert.equal(answer.status, 401);
    assert.equal(answer.alert, wrong.alert);
    assert.ok(answer.ms >= 300, 'held back');
  }
  assert.match(wrong.text, new RegExp(`value="${world.people.alain.address}"`), 'the address is kept');
});

test('a mail server that is down is said, and the password is not blamed', async () => {
  await world.testbed.stopServer('dovecot-d');
  const answer = await attempt(world.people.marta.address, world.people.marta.password);
  await world.testbed.startServer('dovecot-d');
  assert.equal(answer.status, 502);
  assert.match(answer.alert, /does not answer/);
  await signInAs(node.url, world.people.marta);
});

test('a server whose certificate is not the one expected gets no password', async () => {
  const { d } = world.testbed.countries;
  const database = connectDatabase(world.postgres.connectionString);
  const server = { ...d.mailServer, name: `mail.${d.domain}`, hosted: false };
  const other = await makeCertificates(`${world.folder}/other-tls`, [
    { hostName: 'other.example', address: '127.0.0.1' },
  ]);
  try {
    await saveMailServer(database, { ...server, caPem: other.caPem });
    const foreign = await attempt(world.people.marta.address, world.people.marta.password);
    assert.equal(foreign.status, 502);
    assert.match(foreign.alert, /not secure/);
    await saveMailServer(database, { ...server, serverName: 'mail.somebody-else.example' });
    const misnamed = await attempt(world.people.marta.address, world.people.marta.password);
    assert.match(misnamed.alert, /not secure/);
  } finally {
    await saveMailServer(database, server);
    await database.close();
  }
  await signInAs(node.url, world.people.marta);
});

test('any node serves a session, and sign-out ends it on all of them', async () => {
  const second = await startTestNode(world, { NODE_NAME: 'second' });
  try {
    const visitor = await signInAs(node.url, world.people.alain);
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const there = await fetch(`${second.url}/mail`, { headers: { cookie } });
    assert.equal(there.status, 200);
    assert.ok((await there.text()).includes(world.people.alain.address));
    await visitor.get('/settings');
    const out = await visitor.post('/sign-out');
    assert.equal(out.url, '/sign-in');
    const after = await fetch(`${second.url}/settings`, { headers: { cookie }, redirect: 'manual' });
    assert.equal(after.status, 302);
  } finally {
    await second.stop();
  }
});

test('whoever signs in again ends the session that the browser had before', async () => {
  const visitor = await signInAs(node.url, world.people.alain);
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  await visitor.get('/settings');
  await visitor.post('/sign-in', { address: world.people.alain.address, password: world.people.alain.password });
  const before = await fetch(`${node.url}/settings`, { headers: { cookie }, redirect: 'manual' });
  assert.equal(before.status, 302);
  assert.equal((await visitor.get('/settings')).url, '/settings');
});

test('one IMAP connection is kept for a session and closed at sign-out', async () => {
  const before = node.context.mail.size;
  const visitor = await signInAs(node.url, world.people.alain);
  for (const path of ['/mail', '/settings', '/contacts']) await visitor.get(path);
  assert.equal(node.context.mail.size, before + 1);
  await visitor.post('/sign-out');
  assert.equal(node.context.mail.size, before);
});
