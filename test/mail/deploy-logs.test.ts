// The relay's log on its way to a node on another machine, as deploy/rsyslog-* and deploy/logrotate have it.
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fillIn, type Settings } from '../../deploy/render.ts';
import { submit } from '../../src/mail/submission.ts';
import type { Node } from '../../src/server.ts';
import { type CertificateFiles, makeCertificates } from '../../testbed/certificates.ts';
import type { World } from '../../testbed/world.ts';
import { until } from '../support/ready-clerk.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';
import { letter } from './testbed-support.ts';

const NETWORK = 184;
const DEPLOY = fileURLToPath(new URL('../../deploy', import.meta.url));
const RELAY = 'relay.eu-admin.net';
const STRANGER = 'stranger.eu-admin.net';
const RECEIVER = { LOG_RECEIVER: `127.${NETWORK}.0.10`, LOG_PORT: '2514', LOG_RECEIVER_NAME: 'node.eu-admin.net' };
const run = promisify(execFile);

let world: World;
let node: Node;
let certificates: CertificateFiles;
let received: string;
const running = new Map<string, { child: ChildProcess; said: string }>();

before(async () => {
  world = await startTestWorld({ network: NETWORK });
  received = path.join(world.folder, 'relays');
  certificates = await makeCertificates(path.join(world.folder, 'log-tls'), [
    { hostName: RELAY, address: `127.${NETWORK}.0.17`, isClient: true },
    { hostName: STRANGER, address: `127.${NETWORK}.0.99`, isClient: true },
    { hostName: RECEIVER.LOG_RECEIVER_NAME, address: RECEIVER.LOG_RECEIVER },
  ]);
  node = await startTestNode(world, { RELAY_LOGS: `relay=${path.join(received, `${RELAY}.log`)}` });
});
after(async () => {
  for (const name of [...running.keys()]) await end(name);
  await node?.stop();
  await world?.stop();
});

function certificateOf(hostName: string): Settings {
  const files = certificates.servers.get(hostName) ?? assert.fail(hostName);
  const { certificateFile: LOG_CERTIFICATE_FILE, privateKeyFile: LOG_PRIVATE_KEY_FILE } = files;
  return { LOG_CERTIFICATE_FILE, LOG_PRIVATE_KEY_FILE, LOG_CA_FILE: certificates.caFile };
}

/** Debian's rsyslogd with nothing but this file, in a folder of its own that it finds again when it starts again. */
function rsyslog(name: string, file: string, settings: Settings): void {
  const folder = path.join(world.folder, name);
  fs.mkdirSync(folder, { recursive: true });
  const written = fillIn(fs.readFileSync(path.join(DEPLOY, file), 'utf8'), settings);
  const here = written.replaceAll('/var/log/relays', received).replaceAll('"sealpost"', '"root"');
  const main = path.join(folder, 'rsyslog.conf');
  // rsyslog wants one input at least that is its own
  fs.writeFileSync(main, `global(workDirectory="${folder}")\nmodule(load="immark")\n${here}\n`);
  const child = spawn('/usr/sbin/rsyslogd', ['-n', '-f', main, '-i', path.join(folder, 'pid')]);
  const entry = { child, said: '' };
  child.stderr.on('data', (bytes) => {
    entry.said += bytes;
  });
  running.set(name, entry);
}

const startReceiver = () =>
  rsyslog('at-the-node', 'rsyslog-node/sealpost-node.conf', {
    ...RECEIVER,
    ...certificateOf(RECEIVER.LOG_RECEIVER_NAME),
    LOG_SENDERS: `"${RELAY}", "relay2.eu-admin.net"`,
  });

/** @param log of Postfix */
const startSender = (name: string, hostName: string, log: string) =>
  rsyslog(name, 'rsyslog-relay/sealpost-relay.conf', {
    ...RECEIVER,
    ...certificateOf(hostName),
    HOST_NAME: hostName,
    LOG_FOLDER: path.dirname(log),
    INSTANCE_NAME: path.basename(log, '.log'),
  });

async function end(name: string): Promise<void> {
  const { child } = running.get(name) ?? assert.fail(name);
  running.delete(name);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill()) await ended;
}

