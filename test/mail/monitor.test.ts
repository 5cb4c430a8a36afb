import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { probeRelay } from '../../src/mail/probe-server.ts';
import type { Node } from '../../src/server.ts';
import type { WatchedKind } from '../../src/services/monitor/watched.ts';
import type { ServerName } from '../../testbed/testbed.ts';
import type { World } from '../../testbed/world.ts';
import { spawnTestNode, startTestNode, startTestWorld } from '../support/world.ts';

const NETWORK = 171;

let world: World;
let node: Node;
before(async () => {
  world = await startTestWorld({ network: NETWORK, relays: 'all', dnsTtlSeconds: 1 });
  // two resolvers, so that names go on while one is away
  const second = `127.${NETWORK}.53.3`;
  node = await startTestNode(world, {
    ...{ MONITOR_SECONDS: '1', ALERT_AFTER_SECONDS: '4', RETRY_SECONDS: '1' },
    DNS_SERVERS: `${world.environment['DNS_SERVERS']},${second}`,
  });
  await node.context.database.prisma.account.update({
    where: { addressKey: world.people.marta.address.toLowerCase() },
    data: { role: 'country', locale: 'de' },
  });
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

async function eventually<T>(what: string, look: () => Promise<T | null | undefined | false>): Promise<T> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > endMs) assert.fail(`${what} within 60 s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const failing = async () => {
  const rows = await node.context.database.prisma.monitorTarget.findMany({ where: { state: 'failed' } });
  return rows.map(({ kind, about }) => `${kind} ${about}`).sort();
};

const inState = (kind: WatchedKind, about: string, state: string) =>
  eventually(`${kind} ${about} ${state}`, () =>
    node.context.database.prisma.monitorTarget.findFirst({ where: { kind, about, state } }),
  );

/** Texts of the messages that really lie in a mailbox. */
async function mailOf(address: string): Promise<string[]> {
  const folder = world.testbed.mailboxFolder(address);
  const texts: string[] = [];
  for (const part of ['new', 'cur']) {
    for (const name of await readdir(path.join(folder, part)).catch(() => []))
      texts.push(decoded(await readFile(path.join(folder, part, name), 'utf8')));
  }
  return texts;
}

function decoded(text: string): string {
  return text
    .replace(/=\r?\n/g, '')
    .replace(/(?:=[0-9A-F]{2})+/g, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString());
}

const mailAbout = (address: string, words: RegExp) =>
  eventually(`a mail to ${address} with ${words}`, async () =>
    (await mailOf(address)).find((text) => words.test(text)),
  );

async function without(server: ServerName, during: () => Promise<unknown>): Promise<void> {
  await world.testbed.stopServer(server);
  try {
    await during();
  } finally {
    await world.testbed.startServer(server);
  }
}

test('T24 everything of the network is watched and works', async () => {
  await eventually('a look at all', async () => (await node.context.database.prisma.monitorTarget.count()) >= 24);
  await eventually('all in order', async () => (await failing()).length === 0);
  const rows = await node.context.database.prisma.monitorTarget.groupBy({ by: ['kind'], _count: true });
  const counts = Object.fromEntries(rows.map(({ kind, _count }) => [kind, _count]));
  const each = {
    'name-server': 1,
    relay: 4,
    'relay-scanner': 4,
    resolver: 2,
    names: 2,
    imap: 2,
    submission: 2,
    incoming: 2,
    pop3: 1,
  };
  assert.deepEqual(counts, { clock: 1, database: 1, queue: 1, scanner: 1, ...each });
});

test('T24 a relay, its scanner and a resolver that are stopped are found, one by one, and found working again', async () => {
  const domain = 'relay4.eu-admin.net';
  await without('scanner-relay4', async () => {
    const found = await inState('relay-scanner', domain, 'failed');
    assert.match(JSON.stringify(found.line), /451 4\.7\.1/);
    assert.deepEqual(await failing(), [`relay-scanner ${domain}`]);
  });
  await inState('relay-scanner', domain, 'ok');
  await without('relay4', async () => {
    await inState('relay', domain, 'failed');
    await inState('relay-scanner', domain, 'unknown');
  });
  await inState('relay', domain, 'ok');
  await inState('relay-scanner', domain, 'ok');
  await without('resolver-d', async () => {
    await inState('resolver', `127.${NETWORK}.53.3`, 'failed');
  });
  await inState('resolver', `127.${NETWORK}.53.3`, 'ok');
});

test('T30 T24 a clamd that is dead behind a running milter is found by a test message, and found working again', async () => {
  const domain = 'relay4.eu-admin.net';
  const before = await inState('relay-scanner', domain, 'ok');
  assert.match(JSON.stringify(before.line), /"code":"scanned"/);
  await world.testbed.killServer('clamd-relay4');
  try {
    const found = await inState('relay-scanner', domain, 'failed');
    assert.match(JSON.stringify(found.line), /"code":"scanner-away"/);
    // the relay itself notices nothing before somebody's letter does
    assert.equal((await probeRelay(String(found.key.split(' ')[1]))).offer?.takes, true);
    assert.deepEqual(await failing(), [`relay-scanner ${domain}`]);
  } finally {
    await world.testbed.startServer('clamd-relay4');
  }
  await inState('relay-scanner', domain, 'ok');
});

test('T07 T24 a name server of the network that is down is found while the resolvers still answer for it', async () => {
  const { address } = world.testbed.dns;
  await without('dns', async () => {
    const { line } = await inState('name-server', address, 'failed');
    assert.match(JSON.stringify(line), /no-answer/);
    assert.deepEqual(await failing(), [`name-server ${address}`]);
  });
  await inState('name-server', address, 'ok');
});

test('T23 T24 POP3 for classic clients is looked at where mailboxes are hosted, its certificate too', async () => {
  const name = 'mail.tcn.b.eu-admin.net';
  const { line } = await inState('pop3', name, 'ok');
  assert.match(JSON.stringify(line), /"protocol":"TLSv1\.[23]"/);
  await without('dovecot-b', async () => {
    const { line: failed } = await inState('pop3', name, 'failed');
    assert.match(JSON.stringify(failed), /"code":"refused"/);
  });
  await inState('pop3', name, 'ok');
});

test("T24 a country's IMAP server that stays down is told by mail once, and once when it is back, in the administrator's language", async () => {
  const { carla, marta } = world.people;
  const name = 'mail.tcn.d.eu-admin.net';
  await without('dovecot-d', async () => {
    await inState('imap', name, 'failed');
    const told = await mailAbout(carla.address, /IMAP: mail\.tcn\.d\.eu-admin\.net does not work/);
    assert.match(told, /^Auto-Submitted: auto-generated\r?$/m);
    assert.match(told, /^Return-Path: <>\r?$/m);
    assert.match(told, /Tried: Connection to 127\.171\.1\.3, port 993, with TLS\./);
    assert.match(told, /Came back: The connection was refused/);
    assert.match(told, /What to do: Check the port, and that the server runs\./);
    const { id } = await inState('imap', name, 'failed');
    assert.ok(told.includes(`/administration/monitor/${id}`));
  });
  await inState('imap', name, 'ok');
  await mailAbout(carla.address, /IMAP: mail\.tcn\.d\.eu-admin\.net works again/);
  // hers came over the relays to a server that Sealpost does not sign in at; it was down itself meanwhile
  await mailAbout(marta.address, /Nachricht wurde von einem Programm geschrieben/);
  const all = (await mailOf(carla.address)).filter((text) => text.includes(`IMAP: ${name}`));
  assert.equal(all.filter((text) => /^Subject: .*does not work/m.test(text)).length, 1);
  assert.equal(all.filter((text) => /^Subject: .*works again/m.test(text)).length, 1);
});

test('T24 while mail itself is down an alert waits; it goes when mail is back, and tells how things stand then', async () => {
  const { prisma } = node.context.database;
  const { carla } = world.people;
  const name = 'mail.tcn.b.eu-admin.net';
  await without('mail-b', async () => {
    const { id } = await inState('submission', name, 'failed');
    const { id: incident } = await prisma.monitorIncident.findFirstOrThrow({ where: { targetId: id, endedAt: null } });
    const waiting = await eventually('an alert that cannot go', () =>
      prisma.monitorAlert.findFirst({ where: { sentAt: null, tries: { gt: 1 }, incidentIds: { has: incident } } }),
    );
    assert.match(waiting.failure, /ECONNREFUSED|connect|Connection/i);
  });
  await inState('submission', name, 'ok');
  await mailAbout(carla.address, /Submission: mail\.tcn\.b\.eu-admin\.net/);
  await eventually(
    'no alert that waits',
    async () => (await prisma.monitorAlert.count({ where: { sentAt: null } })) === 0,
  );
});

test('T24 a node that is told to end says that it is not ready while it still answers, then ends', async () => {
  const ending = await spawnTestNode(world, { DRAIN_SECONDS: '2' });
  const ready = () => fetch(`${ending.url}/health/ready`).then((answer) => answer.status);
  assert.equal(await ready(), 200);
  const ended = once(ending.child, 'exit');
  ending.child.kill('SIGTERM');
  await eventually('not ready', async () => (await ready()) === 503);
  assert.equal((await fetch(`${ending.url}/sign-in`)).status, 200);
  assert.deepEqual(await ended, [0, null]);
});

test('T24 a relay that says "later", hangs up or babbles after its greeting is told apart from one that takes letters', async () => {
  const answers: Record<string, (socket: net.Socket) => void> = {
    '127.171.9.2': (socket) => socket.end(),
    '127.171.9.3': (socket) => socket.write(`${'451 4.7.1 later '.repeat(40)}\r\n`),
    '127.171.9.4': (socket) => socket.write('421 go away\r\n'),
    '127.171.9.5': () => {},
    '127.171.9.6': (socket) => socket.write('250 2.1.0 Ok\r\n'),
  };
  const servers = await Promise.all(
    Object.entries(answers).map(async ([host, answer]) => {
      const polite = host !== '127.171.9.4';
      const server = net.createServer((socket) => {
        socket.on('error', () => {});
        socket.write('220 relay ESMTP\r\n');
        socket.on('data', (said) =>
          String(said).startsWith('EHLO') && polite ? socket.write('250 hello\r\n') : answer(socket),
        );
      });
      await new Promise<void>((resolve) => server.listen(25, host, resolve));
      return server;
    }),
  );
  try {
    for (const host of Object.keys(answers)) {
      const found = await probeRelay(host, 1000);
      assert.equal(found.probe.ok, true, host);
      assert.equal(found.offer?.takes, host === '127.171.9.6', `${host} ${found.offer?.answer}`);
      assert.ok((found.offer?.answer.length ?? 0) <= 200);
    }
    assert.equal((await probeRelay('127.171.9.9', 1000)).offer, null);
  } finally {
    for (const server of servers) server.close();
  }
});
