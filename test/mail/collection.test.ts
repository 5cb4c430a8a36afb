import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ImapFlow } from 'imapflow';
import { makeSpoolFolder } from '../../src/bytes/spool.ts';
import { readConfig } from '../../src/config.ts';
import type { Collection } from '../../src/generated/prisma/client.ts';
import { connectMailbox } from '../../src/mail/imap-connection.ts';
import type { WirePlace } from '../../src/mail/wire.ts';
import { openAuditTrail } from '../../src/services/audit.ts';
import { collectClaimed } from '../../src/services/collection/collecting.ts';
import { claimCollection } from '../../src/services/collection/collection-claims.ts';
import { sealPassword } from '../../src/services/collection/collection-password.ts';
import { connectDatabase, type Database } from '../../src/services/database/connect.ts';
import { type Pop3Only, startPop3Only } from '../../testbed/pop3-only.ts';
import type { World } from '../../testbed/world.ts';
import { databasePart, persistently, serverPart } from '../support/chaos.ts';
import { OddPop3 } from '../support/odd-pop3.ts';
import { startTestWorld } from '../support/world.ts';
import { eventually } from './testbed-support.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const LOGIN = 'alain.old@tcn.b.eu-admin.net';
const PASSWORD = 'old-mailbox-secret';
const MESSAGES = process.env['SEALPOST_LONG'] ? 5_000 : 500;
const KILLS = process.env['SEALPOST_LONG'] ? 200 : 20;

