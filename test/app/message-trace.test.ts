import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { collectLogs } from '../../src/services/tracing/collect-logs.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let world: TestApp;
let folder: string;
let file: string;
let queue = 0;

before(async () => {
  world = await startTestApp();
});
after(() => world?.stop());
beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-log-'));
  file = path.join(folder, 'relay.log');
  await world.database.prisma.relayLogLine.deleteMany();
  await world.database.prisma.relayLogPlace.deleteMany();
});

const needs = () => ({
  config: { relayLogs: [{ relay: 'relay2', file }] },
  database: world.database,
  now: () => new Date(),
});

/** All lines that a relay writes about one message. */
function life(messageId: string, queueId = `4jbx${++queue}f51fbzJnJJ`): string {
  const at = new Date(Date.now() - 60_000).toISOString().replace('Z', '+00:00');
  const to = 'to=<marta.klein@tcn.d.eu-admin.net>';
  return [
    `relay/smtpd[1]: ${queueId}: client=mail.tcn.b.eu-admin.net[192.0.2.2]`,
    `relay/cleanup[1]: ${queueId}: message-id=${messageId}`,
    `relay/qmgr[1]: ${queueId}: from=<alain.dupont@tcn.b.eu-admin.net>, size=961, nrcpt=1 (queue active)`,
    `relay/smtp[1]: ${queueId}: ${to}, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to 192.0.2.3: refused)`,
    `relay/smtp[1]: ${queueId}: ${to}, relay=192.0.2.3[192.0.2.3]:25, delay=3, delays=3/0/0/0, dsn=2.0.0, status=sent (250 Ok: queued as NEXT)`,
    `relay/qmgr[1]: ${queueId}: removed`,
  ]
    .map((line) => `${at} relay ${line}\n`)
    .join('');
}

const count = () => world.database.prisma.relayLogLine.count();
const place = () => world.database.prisma.relayLogPlace.findUniqueOrThrow({ where: { relay: 'relay2' } });

test('T24 a log is read on from where it was left, line by whole line, and none of them twice', async () => {
  const one = life('<one@b>');
  fs.writeFileSync(file, one.slice(0, -10));
  await collectLogs(needs());
  assert.equal(await count(), 5, 'the last line has no end yet');
  fs.writeFileSync(file, one + life('<two@b>'));
  await Promise.all([collectLogs(needs()), collectLogs(needs()), collectLogs(needs())]);
  await collectLogs(needs());
  assert.equal(await count(), 12);
});

test('T24 a rotated log is read to its end before the new one, and what cannot be found is said', async () => {
  fs.writeFileSync(file, life('<one@b>'));
  await collectLogs(needs());
  fs.appendFileSync(file, life('<two@b>'));
  fs.renameSync(file, `${file}.1`);
  fs.writeFileSync(file, life('<three@b>'));
  await collectLogs(needs());
  assert.equal(await count(), 18);
  assert.equal((await place()).gapAt, null);
  fs.writeFileSync(file, life('<four@b>'));
  fs.rmSync(`${file}.1`);
  await collectLogs(needs());
  assert.equal(await count(), 24);
  assert.notEqual((await place()).gapAt, null);
});

test('T24 a log that is not there is said on the page, and read when it is back', async () => {
  await collectLogs(needs());
  assert.equal((await place()).failure, 'ENOENT');
  fs.writeFileSync(file, life('<one@b>'));
  await collectLogs(needs());
  assert.equal((await place()).failure, null);
  assert.equal(await count(), 6);
});

test('T24 lines are kept for ninety days', async () => {
  fs.writeFileSync(file, life('<one@b>'));
  await collectLogs(needs());
  await collectLogs({ ...needs(), now: () => new Date(Date.now() + 91 * 86_400_000) });
  assert.equal(await count(), 0);
});

test('T24 the central administrator sees each hop by the Message-ID, and nobody else’s messages of a used-again queue id', async () => {
  fs.writeFileSync(file, life('<one@b>', 'AB12CD') + life('<two@b>', 'AB12CD'));
  await collectLogs(needs());
  const carla = await enteredAdministrator(world, world.alain, 'central');
  const page = await carla.get(`/administration/message-trace?message=${encodeURIComponent(' two@b ')}`);
  assert.equal(page.status, 200);
  assert.match(page.body, /From mail\.tcn\.b\.eu-admin\.net\[192\.0\.2\.2\]/);
  assert.match(page.body, /250 Ok: queued as NEXT/);
  assert.match(page.body, /connect to 192\.0\.2\.3: refused/);
  assert.equal(page.body.match(/Handed on/g)?.length, 1, 'only of this message');
  const trail = await world.database.prisma.auditEntry.findFirst({
    where: { reason: 'message-traced' },
    orderBy: { id: 'desc' },
  });
  assert.equal(trail?.object, '<two@b>');
  const nothing = await carla.get('/administration/message-trace?message=nobody@nowhere');
  assert.match(nothing.body, /No relay saw this message/);
  const wrong = await carla.get('/administration/message-trace?message=a+b');
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /value="a b"/);
});

test('T24 what a relay wrote is text on the page, whatever stands in it', async () => {
  const hostile = life('<x@b>').replace('250 Ok: queued as NEXT', '250 <script>alert(1)</script>');
  fs.writeFileSync(file, hostile);
  await collectLogs(needs());
  const carla = await enteredAdministrator(world, world.alain, 'central');
  const page = await carla.get('/administration/message-trace?message=x@b');
  assert.match(page.body, /250 &lt;script&gt;/);
});
