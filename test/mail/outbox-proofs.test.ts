import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { findByMessageId } from '../../src/mail/imap-mailbox.ts';
import type { Node } from '../../src/server.ts';
import type { ServerName } from '../../testbed/testbed.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { faultsOf, pressOnDraft, sendThroughPages } from '../support/compose.ts';
import { EICAR } from '../support/eicar.ts';
import { settleIn, withMailbox } from '../support/letters.ts';
import { copiesIn } from '../support/message-copies.ts';
import { until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { wholeSource } from '../support/whole-source.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const run = promisify(execFile);
const PASSPHRASE = 'quiet harbour lantern 42';
const PLAIN = { sign: false, encrypt: false };

const RELAYS = ['relay', 'relay2', 'relay3', 'relay4'] as const;
const PATIENCE_MS = 120_000;

let world: World;
let node: Node;
let alain: Visitor;

before(async () => {
  // The four hours are eight seconds here, the five days a minute.
  const times = { maximal_queue_lifetime: '60s', bounce_queue_lifetime: '60s' };
  world = await startTestWorld({ network: 176, relays: 'all', times });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  alain = await settleIn(node, world.people.alain, PASSPHRASE);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

/** A command of root's, also where the tests are run by somebody else. */
function asRoot(program: string, ...args: string[]) {
  return process.getuid?.() === 0 ? run(program, args) : run('sudo', ['-n', program, ...args]);
}

/** Puts a folder of servers on a disk of its own, with room for two of the largest messages, so that it can be filled; gives it back afterwards. */
async function onSmallDisk(servers: ServerName[], folder: string, act: (full: Disk) => Promise<void>): Promise<void> {
  const aside = `${folder}.aside`;
  for (const server of servers) await world.testbed.stopServer(server);
  await asRoot('cp', '-a', folder, aside);
  await asRoot('mount', '-t', 'tmpfs', '-o', 'size=160m,mode=755', 'tmpfs', folder);
  try {
    await asRoot('cp', '-a', `${aside}/.`, folder);
    for (const server of servers) await world.testbed.startServer(server);
    const filling = path.join(folder, 'filling');
    await act({
      fill: async () => void (await asRoot('dd', 'if=/dev/zero', `of=${filling}`, 'bs=1M').catch(() => {})),
      empty: async () => void (await asRoot('rm', '-f', filling)),
    });
  } finally {
    for (const server of servers) await world.testbed.stopServer(server);
    await asRoot('rm', '-rf', aside);
    await asRoot('cp', '-a', `${folder}/.`, aside);
    await asRoot('umount', folder);
    await asRoot('cp', '-a', `${aside}/.`, folder);
    await asRoot('rm', '-rf', aside, path.join(folder, 'filling'));
    for (const server of servers) await world.testbed.startServer(server);
  }
}

type Disk = { fill(): Promise<void>; empty(): Promise<void> };

async function words(url: string): Promise<string> {
  const page = await alain.get(url);
  const main = page.text.slice(page.text.indexOf('<main'), page.text.indexOf('</main>'));
  return main.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

async function whenSaid(url: string, said: RegExp): Promise<string> {
  let text = '';
  const look = async () => {
    text = await words(url);
    return said.test(text);
  };
  await until(String(said), look, PATIENCE_MS).catch(() => assert.fail(`never ${said}: ${text}`));
  return text;
}

async function messageIdOf(url: string): Promise<string> {
  const where = { id: url.split('/').at(-1) ?? '' };
  return (await node.context.database.prisma.letter.findUniqueOrThrow({ where })).messageId;
}

async function copies(address: string, messageId: string, folder: string): Promise<number> {
  const found = (await copiesIn(world.testbed.mailboxFolder(address))).get(messageId) ?? [];
  return found.filter((copy) => copy.folder === folder).length;
}

function sourceOf(person: WorldPerson, messageId: string): Promise<Buffer> {
  return withMailbox(node, person, async (connection) => {
    const found = await findByMessageId(connection, 'INBOX', messageId);
    assert.ok(found.ok);
    const uid = found.value.uids[0] ?? assert.fail(`no ${messageId}`);
    const ref = { folder: 'INBOX', uidValidity: found.value.uidValidity, uid };
    const source = await wholeSource(connection, ref, 100_000_000);
    return source.ok ? source.value.bytes : assert.fail(source.reason);
  });
}

/** In the inbox of the recipient. */
const copiesAt = async (url: string) => copies(world.people.marta.address, await messageIdOf(url), 'INBOX');

const send = (subject: string, text: string) =>
  sendThroughPages(alain, { to: world.people.marta.address, subject, text, ...PLAIN });

test('T05 a letter that meets a full disk at the mail server stays queued with the server’s words, and leaves once when there is room', async () => {
  const { alain: from, marta: to } = world.people;
  const queue = path.join(world.testbed.place, 'mail-b', 'queue');
  // Dovecot has its socket for the sign-in there.
  await onSmallDisk(['dovecot-b', 'mail-b'], queue, async (disk) => {
    await disk.fill();
    const url = await sendThroughPages(alain, { to: to.address, subject: 'Full', text: 'patience', ...PLAIN });
    await whenSaid(url, /The mail server cannot take it now\./);
    const said = await words(url);
    assert.match(said, /4\d\d 4\.3\.1/, 'the answer of the server stands there');
    assert.match(said, /Queued|Leaving now/);
    assert.match(said, /Next attempt/);
    await disk.empty();
    await whenSaid(url, /Accepted by your mail server/);
    const messageId = await messageIdOf(url);
    await until('it to arrive', async () => (await copies(to.address, messageId, 'INBOX')) === 1, 60_000);
    await until('the copy in Sent', async () => (await copies(from.address, messageId, 'Sent')) === 1, 60_000);
  });
});

test('T05 a full mailbox keeps the copy for Sent waiting, not the message, and the sender reads so', async () => {
  const { alain: from, marta: to } = world.people;
  const where = { addressKey: from.address.toLowerCase() };
  const setQuota = (quotaMb: number) => node.context.database.prisma.account.update({ where, data: { quotaMb } });
  await setQuota(1);
  const file = new File([Buffer.alloc(1_500_000, 'x')], 'large.bin');
  const url = await sendThroughPages(alain, { to: to.address, subject: 'Large', text: 'see file', file, ...PLAIN });
  const messageId = await messageIdOf(url);
  await until('it to arrive', async () => (await copies(to.address, messageId, 'INBOX')) === 1, 60_000);
  await whenSaid(url, /Accepted, copy not filed in Sent yet/);
  assert.match(await words(url), /The copy follows as soon as the mailbox can take it/);
  assert.equal(await copies(from.address, messageId, 'Sent'), 0);
  await setQuota(1024);
  await whenSaid(url, /A copy is in Sent/);
  assert.equal(await copies(from.address, messageId, 'Sent'), 1);
  assert.equal(await copies(to.address, messageId, 'INBOX'), 1, 'it was sent once');
});

test('T05 a letter that is still here can be taken back with its files while the mail server is down, and is never sent', async () => {
  const { marta: to } = world.people;
  const bytes = randomBytes(700_001);
  const file = new File([bytes], 'Übersicht.bin', { type: 'application/octet-stream' });
  await world.testbed.stopServer('mail-b');
  try {
    const written = { to: to.address, subject: 'Regret', text: 'not like this', ...PLAIN };
    const url = await sendThroughPages(alain, { ...written, file });
    await whenSaid(url, /The mail server did not answer/);
    const messageId = await messageIdOf(url);
    const draft = await until('it to be taken back', async () => {
      await alain.get(url);
      const answer = await alain.post(`${url}/cancel`);
      return answer.url.startsWith('/drafts/') ? answer : null;
    });
    assert.match(draft.text, /not like this/);
    assert.match(await words(url), /Cancelled/);
    await world.testbed.startServer('mail-b');
    const after = await pressOnDraft(alain, draft, { ...written, subject: 'After it', text: 'like this' }, 'send');
    assert.match(after.url, /^\/letters\//, faultsOf(after));
    const nextId = await messageIdOf(after.url);
    await until('the next one to arrive', async () => (await copies(to.address, nextId, 'INBOX')) === 1, 60_000);
    assert.equal(await copies(to.address, messageId, 'INBOX'), 0);
    const base64 = bytes.toString('base64');
    const arrived = (await sourceOf(to, nextId)).toString('latin1').replaceAll('\r\n', '');
    assert.ok(arrived.includes(base64), 'the file came back byte for byte');
    await whenSaid(after.url, /A copy is in Sent/);
    const { prisma } = node.context.database;
    assert.equal(await prisma.draftAttachment.count(), 0);
    assert.equal(await prisma.contentChunk.count(), 0, 'nothing is left of either');
  } finally {
    await world.testbed.startServer('mail-b').catch(() => {});
  }
});

/** While `act` runs the mail server takes nothing for this address, and says so with a 4xx. */
async function refusingForNow(address: string, act: () => Promise<void>): Promise<void> {
  const rules = path.join(world.testbed.place, 'mail-b', 'etc', 'allowed-recipients');
  const kept = await readFile(rules, 'utf8');
  const put = async (text: string) => {
    const written = path.join(os.tmpdir(), `rules-${process.pid}`);
    await writeFile(written, text);
    await asRoot('cp', written, rules);
    await rm(written);
    await world.testbed.stopServer('mail-b');
    await world.testbed.startServer('mail-b');
  };
  await put(`/^${address.replaceAll('.', '\\.')}$/ 451 4.2.1 this mailbox is being moved\n${kept}`);
  try {
    await act();
  } finally {
    await put(kept);
  }
}

test('T05 where the server takes a letter for one recipient and puts the other off, the other alone is tried again, and each gets it once', async () => {
  const { alain: from, marta, otto } = world.people;
  const logFile = path.join(world.testbed.place, 'log', 'mail-b.log');
  const logged = async () => (await asRoot('cat', logFile)).stdout;
  const before = (await logged()).length;
  let url = '';
  await refusingForNow(marta.address, async () => {
    const to = `${otto.address}, ${marta.address}`;
    url = await sendThroughPages(alain, { to, subject: 'One of two', text: 'for both', ...PLAIN });
    const said = await whenSaid(url, /451 4\.2\.1/);
    const lanes = said
      .slice(said.indexOf('By recipient'))
      .split(new RegExp(`${marta.address} ${marta.address} |${otto.address} ${otto.address} `));
    const [, aboutMarta = '', aboutOtto = ''] = lanes;
    assert.match(aboutMarta, /^Queued/, said);
    assert.match(aboutMarta, /Not taken for this recipient\. 451 4\.2\.1/);
    assert.match(aboutMarta, /Next attempt/);
    assert.doesNotMatch(aboutMarta, /queued as/, 'not the words about another recipient');
    assert.match(aboutOtto, /^(Accepted|Handed to the mailbox server)/);
    assert.match(aboutOtto, /Accepted by your mail server .* queued as/);
    assert.doesNotMatch(aboutOtto, /Attempt without success|451/, 'what is tried for the other is not his');
    const answer = await alain.post(`${url}/cancel`);
    assert.match(answer.url, /^\/letters\//, 'it cannot be taken back: one has it');
    assert.equal(await copies(from.address, await messageIdOf(url), 'Sent'), 0, 'filed at the end');
  });
  await whenSaid(url, /A copy is in Sent/);
  const messageId = await messageIdOf(url);
  for (const { address } of [otto, marta])
    await until('it to arrive', async () => (await copies(address, messageId, 'INBOX')) > 0, 60_000);
  assert.equal(await copies(otto.address, messageId, 'INBOX'), 1);
  assert.equal(await copies(marta.address, messageId, 'INBOX'), 1);
  assert.equal(await copies(from.address, messageId, 'Sent'), 1);
  const where = { envelope: { letterId: url.split('/').at(-1) ?? '' } };
  const attempts = await node.context.database.prisma.submissionAttempt.findMany({
    where,
    orderBy: { startedAt: 'asc' },
  });
  assert.equal(attempts[0]?.outcome, 'partly');
  assert.equal(attempts.at(-1)?.outcome, 'accepted');
  // What the server counted: taken/asked, or the number alone where all were taken.
  const sessions = (await logged()).slice(before).matchAll(/submission\/smtpd.* disconnect from .* mail=1 rcpt=(\S+)/g);
  const [first, ...later] = [...sessions].map((session) => session[1]);
  assert.equal(first, '1/2');
  assert.equal(later.at(-1), '1');
  assert.ok(
    later.slice(0, -1).every((counted) => counted === '0/1'),
    `one recipient each time: ${later.join(' ')}`,
  );
});

test('T06 with every relay down the sender reads that the message is delayed, and then that it arrived, once', async () => {
  for (const name of RELAYS) await world.testbed.stopServer(name);
  let url: string;
  try {
    url = await send('No relay', 'patience');
    await whenSaid(url, /Delayed, still being tried/);
    assert.equal(await copiesAt(url), 0);
  } finally {
    for (const name of RELAYS) await world.testbed.startServer(name);
  }
  await whenSaid(url, /Handed to the mailbox server/);
  assert.equal(await copiesAt(url), 1);
});

test('T05 a destination that stays away: the sender reads the warning of the four hours, and after the five days that the message was given up', async () => {
  await world.testbed.stopServer('mail-d');
  try {
    const url = await send('Nobody home', 'hello');
    const warned = await whenSaid(url, /Delayed, still being tried/);
    assert.match(warned, /Tried until/);
    assert.doesNotMatch(warned, /Not delivered(?! yet)/);
    const given = await whenSaid(url, /Not delivered(?! yet)/);
    assert.match(given, /1 not delivered/);
    assert.match((await alain.get('/letters')).text, /Not delivered/, 'the list says it too');
    assert.equal(await copiesAt(url), 0);
  } finally {
    await world.testbed.startServer('mail-d');
  }
});

test('T30 a virus in clear is refused by the relay, and the sender reads so with the scanner’s words', async () => {
  const url = await send('Try this', EICAR);
  const text = await whenSaid(url, /Not delivered(?! yet)/);
  assert.match(text, /refused by the virus scanner of the relay/);
  assert.equal(await copiesAt(url), 0);
});
