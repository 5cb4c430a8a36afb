import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Node } from '../../src/server.ts';
import type { ServerName } from '../../testbed/testbed.ts';
import type { World } from '../../testbed/world.ts';
import { sendThroughPages } from '../support/compose.ts';
import { settleIn } from '../support/letters.ts';
import { copiesIn } from '../support/message-copies.ts';
import { until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const run = promisify(execFile);
const PASSPHRASE = 'quiet harbour lantern 42';
const PLAIN = { sign: false, encrypt: false };

let world: World;
let node: Node;
let alain: Visitor;

before(async () => {
  world = await startTestWorld({ network: 176 });
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

/** Puts a folder of a server on a disk of its own, which is so small that it can be filled; gives it back afterwards. */
async function onSmallDisk(server: ServerName, folder: string, act: (full: Disk) => Promise<void>): Promise<void> {
  const aside = `${folder}.aside`;
  await world.testbed.stopServer(server);
  await asRoot('cp', '-a', folder, aside);
  await asRoot('mount', '-t', 'tmpfs', '-o', 'size=16m,mode=755', 'tmpfs', folder);
  try {
    await asRoot('cp', '-a', `${aside}/.`, folder);
    await world.testbed.startServer(server);
    const filling = path.join(folder, 'filling');
    await act({
      fill: async () => void (await asRoot('dd', 'if=/dev/zero', `of=${filling}`, 'bs=64k').catch(() => {})),
      empty: async () => void (await asRoot('rm', '-f', filling)),
    });
  } finally {
    await world.testbed.stopServer(server);
    await asRoot('rm', '-rf', aside);
    await asRoot('cp', '-a', `${folder}/.`, aside);
    await asRoot('umount', folder);
    await asRoot('cp', '-a', `${aside}/.`, folder);
    await asRoot('rm', '-rf', aside, path.join(folder, 'filling'));
    await world.testbed.startServer(server);
  }
}

type Disk = { fill(): Promise<void>; empty(): Promise<void> };

async function words(url: string): Promise<string> {
  const page = await alain.get(url);
  return page.text
    .slice(page.text.indexOf('<main'))
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
}

const whenSaid = (url: string, said: RegExp) =>
  until(`${said} on ${url}`, async () => said.test(await words(url)), 60_000);

async function messageIdOf(url: string): Promise<string> {
  const where = { id: url.split('/').at(-1) ?? '' };
  return (await node.context.database.prisma.letter.findUniqueOrThrow({ where })).messageId;
}

async function copies(address: string, messageId: string, folder: string): Promise<number> {
  const found = (await copiesIn(world.testbed.mailboxFolder(address))).get(messageId) ?? [];
  return found.filter((copy) => copy.folder === folder).length;
}

test('T05 a letter that meets a full disk at the mail server stays queued with the server’s words, and leaves once when there is room', async () => {
  const { alain: from, marta: to } = world.people;
  const queue = path.join(world.testbed.place, 'mail-b', 'queue');
  await onSmallDisk('mail-b', queue, async (disk) => {
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

test('T05 a letter that is still here can be taken back while the mail server is down, and is never sent', async () => {
  const { marta: to } = world.people;
  await world.testbed.stopServer('mail-b');
  try {
    const url = await sendThroughPages(alain, { to: to.address, subject: 'Regret', text: 'not like this', ...PLAIN });
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
    const after = await sendThroughPages(alain, { to: to.address, subject: 'After it', text: 'this one', ...PLAIN });
    const nextId = await messageIdOf(after);
    await until('the next one to arrive', async () => (await copies(to.address, nextId, 'INBOX')) === 1, 60_000);
    assert.equal(await copies(to.address, messageId, 'INBOX'), 0);
  } finally {
    await world.testbed.startServer('mail-b').catch(() => {});
  }
});