/** A letter over the relay; gives its Message-ID. */
async function send(): Promise<string> {
  const { alain, marta } = world.people;
  const messageId = randomUUID();
  const envelope = { from: alain.address, to: [marta.address], envelopeId: randomUUID() };
  const bytes = letter({ from: alain.address, to: marta.address, subject: 'logged', messageId });
  const credential = { user: alain.address, password: alain.password };
  const result = await submit(world.testbed.countries.b.mailServer, credential, envelope, [bytes]);
  assert.equal(result.outcome, 'accepted', result.answer);
  return `<${messageId}@test.invalid>`;
}

/** Until the node has in its database that the letter went on from the relay. */
const collected = (messageId: string) =>
  until(
    `the lines about ${messageId}`,
    async () => {
      const { prisma } = node.context.database;
      const named = await prisma.relayLogLine.findFirst({ where: { messageId } });
      if (named === null) return null;
      const lines = await prisma.relayLogLine.findMany({ where: { queueId: named.queueId } });
      return lines.some(({ text }) => text.includes('status=sent')) && lines.some(({ text }) => text === 'removed');
    },
    60_000,
  );

const relayLog = () => world.testbed.relayLogs['relay'] ?? assert.fail('no log');

test('T24 the log of a relay comes to a node on another machine, and what was written while that was away comes later', async () => {
  const before = await send();
  startSender('at-the-relay', RELAY, relayLog());
  startReceiver();
  await collected(before);
  await end('at-the-node');
  const meanwhile = await send();
  startReceiver();
  await collected(meanwhile);
});

test('T24 rotated every day, the log loses nothing on its way, and the node sees no gap', async () => {
  const config = path.join(world.folder, 'logrotate.conf');
  const etc = path.join(world.testbed.place, 'relay', 'etc');
  const settings = { LOG_FOLDER: path.dirname(relayLog()), INSTANCE_NAME: path.basename(relayLog(), '.log') };
  const written = fillIn(fs.readFileSync(path.join(DEPLOY, 'logrotate/relay'), 'utf8'), settings);
  fs.writeFileSync(config, written.replace('postfix reload', `/usr/sbin/postfix -c ${etc} reload`), { mode: 0o644 });
  for (let day = 0; day < 2; day += 1) {
    const letterOfTheDay = await send();
    const old = fs.statSync(relayLog()).ino;
    await run('/usr/sbin/logrotate', ['--force', '--state', path.join(world.folder, 'rotated'), config]);
    assert.equal(fs.statSync(`${relayLog()}.1`).ino, old);
    const next = await send();
    await collected(letterOfTheDay);
    await collected(next);
    assert.notEqual(fs.statSync(relayLog()).ino, old);
  }
  assert.ok(fs.existsSync(`${relayLog()}.2.gz`));
  const place = await node.context.database.prisma.relayLogPlace.findUniqueOrThrow({ where: { relay: 'relay' } });
  assert.equal(place.gapAt, null);
});

test('T24 nobody sends a log whose certificate names somebody else, whatever the log says of itself', async () => {
  const forged = path.join(world.folder, 'forged', 'relay.log');
  fs.mkdirSync(path.dirname(forged));
  fs.writeFileSync(forged, 'Nov 28 13:00:00 relay relay/smtp[1]: 4FORGEDxxxx: removed\n');
  startSender('at-a-stranger', STRANGER, forged);
  await until('a refusal', async () => running.get('at-the-node')?.said.includes(STRANGER));
  assert.match(running.get('at-the-node')?.said ?? '', /authentication error/);
  assert.deepEqual(fs.readdirSync(received), [`${RELAY}.log`]);
  // what is listed goes on
  await collected(await send());
  assert.doesNotMatch(fs.readFileSync(path.join(received, `${RELAY}.log`), 'utf8'), /FORGED/);
});

test('T24 every file of deploy/logrotate is taken by logrotate', async () => {
  for (const name of fs.readdirSync(path.join(DEPLOY, 'logrotate'))) {
    const config = path.join(world.folder, `taken-${name}`);
    const settings = { LOG_FOLDER: world.folder, INSTANCE_NAME: 'none' };
    fs.writeFileSync(config, fillIn(fs.readFileSync(path.join(DEPLOY, 'logrotate', name), 'utf8'), settings), {
      mode: 0o644,
    });
    const { stderr } = await run('/usr/sbin/logrotate', ['--debug', '--state', '/dev/null', config]);
    assert.doesNotMatch(stderr, /error/, name);
  }
});
