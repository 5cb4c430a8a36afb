import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Node } from '../../src/server.ts';
import { verifyOwnEvidence } from '../../src/services/evidence/verify-evidence.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { sendThroughPages } from '../support/compose.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot } from '../support/letters.ts';
import { until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PASSPHRASE = 'quiet harbour lantern 42';
const LONG_MS = 60_000;
const INBOX = `/mail/${Buffer.from('INBOX').toString('base64url')}`;

let world: World;
let node: Node;
let alain: Visitor;
let marta: Visitor;

before(async () => {
  world = await startTestWorld({ network: 163 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  const { alain: belgian, marta: german } = world.people;
  alain = await settleIn(node, belgian, PASSPHRASE);
  marta = await settleIn(node, german, PASSPHRASE);
  const { root } = keyOfPerson(belgian);
  for (const person of [belgian, german]) await trustRoot(node, person, root);
  await storeContact(belgian, german);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

/** The reader's Digital ID in the writer's contacts, as after a secure link. */
async function storeContact(writer: WorldPerson, reader: WorldPerson): Promise<void> {
  const { prisma } = node.context.database;
  const account = await prisma.account.findUniqueOrThrow({ where: { addressKey: writer.address.toLowerCase() } });
  const { certificate, chain } = keyOfPerson(reader);
  const stored = {
    certificate: new Uint8Array(certificate.der),
    chain: chain.map((one) => new Uint8Array(one.der)),
    ...{ sha256: certificate.sha256, isDefault: true, source: 'test' },
  };
  const key = reader.address.toLowerCase();
  const contact = { accountId: account.id, name: reader.name, address: reader.address, addressKey: key };
  await prisma.contact.create({ data: { ...contact, certificates: { create: stored } } });
}

/** Address of the page of a message in the inbox. */
function arrived(clerk: Visitor, subject: string): Promise<string> {
  return until(
    `${subject} in the inbox`,
    async () => {
      const list = await clerk.get(INBOX);
      const row = list.text.split('<tr role="row"').find((one) => one.includes(subject));
      return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1];
    },
    LONG_MS,
  );
}

async function words(clerk: Visitor, url: string): Promise<string> {
  const page = await clerk.get(url);
  const main = page.text.slice(page.text.indexOf('<main'), page.text.indexOf('</main>'));
  return main.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

function whenSaid(clerk: Visitor, url: string, said: RegExp): Promise<string> {
  return until(
    `${said} on ${url}`,
    async () => {
      const text = await words(clerk, url);
      return said.test(text) ? text : null;
    },
    LONG_MS,
  );
}

test('T24 a reader is asked before a signed receipt leaves, and its sender sees that it is about exactly this message', async () => {
  const to = world.people.marta.address;
  const url = await sendThroughPages(alain, { to, subject: 'Signed receipt please', text: 'hello', askReceipt: true });
  const message = await arrived(marta, 'Signed receipt please');
  assert.match(await words(marta, message), /asks for a receipt to Alain\.Dupont@tcn\.b\.eu-admin\.net that you sign/);
  const { prisma } = node.context.database;
  assert.equal(
    await prisma.letter.count({ where: { envelopes: { some: { mailFrom: '' } } } }),
    0,
    'opening sends nothing',
  );
  // Whoever else got the message can write that she opened it, and cannot keep her own word out by it.
  const { address } = world.people.marta;
  const id = await idOf(url);
  await fileMessages(
    node,
    world.people.alain,
    Array.from({ length: 6 }, () => forged(address, id, address)),
  );
  await whenSaid(alain, url, /Opened, says a receipt/);
  const first = await marta.post(`${message}/receipt`, { do: 'send' });
  assert.match(first.text, /The receipt is on its way/);
  assert.doesNotMatch(first.text, /asks for a receipt/);
  const second = await marta.post(`${message}/receipt`, { do: 'send' });
  assert.match(second.text, /it was answered already/);
  assert.equal(await prisma.letter.count({ where: { envelopes: { some: { mailFrom: '' } } } }), 1);
  const text = await whenSaid(alain, url, /Opened, receipt signed/);
  assert.match(text, /By Marta Klein; the receipt is signed and trusted, and about exactly this message/);
  const file = await alain.get(`${url}/evidence`);
  const verdict = await verifyOwnEvidence(node.context.database, file.bytes);
  assert.equal(verdict.valid, true);
  assert.match(JSON.stringify(verdict.content), /"signed":"trusted"/);
});

test('T24 an unsigned message is answered by a plain receipt, which is shown as what it is', async () => {
  const to = world.people.marta.address;
  const plain = { sign: false, encrypt: false };
  const url = await sendThroughPages(alain, {
    to,
    subject: 'Plain receipt please',
    text: 'hi',
    askReceipt: true,
    ...plain,
  });
  const message = await arrived(marta, 'Plain receipt please');
  assert.match((await marta.post(`${message}/receipt`, { do: 'send' })).text, /The receipt is on its way/);
  const text = await whenSaid(alain, url, /Opened, says a receipt/);
  assert.match(text, /program Sealpost\. It is not signed/);
});

test('T24 who declines is not asked again, and nothing leaves', async () => {
  const to = world.people.marta.address;
  await sendThroughPages(alain, {
    to,
    subject: 'No receipt',
    text: 'hi',
    askReceipt: true,
    sign: false,
    encrypt: false,
  });
  const message = await arrived(marta, 'No receipt');
  const before = await node.context.database.prisma.letter.count();
  const answer = await marta.post(`${message}/receipt`, { do: 'decline' });
  assert.match(answer.text, /you are not asked again/);
  assert.doesNotMatch(await words(marta, message), /Send the receipt/);
  assert.equal(await node.context.database.prisma.letter.count(), before);
});

test('T24 a message that asks for nothing, one’s own, and one that asks for several addresses offer no receipt', async () => {
  const { alain: own, marta: sender } = world.people;
  const letter = (from: string, subject: string, asks: string) =>
    Buffer.from(
      `From: <${from}>\r\nTo: <${own.address}>\r\nSubject: ${subject}\r\nMessage-ID: <${crypto.randomUUID()}@x>\r\n${asks}\r\nhello\r\n`,
    );
  await fileMessages(node, own, [
    letter(sender.address, 'Asks nothing', ''),
    letter(own.address, 'My own', `Disposition-Notification-To: <${own.address}>\r\n`),
    letter(sender.address, 'Asks two', `Disposition-Notification-To: <${sender.address}>, <x@tcn.d.eu-admin.net>\r\n`),
    letter(sender.address, 'Elsewhere', 'Disposition-Notification-To: <spy@outside.example>\r\n'),
  ]);
  for (const subject of ['Asks nothing', 'My own', 'Asks two']) {
    const message = await arrived(alain, subject);
    assert.doesNotMatch(await words(alain, message), /Send the receipt/, subject);
    assert.match((await alain.post(`${message}/receipt`, { do: 'send' })).text, /asks for no receipt/);
  }
  const message = await arrived(alain, 'Elsewhere');
  assert.match(await words(alain, message), /spy@outside\.example ?, which is not the sender/);
  assert.match((await alain.post(`${message}/receipt`, { do: 'send' })).text, /does not allow mail to the address/);
});

test('T24 forged receipts change nothing: of another person, about a message that asked for none, about no message', async () => {
  const to = world.people.marta.address;
  const plain = { sign: false, encrypt: false };
  const asked = await sendThroughPages(alain, { to, subject: 'Forge me', text: 'hi', askReceipt: true, ...plain });
  const unasked = await sendThroughPages(alain, { to, subject: 'Did not ask', text: 'hi', ...plain });
  await fileMessages(node, world.people.alain, [
    forged('otto.brandt@tcn.d.eu-admin.net', await idOf(asked), to),
    forged(to, await idOf(unasked), to),
    forged(to, '<nothing@tcn.b.eu-admin.net>', to),
  ]);
  const next = await sendThroughPages(alain, { to, subject: 'Afterwards', text: 'hi', ...plain });
  await whenSaid(alain, next, /Handed to the mailbox server/);
  for (const url of [asked, unasked]) assert.doesNotMatch(await words(alain, url), /Opened/);
  const list = await alain.get(INBOX);
  const rows = list.text.split('<tr role="row"').filter((row) => row.includes('forged receipt'));
  assert.equal(rows.length, 3, 'they stay in the inbox');
});

async function idOf(url: string): Promise<string> {
  const where = { id: url.split('/').at(-1) ?? '' };
  return (await node.context.database.prisma.letter.findUniqueOrThrow({ where })).messageId;
}

/** What anybody can write who knows the message. */
function forged(from: string, about: string, recipient: string): Buffer {
  return Buffer.from(
    [
      `From: <${from}>\r\nSubject: forged receipt\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nread\r\n--b`,
      `Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; ${recipient}\r\nOriginal-Message-ID: ${about}`,
      'Disposition: manual-action/MDN-sent-manually; displayed\r\n--b--\r\n',
    ].join('\r\n'),
  );
}