describe('POP3', () => {
  let world: World;
  let old: Pop3Only;
  let database: Database;
  let accountId: string;
  before(async () => {
    world = await startTestWorld({ network: 168 });
    database = connectDatabase(world.postgres.connectionString);
    old = await startPop3Only({ folder: path.join(world.folder, 'pop3-only'), address: '127.168.9.9' });
    await old.addMailbox(LOGIN, PASSWORD);
    const account = await database.prisma.account.findFirstOrThrow({
      where: { addressKey: world.people.alain.address.toLowerCase() },
    });
    accountId = account.id;
    const { countryId } = account;
    const { caPem, host, port, tls, serverName } = old.place;
    await database.prisma.pop3Server.create({
      data: { ...{ countryId, host, port, tls, serverName, caPem }, changedAt: new Date() },
    });
  });
  after(async () => {
    for (const child of collectors) child.kill('SIGKILL');
    await old?.stop();
    await database?.close();
    await world?.stop();
  });

  const config = () => readConfig({ ...world.environment, DATA_FOLDER: world.folder, LOG_LEVEL: 'silent' });

  /** As the clerk's page does it. */
  async function switchOn(password = PASSWORD, more: Partial<Collection> = {}): Promise<void> {
    const server = await database.prisma.pop3Server.findFirstOrThrow();
    const sealed = sealPassword(config(), password, { accountId, login: LOGIN, server });
    const data = {
      ...{ serverId: server.id, state: 'on' as const, login: LOGIN, ...sealed },
      ...{ leave: 'delete' as const, dueAt: new Date(0), claim: null, claimedUntil: null, refusals: 0, ...more },
    };
    await database.prisma.collection.upsert({ where: { accountId }, create: { accountId, ...data }, update: data });
  }

  const row = () => database.prisma.collection.findUniqueOrThrow({ where: { accountId } });

  /** One round, here and now. */
  async function collect(now = () => new Date(), stopping?: AbortSignal) {
    const settings = config();
    makeSpoolFolder(settings.spoolFolder);
    await database.prisma.collection.updateMany({ data: { dueAt: new Date(0) } });
    const claim = await claimCollection(database, { leaseMs: 20_000, at: now() });
    assert.ok(claim, 'something is due');
    const audit = openAuditTrail(database, 'test', now);
    return collectClaimed({ config: settings, database, audit, now }, claim, stopping);
  }

  /** Hashes of all that lies in a folder, sorted. */
  async function hashesIn(folder: string): Promise<string[]> {
    const service = world.testbed.countries.b.service ?? assert.fail();
    const credential = { ...service, authorizationUser: world.people.alain.address };
    const connected = await connectMailbox(world.testbed.countries.b.mailServer, credential);
    if (!connected.ok) assert.fail(connected.reason);
    const found = await connected.connection.inFolder(folder, null, async ({ client }) => {
      const hashes: string[] = [];
      for await (const message of client.fetch('1:*', { uid: true, source: true })) {
        hashes.push(sha256(message.source ?? Buffer.alloc(0)));
      }
      return { ok: true, value: hashes.sort() };
    });
    await connected.connection.close();
    return found.ok ? found.value : [];
  }

  async function inMailbox(folder: string, act: (client: ImapFlow) => Promise<unknown>): Promise<void> {
    const service = world.testbed.countries.b.service ?? assert.fail();
    const credential = { ...service, authorizationUser: world.people.alain.address };
    const connected = await connectMailbox(world.testbed.countries.b.mailServer, credential);
    if (!connected.ok) assert.fail(connected.reason);
    await connected.connection.inFolder(folder, null, async ({ client }) => {
      await act(client);
      return { ok: true, value: null };
    });
    await connected.connection.close();
  }

  async function emptyInbox(): Promise<void> {
    await database.prisma.collection.deleteMany();
    await inMailbox('INBOX', (client) => client.messageDelete('1:*'));
  }

  async function useServer({ host, port, tls, serverName, caPem }: WirePlace): Promise<void> {
    await database.prisma.pop3Server.updateMany({ data: { host, port, tls, serverName, caPem } });
  }

  const countStored = () => database.prisma.collectedMessage.count({ where: { state: 'stored' } });
  /** Pauses after failures are proved elsewhere. */
  const retry = () =>
    database.prisma.collection.updateMany({ where: { failures: { gt: 0 } }, data: { dueAt: new Date(0) } });

  it('T23 collects byte for byte, dots and long lines and 50 MB too, and deletes what is stored', async () => {
    const large = Buffer.concat([
      Buffer.from('Subject: large\r\n\r\n'),
      Buffer.alloc(50 * 1024 * 1024, `${'x'.repeat(76)}\r\n`),
      Buffer.from('\r\n'),
    ]);
    const messages = [
      Buffer.from('Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\nend\r\n'),
      Buffer.from(`Subject: long line\r\n\r\n${'y'.repeat(200_000)}\r\n.${'z'.repeat(200_000)}\r\n`),
      Buffer.from('Subject: many lines at the end\r\n\r\n\r\n\r\n\r\n'),
      Buffer.from('Subject: no text\r\n'),
      Buffer.concat([Buffer.from('Subject: octets\r\n\r\n'), Buffer.from(eightBits()), Buffer.from('\r\n')]),
      large,
    ];
    await old.deliver(LOGIN, messages);
    await switchOn();
    const round = await collect();
    assert.deepEqual(round, { outcome: 'ok', collected: 6, deleted: 6, signedIn: true });
    assert.deepEqual(await hashesIn('INBOX'), messages.map(sha256).sort());
    assert.equal(await old.count(LOGIN), 0);
    assert.equal((await row()).totalCount, 6);
    await emptyInbox();
  });

  it('T23 leaves messages on the server for good, or for some days, and collects none twice', async () => {
    const messages = [1, 2, 3].map((number) => Buffer.from(`Subject: left ${number}\r\n\r\nGood morning.\r\n`));
    await old.deliver(LOGIN, messages);
    await switchOn(PASSWORD, { leave: 'keep' });
    assert.equal((await collect())?.collected, 3);
    assert.equal((await collect())?.collected, 0);
    assert.equal(await old.count(LOGIN), 3);
    await switchOn(PASSWORD, { leave: 'days', leaveDays: 7 });
    assert.equal((await collect())?.deleted, 0);
    const later = new Date(Date.now() + 8 * 24 * 3_600_000);
    assert.deepEqual(await collect(() => later), { outcome: 'ok', collected: 0, deleted: 3, signedIn: true });
    assert.equal(await old.count(LOGIN), 0);
    assert.equal((await hashesIn('INBOX')).length, 3);
    await emptyInbox();
  });

  it('T23 a node that stops gives the mailbox back at once, and another one goes on', async () => {
    await old.deliver(LOGIN, [Buffer.from('Subject: for the next node\r\n\r\nGood morning.\r\n')]);
    await switchOn();
    await collect(() => new Date(), AbortSignal.abort());
    const { claim, claimedUntil, outcome } = await row();
    assert.deepEqual({ claim, claimedUntil, outcome }, { claim: null, claimedUntil: null, outcome: null });
    assert.equal((await collect())?.collected, 1);
    await emptyInbox();
  });

  it('T23 a full mailbox keeps everything at the other server, and is said', async () => {
    const { prisma } = database;
    await prisma.account.update({ where: { id: accountId }, data: { quotaMb: 1 } });
    const half = (name: string) =>
      Buffer.concat([
        Buffer.from(`Subject: ${name}\r\n\r\n`),
        Buffer.alloc(6_000_000, 'filling line\r\n'),
        Buffer.from('\r\n'),
      ]);
    await old.deliver(LOGIN, [half('one'), half('two'), half('three')]);
    await switchOn();
    const round = await collect();
    assert.equal(round?.outcome, 'over-quota');
    assert.equal((await row()).outcome, 'over-quota');
    assert.equal(3 - (round?.deleted ?? 0), await old.count(LOGIN));
    assert.equal((await hashesIn('INBOX')).length, round?.collected);
    await prisma.account.update({ where: { id: accountId }, data: { quotaMb: 1024 } });
    await eventually('room again', async () => (await collect())?.outcome === 'ok');
    assert.equal((await hashesIn('INBOX')).length, 3);
    assert.equal(await old.count(LOGIN), 0);
    await emptyInbox();
  });

  it('T23 a wrong password is tried three times and is then no longer kept', async () => {
    await switchOn('wrong');
    for (const state of ['on', 'on', 'stopped']) {
      assert.equal((await collect())?.outcome, 'refused');
      assert.equal((await row()).state, state);
    }
    assert.equal((await row()).sealedPassword, null);
    assert.equal(await claimCollection(database, { leaseMs: 1000, at: new Date('2030-01-01') }), null);
    const trail = await database.prisma.auditEntry.findMany({ where: { action: 'collection' } });
    assert.ok(trail.some(({ reason }) => reason === 'collection-stopped collection-refused'));
    assert.doesNotMatch(JSON.stringify(trail.map(({ reason, object }) => [reason, object])), /wrong"|secret/);
    await emptyInbox();
  });

  it('T23 a password that was given for one server is never sent to another', async () => {
    await switchOn();
    await database.prisma.pop3Server.updateMany({ data: { serverName: 'evil.tcn.b.eu-admin.net' } });
    assert.equal((await collect())?.outcome, 'no-password');
    assert.equal((await row()).state, 'stopped');
    await database.prisma.pop3Server.updateMany({ data: { serverName: old.place.serverName } });
    await emptyInbox();
  });

  describe('from a server that does not keep its word', () => {
    let odd: OddPop3;
    before(async () => {
      odd = await OddPop3.start(path.join(world.folder, 'odd-pop3'));
      await useServer(odd.place);
    });
    beforeEach(async () => {
      odd.messages = [];
      await emptyInbox();
    });
    after(async () => {
      odd?.stop();
      await emptyInbox();
      await useServer(old.place);
    });
    const message = (text: string) => Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`);

    it('T23 nothing is collected without UIDLs, and the reason is said', async () => {
      odd.messages = [{ uidl: 'a', bytes: message('one') }];
      odd.knowsUidl = false;
      await switchOn();
      assert.equal((await collect())?.outcome, 'no-uidl');
      assert.deepEqual([(await row()).state, (await row()).outcome], ['stopped', 'no-uidl']);
      assert.deepEqual(await hashesIn('INBOX'), []);
      odd.knowsUidl = true;
    });

    it('T23 what a server gives other names is not brought again, and collecting stops', async () => {
      const texts = ['one', 'two', 'three', 'four'];
      odd.messages = texts.map((text) => ({ uidl: `a-${text}`, bytes: message(text) }));
      await switchOn(PASSWORD, { leave: 'keep' });
      assert.equal((await collect())?.collected, 4);
      odd.messages = texts.map((text) => ({ uidl: `b-${text}`, bytes: message(text) }));
      assert.deepEqual(await collect(), { outcome: 'uidl-unstable', collected: 0, deleted: 0, signedIn: true });
      assert.equal((await row()).state, 'stopped');
      assert.equal((await hashesIn('INBOX')).length, 4);
    });

    it('T23 one name for equal messages brings one of them, one name for different ones brings both', async () => {
      odd.messages = [
        { uidl: 'same', bytes: message('equal') },
        { uidl: 'same', bytes: message('equal') },
        { uidl: 'twice', bytes: message('one') },
        { uidl: 'twice', bytes: message('two') },
      ];
      await switchOn(PASSWORD, { leave: 'keep' });
      assert.equal((await collect())?.outcome, 'ok');
      assert.equal((await collect())?.collected, 0);
      const wanted = ['equal', 'one', 'two'].map((text) => sha256(message(text))).sort();
      assert.deepEqual(await hashesIn('INBOX'), wanted);
      await switchOn(PASSWORD, { leave: 'delete' });
      for (let rounds = 0; rounds < 2; rounds++) await collect();
      assert.deepEqual(odd.messages, []);
      assert.deepEqual(await hashesIn('INBOX'), wanted);
    });

    it('T23 a name that is given to another message later has that one collected before it is deleted', async () => {
      odd.keepsDeleted = true;
      odd.messages = [{ uidl: '1', bytes: message('one') }];
      await switchOn();
      assert.equal((await collect())?.collected, 1);
      odd.keepsDeleted = false;
      odd.messages = [{ uidl: '1', bytes: message('two') }];
      assert.deepEqual(await collect(), { outcome: 'ok', collected: 1, deleted: 1, signedIn: true });
      assert.deepEqual(await hashesIn('INBOX'), ['one', 'two'].map((text) => sha256(message(text))).sort());
    });

    it('T23 a message that breaks off is not stored, and comes whole next time', async () => {
      odd.messages = ['one', 'two'].map((text) => ({ uidl: text, bytes: message(text) }));
      await switchOn();
      for (const failures of [1, 2]) {
        odd.cutAt = 20;
        assert.equal((await collect())?.outcome, 'closed');
        assert.equal((await row()).failures, failures, 'further and further apart');
      }
      assert.deepEqual(await hashesIn('INBOX'), []);
      assert.equal(odd.messages.length, 2);
      assert.equal((await collect())?.collected, 2);
      assert.deepEqual(odd.messages, []);
      const large = Buffer.concat([message('large'), Buffer.alloc(1_000_000, 'line\r\n'), Buffer.from('\r\n')]);
      odd.messages = [
        { uidl: 'three', bytes: message('three') },
        { uidl: 'large', bytes: large },
      ];
      odd.cutAfter = 1;
      await database.prisma.collection.updateMany({ data: { outcome: 'closed', failures: 9 } });
      assert.equal((await collect())?.outcome, 'closed');
      assert.equal((await row()).failures, 1, 'something came: it is asked again soon');
    });

    it('T23 what no mailbox can hold unchanged stays where it is', async () => {
      odd.messages = [
        { uidl: 'zero', bytes: Buffer.from('Subject: zero\r\n\r\n\0\r\n') },
        { uidl: 'good', bytes: message('good') },
      ];
      await switchOn();
      assert.deepEqual(await collect(), { outcome: 'ok', collected: 1, deleted: 1, signedIn: true });
      assert.deepEqual(
        odd.messages.map(({ uidl }) => uidl),
        ['zero'],
      );
      const refused = await database.prisma.collectedMessage.findFirstOrThrow({ where: { state: 'refused' } });
      assert.deepEqual([refused.uidl, refused.reason], ['zero', 'zero-byte']);
    });

    it('T23 a message that was stored and not written down is found again, also where its holder moved it', async () => {
      odd.messages = ['one', 'two', 'three'].map((text) => ({ uidl: text, bytes: message(text) }));
      await switchOn(PASSWORD, { leave: 'keep' });
      assert.equal((await collect())?.collected, 3);
      const forgetThatItCame = (uidl: string) =>
        database.prisma.collectedMessage.updateMany({ where: { uidl }, data: { state: 'appending', storedAt: null } });
      await forgetThatItCame('two');
      assert.deepEqual(await collect(), { outcome: 'ok', collected: 1, deleted: 0, signedIn: true });
      assert.equal((await hashesIn('INBOX')).length, 3);
      await forgetThatItCame('three');
      await inMailbox('INBOX', (client) => client.messageMove('3', 'Archive'));
      assert.equal((await collect())?.collected, 1);
      assert.equal((await hashesIn('INBOX')).length, 2);
      assert.equal((await hashesIn('Archive')).length, 1);
      // Ended before it was sent: it is in no folder, and comes now.
      await forgetThatItCame('one');
      await inMailbox('INBOX', (client) => client.messageDelete('1'));
      assert.equal((await collect())?.collected, 1);
      assert.equal((await hashesIn('INBOX')).length, 2);
      await inMailbox('Archive', (client) => client.messageDelete('1:*'));
    });
  });

  it(`T23 ${MESSAGES} messages arrive once each through ${KILLS} kills of the node, the servers and the database`, async () => {
    const random = seeded(20261128);
    const messages = Array.from({ length: MESSAGES }, (_, number) => written(number, random));
    await old.deliver(LOGIN, messages);
    await switchOn();
    const begun = performance.now();
    let node = await startCollector(world);
    const parts = [serverPart(world, 'dovecot-b', 'mailbox server'), databasePart(world)];
    let [nodes, servers, others, onTheWay] = [0, 0, 0, 0];
    let before = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      // Somewhere within what the next messages take, each with some writes in the database and answers of two servers.
      const until = before + 1 + Math.floor(random() * (MESSAGES / KILLS));
      const isFurther = async () => (await retry()) && (await countStored()) >= Math.min(until, MESSAGES);
      await eventually('progress', isFurther, 60_000).catch(async (error) => {
        const { state, outcome, failures, refusals } = await row();
        throw new Error(`after ${kill} kills: ${JSON.stringify({ state, outcome, failures, refusals })}`, {
          cause: error,
        });
      });
      await sleep(random() * 20);
      if (kill % 4 === 3) {
        await old.kill();
        servers += 1;
        // Processes of the killed one may last a moment longer than it.
        await persistently(() => old.start());
        await retry();
      } else if (kill % 4 === 1) {
        const part = parts[(kill >> 2) % parts.length] ?? assert.fail();
        await part.kill();
        await part.start();
        others += 1;
      } else {
        node.child.kill('SIGKILL');
        await node.ended;
        nodes += 1;
        onTheWay += await database.prisma.collectedMessage.count({ where: { state: 'appending' } });
        node = await startCollector(world);
      }
      before = await countStored();
    }
    await eventually(
      'everything collected',
      async () => {
        await retry();
        return (await old.count(LOGIN)) === 0;
      },
      600_000,
    );
    node.child.kill('SIGKILL');
    await node.ended;
    const found = await hashesIn('INBOX');
    const wanted = messages.map(sha256).sort();
    const doubles = found.length - new Set(found).size;
    const lost = wanted.filter((hash) => !found.includes(hash)).length;
    const settled = await database.prisma.collectedMessage.groupBy({ by: ['state'], _count: true });
    console.log(
      `T23: ${MESSAGES} messages, ${nodes} kills of the node (${onTheWay} with a message on its way), ${servers} of the POP3 server and ` +
        `${others} of the mailbox server and the database, ` +
        `${found.length} in the mailbox, ${doubles} twice, ${lost} lost, ${Math.round((performance.now() - begun) / 1000)} s`,
    );
    assert.deepEqual(found, wanted);
    assert.ok(onTheWay > 0, 'some kills meet a message on its way');
    assert.ok(settled.every(({ state }) => state !== 'refused'));
    await emptyInbox();
  });

  it('T23 hosted mailboxes answer classic clients by POP3S with UIDLs that stay, and take no password in clear', async () => {
    const { pop3, mailServer } = world.testbed.countries.b;
    const { address, password } = world.people.alain;
    const ca = path.join(world.folder, 'pop3-ca.pem');
    fs.writeFileSync(ca, mailServer.caPem ?? '');
    const curl = (where: string, ...more: string[]) =>
      run('curl', [
        ...['--silent', '--show-error', '--cacert', ca, '--user', `${address}:${password}`],
        ...['--connect-to', `::${pop3.host}:${pop3.port}`, ...more, `pop3s://${mailServer.serverName}/${where}`],
      ]);
    await old.deliver(LOGIN, [Buffer.from('Subject: to a classic client\r\n\r\nGood morning.\r\n')]);
    await switchOn();
    assert.equal((await collect())?.collected, 1);
    const uidls = (await curl('', '--request', 'UIDL')).stdout;
    assert.match(uidls, /^1 [0-9a-f]{16}\s*$/);
    assert.match((await curl('1')).stdout, /^Subject: to a classic client\r\n\r\nGood morning\.\r\n/);
    await world.testbed.stopServer('dovecot-b');
    await world.testbed.startServer('dovecot-b');
    assert.equal((await curl('', '--request', 'UIDL')).stdout, uidls);
    const plain = await run('curl', [
      ...['--silent', '--show-error', '--user', `${address}:${password}`, `pop3://${pop3.host}:110/`],
    ]).catch((error: { code: number }) => error);
    assert.equal((plain as { code?: number }).code, 7, 'nobody listens on port 110');
    await emptyInbox();
  });
});

const collectors: ChildProcess[] = [];

async function startCollector(world: World) {
  const child = spawn(process.execPath, ['test/support/collecting-node.ts'], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...world.environment, DATA_FOLDER: world.folder, NODE_NAME: 'collector' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  collectors.push(child);
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return { child, ended };
}

function written(number: number, random: () => number): Buffer {
  const lines = Array.from({ length: Math.floor(random() * 60) }, () => {
    const text = Buffer.from(Array.from({ length: 30 }, () => Math.floor(random() * 256))).toString('base64');
    return random() < 0.1 ? `.${text}` : text;
  });
  // Every tenth is as another but for its number at the end.
  return Buffer.from([`Subject: message ${number}`, '', ...lines, `${number}`, ''].join('\r\n'));
}

function eightBits(): number[] {
  return Array.from({ length: 255 }, (_, index) => index + 1).filter((byte) => byte !== 10 && byte !== 13);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
