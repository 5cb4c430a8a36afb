import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { fileMessages } from '../support/letters.ts';
import { until } from '../support/ready-clerk.ts';
import { signInAs, type Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

let world: World;
let node: Node;
const open: Stream[] = [];

before(async () => {
  world = await startTestWorld({ network: 175 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  // Dovecot looks at a mailbox that never had a message every half minute only.
  await arrive();
});
after(async () => {
  await node?.stop();
  await world?.stop();
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.close();
});

type Stream = { said(): string; isOver(): boolean; close(): void };

/** An open page, as far as it listens. */
async function listen(visitor: Visitor, lastEventId?: string): Promise<Stream> {
  const ended = new AbortController();
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = { cookie, ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
  const response = await fetch(`${node.url}/events`, { headers, signal: ended.signal });
  assert.equal(response.status, 200);
  let said = '';
  let over = false;
  const read = async () => {
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) said += piece;
  };
  read()
    .catch(() => {})
    .finally(() => {
      over = true;
    });
  const stream = { said: () => said, isOver: () => over, close: () => ended.abort() };
  open.push(stream);
  await until('the first word', async () => /^id: \d+$/m.test(said));
  // IDLE begins a little after the last task.
  await new Promise((resolve) => setTimeout(resolve, 800));
  return stream;
}

const arrive = () =>
  fileMessages(node, world.people.otto, [Buffer.from('From: a@b.example\r\nSubject: x\r\n\r\nx\r\n')]);
const told = (stream: Stream) =>
  [...stream.said().matchAll(/data: \{"count":([1-9]\d*)\}/g)].map(([, count]) => Number(count));
const hears = (stream: Stream, counts: number[]) =>
  until(`to hear ${counts}`, async () => JSON.stringify(told(stream)) === JSON.stringify(counts));

test('T27 pages of two browsers share the one connection of their mailbox on this node, and each is told once', async () => {
  const desk = await signInAs(node.url, world.people.otto);
  const home = await signInAs(node.url, world.people.otto);
  const before = node.context.mail.size;
  const pages = [await listen(desk), await listen(desk), await listen(home)];
  assert.equal(node.context.mail.size, before, 'sign-in had opened the connection of each browser, and none was added');
  await arrive();
  for (const page of pages) await hears(page, [1]);
  await arrive();
  for (const page of pages) await hears(page, [1, 1]);
});

test('T27 the page that listened first is closed: the others are told all the same', async () => {
  const desk = await signInAs(node.url, world.people.otto);
  const home = await signInAs(node.url, world.people.otto);
  const [first, second] = [await listen(desk), await listen(home)];
  first.close();
  await until('it to be closed', async () => first.isOver());
  await arrive();
  await hears(second, [1]);
});

test('T27 after a sign-out the pages of another browser come back and miss nothing; those of the one signed out hear nothing', async () => {
  const desk = await signInAs(node.url, world.people.otto);
  const home = await signInAs(node.url, world.people.otto);
  const [first, second] = [await listen(desk), await listen(home)];
  await desk.get('/settings');
  await desk.post('/sign-out');
  await until('both to be over', async () => first.isOver() && second.isOver());
  const mark = /^id: (\d+)$/m.exec(second.said())?.[1] ?? '';
  await arrive();
  const again = await listen(home, mark);
  await hears(again, [1]);
  assert.deepEqual(told(first), []);
});

test('T27 who signs out while another browser listens is told nothing more', async () => {
  const desk = await signInAs(node.url, world.people.otto);
  const home = await signInAs(node.url, world.people.otto);
  const [first, second] = [await listen(desk), await listen(home)];
  await home.get('/settings');
  await home.post('/sign-out');
  await arrive();
  await hears(first, [1]);
  await until('it to be over', async () => second.isOver());
  assert.deepEqual(told(second), []);
});

test('T27 a page that asks learns how many messages came since its mark, once', async () => {
  const otto = await signInAs(node.url, world.people.otto);
  const ask = async (query: string) =>
    JSON.parse((await otto.get(`/new-mail${query}`)).text) as { count: number; mark: number };
  const { count, mark } = await ask('');
  assert.equal(count, 0);
  await arrive();
  await arrive();
  const news = await ask(`?since=${mark}`);
  assert.deepEqual(news, { count: 2, mark: mark + 2 });
  assert.equal((await ask(`?since=${news.mark}`)).count, 0);
  await world.testbed.stopServer('dovecot-d');
  assert.equal((await otto.get(`/new-mail?since=${mark}`)).status, 502);
  await world.testbed.startServer('dovecot-d');
  assert.equal((await ask(`?since=${mark}`)).count, 2);
});
