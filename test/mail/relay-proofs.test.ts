import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Node } from '../../src/server.ts';
import type { World } from '../../testbed/world.ts';
import { sendThroughPages } from '../support/compose.ts';
import { settleIn } from '../support/letters.ts';
import { copiesIn } from '../support/message-copies.ts';
import { until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PASSPHRASE = 'quiet harbour lantern 42';
const PLAIN = { sign: false, encrypt: false };
const RELAYS = ['relay', 'relay2', 'relay3', 'relay4'] as const;
/** The test file that every virus scanner knows (eicar.org), in two pieces: a scanner need not find it in this source. */
const EICAR = `${String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}`}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`;
const LONG_MS = 120_000;

let world: World;
let node: Node;
let alain: Visitor;

before(async () => {
  // The four hours are eight seconds here, the five days a minute.
  const times = { maximal_queue_lifetime: '60s', bounce_queue_lifetime: '60s' };
  world = await startTestWorld({ network: 177, relays: 'all', times });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  alain = await settleIn(node, world.people.alain, PASSPHRASE);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

async function words(url: string): Promise<string> {
  const page = await alain.get(url);
  const main = page.text.slice(page.text.indexOf('<main'), page.text.indexOf('</main>'));
  return main.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

const whenSaid = (url: string, said: RegExp) =>
  until(
    `${said} on ${url}`,
    async () => {
      const text = await words(url);
      return said.test(text) ? text : null;
    },
    LONG_MS,
  );

async function copiesOf(url: string): Promise<number> {
  const where = { id: url.split('/').at(-1) ?? '' };
  const { messageId } = await node.context.database.prisma.letter.findUniqueOrThrow({ where });
  return (await copiesIn(world.testbed.mailboxFolder(world.people.marta.address))).get(messageId)?.length ?? 0;
}

const send = (subject: string, text: string) =>
  sendThroughPages(alain, { to: world.people.marta.address, subject, text, ...PLAIN });

test('T06 with every relay down the sender reads that the message is delayed, and then that it arrived, once', async () => {
  for (const name of RELAYS) await world.testbed.stopServer(name);
  let url: string;
  try {
    url = await send('No relay', 'patience');
    await whenSaid(url, /Delayed, still being tried/);
    assert.equal(await copiesOf(url), 0);
  } finally {
    for (const name of RELAYS) await world.testbed.startServer(name);
  }
  await whenSaid(url, /Handed to the mailbox server/);
  assert.equal(await copiesOf(url), 1);
});

test('T05 a destination that stays away: the sender reads the warning of the four hours, and after the five days that the message was given up', async () => {
  await world.testbed.stopServer('mail-d');
  try {
    const url = await send('Nobody home', 'hello');
    const warned = await whenSaid(url, /Delayed, still being tried/);
    assert.match(warned, /Tried until/);
    assert.doesNotMatch(warned, /Not delivered/);
    const given = await whenSaid(url, /Not delivered/);
    assert.match(given, /1 not delivered/);
    assert.match((await alain.get('/letters')).text, /Not delivered/, 'the list says it too');
    assert.equal(await copiesOf(url), 0);
  } finally {
    await world.testbed.startServer('mail-d');
  }
});

test('T30 a virus in clear is refused by the relay, and the sender reads so with the scanner’s words', async () => {
  const url = await send('Try this', EICAR);
  const text = await whenSaid(url, /Not delivered/);
  assert.match(text, /refused by the virus scanner of the relay/);
  assert.equal(await copiesOf(url), 0);
});
