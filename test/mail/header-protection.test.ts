import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findByMessageId } from '../../src/mail/imap-mailbox.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { pressOnDraft, sendThroughPages } from '../support/compose.ts';
import { keyOfPerson, settleIn, trustRoot, withMailbox } from '../support/letters.ts';
import { until } from '../support/ready-clerk.ts';
import { signInAs, type Visitor } from '../support/visitor.ts';
import { wholeSource } from '../support/whole-source.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PASSPHRASE = 'quiet harbour lantern 42';
const INSIDE = 'Subject inside the encryption';

let world: World;
let node: Node;
let alain: Visitor;
let marta: Visitor;

before(async () => {
  world = await startTestWorld({ network: 96 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  const { alain: belgian, marta: german, otto } = world.people;
  alain = await settleIn(node, belgian, PASSPHRASE);
  marta = await settleIn(node, german, PASSPHRASE);
  for (const person of [belgian, german]) await trustRoot(node, person, keyOfPerson(belgian).root);
  await storeContact(belgian, german);
  await storeContact(belgian, otto);
  await storeContact(german, belgian);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

async function accountOf(person: WorldPerson) {
  return node.context.database.prisma.account.findUniqueOrThrow({
    where: { addressKey: person.address.toLowerCase() },
  });
}

/** The reader's Digital ID in the writer's contacts, as after a secure link. */
async function storeContact(writer: WorldPerson, reader: WorldPerson): Promise<void> {
  const { certificate, chain } = keyOfPerson(reader);
  await node.context.database.prisma.contact.create({
    data: {
      accountId: (await accountOf(writer)).id,
      name: reader.address,
      address: reader.address,
      addressKey: reader.address.toLowerCase(),
      certificates: {
        create: {
          certificate: new Uint8Array(certificate.der),
          chain: chain.map((one) => new Uint8Array(one.der)),
          sha256: certificate.sha256,
          isDefault: true,
          source: 'test',
        },
      },
    },
  });
}

async function contactOf(writer: WorldPerson, reader: WorldPerson) {
  const accountId = (await accountOf(writer)).id;
  return node.context.database.prisma.contact.findFirstOrThrow({ where: { accountId, address: reader.address } });
}

const messageIdOf = async (letter: string) => {
  const id = letter.split('/').at(-1) ?? '';
  return (await node.context.database.prisma.letter.findUniqueOrThrow({ where: { id } })).messageId;
};

/** The copy in a person's folder, with the address of its page. */
function arrived(person: WorldPerson, messageId: string, folder = 'INBOX') {
  return until(`${messageId} in ${folder}`, () =>
    withMailbox(node, person, async (connection) => {
      const found = await findByMessageId(connection, folder, messageId);
      const uid = found.ok ? found.value.uids[0] : undefined;
      if (!found.ok || uid === undefined) return null;
      const { uidValidity } = found.value;
      const source = await wholeSource(connection, { folder, uidValidity, uid }, 100_000_000);
      if (!source.ok) return null;
      return { bytes: source.value.bytes, place: `${folderId(folder)}/${uidValidity}-${uid}` };
    }),
  );
}

function openAs(person: WorldPerson, bytes: Buffer) {
  const key = keyOfPerson(person);
  const trust = { anchors: [key.root], intermediates: key.chain, explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [key], trust, at: new Date() });
}

const outerSubject = (bytes: Buffer) => /^Subject: (.*?)\r?$/m.exec(bytes.toString('latin1'))?.[1];

async function lineOf(clerk: Visitor, place: string): Promise<string> {
  const list = await clerk.get(`/mail/${place.split('/')[0]}`);
  const row = list.text.split('<tr role="row"').find((one) => one.includes(`href="/mail/${place}"`));
  return /<a class="subject"[^>]*>(.*?)<\/a>/s.exec(row ?? '')?.[1]?.replace(/<[^>]*>/g, '') ?? assert.fail('no row');
}

test('S06 a signed letter has its header inside the signature, and nothing of it is hidden', async () => {
  const { alain: from, marta: to } = world.people;
  const letter = await sendThroughPages(alain, {
    to: to.address,
    subject: 'Only signed',
    text: 'hello',
    encrypt: false,
  });
  const { bytes } = await arrived(to, await messageIdOf(letter));
  assert.match(bytes.toString('latin1'), /hp="clear"/);
  const opened = openAs(to, bytes);
  assert.deepEqual([opened.signature.status, opened.headersProtected, opened.headersChanged], ['trusted', true, []]);
  assert.equal(opened.to[0]?.address, to.address);
  assert.equal(opened.from[0]?.address.toLowerCase(), from.address.toLowerCase());
});

test('S06 to somebody whose program is not known the subject stays visible, and opening it teaches the reader', async () => {
  const { alain: from, marta: to } = world.people;
  const letter = await sendThroughPages(alain, { to: to.address, subject: 'Card 0417', text: 'hello' });
  const { bytes, place } = await arrived(to, await messageIdOf(letter));
  assert.equal(outerSubject(bytes), 'Card 0417');
  const opened = openAs(to, bytes);
  assert.deepEqual([opened.headersProtected, opened.subjectHidden, opened.headersChanged], [true, false, []]);
  assert.equal((await contactOf(to, from)).showsProtectedSubject, null);
  await marta.get(`/mail/${place}`);
  assert.equal((await contactOf(to, from)).showsProtectedSubject, true);
});

test('S06 to a contact whose program shows it the subject is hidden on the way, and the list shows it once opened', async () => {
  const { alain: to } = world.people;
  const letter = await sendThroughPages(marta, { to: to.address, subject: 'Geheime Karte', text: 'hello' });
  const { bytes, place } = await arrived(to, await messageIdOf(letter));
  assert.equal(outerSubject(bytes), '[...]');
  assert.ok(!bytes.includes('Geheime'));
  assert.equal(await lineOf(alain, place), `Unread: ${INSIDE}`);
  const page = await alain.get(`/mail/${place}`);
  assert.match(page.text, /<h1 id="subject"><bdi>Geheime Karte<\/bdi>/);
  assert.match(page.text, /<b>Header not altered<\/b>/);
  assert.equal(await lineOf(alain, place), 'Geheime Karte');
  const locked = await signInAs(node.url, to);
  assert.equal(await lineOf(locked, place), INSIDE, 'sealed while the keys are locked');
});

test('an answer to a hidden subject hides it whatever is known of the reader, and its copy in Sent is found by it', async () => {
  const { alain: from, marta: to } = world.people;
  const { id } = await contactOf(from, to);
  await node.context.database.prisma.contact.update({ where: { id }, data: { showsProtectedSubject: false } });
  const letter = await sendThroughPages(marta, { to: from.address, subject: 'Noch eine', text: 'Frage?' });
  const { place } = await arrived(from, await messageIdOf(letter));
  const draft = await alain.get(`/drafts/new?reply=${place}&mode=reply`);
  assert.match(draft.text, /value="Re: Noch eine"/);
  assert.match(draft.text, /Subject hidden on the way/);
  const sent = await pressOnDraft(alain, draft, { to: to.address, subject: 'Re: Noch eine', text: 'Ja.' }, 'send');
  const messageId = await messageIdOf(sent.url);
  assert.equal(outerSubject((await arrived(to, messageId)).bytes), '[...]');
  const copy = await arrived(from, messageId, 'Sent');
  assert.equal(outerSubject(copy.bytes), '[...]');
  assert.match(await lineOf(alain, copy.place), /Re: Noch eine$/, 'although it was never opened');
});

test('S06 a Bcc recipient whose program is not known gets a copy with the subject in sight, the others not', async () => {
  const { alain: from, marta: to, otto } = world.people;
  const { id } = await contactOf(from, to);
  await node.context.database.prisma.contact.update({ where: { id }, data: { showsProtectedSubject: true } });
  const file = new File([Buffer.alloc(300_000, 'annex ')], 'annex.txt', { type: 'text/plain' });
  const letter = { to: to.address, bcc: otto.address, subject: 'For two', text: 'hello', file };
  const messageId = await messageIdOf(await sendThroughPages(alain, letter));
  const open = await arrived(to, messageId);
  const blind = await arrived(otto, messageId);
  const sent = await arrived(from, messageId, 'Sent');
  assert.deepEqual(
    [open, blind, sent].map(({ bytes }) => outerSubject(bytes)),
    ['[...]', 'For two', '[...]'],
  );
  for (const [reader, { bytes }] of [
    [to, open],
    [otto, blind],
    [from, sent],
  ] as const) {
    const opened = openAs(reader, bytes);
    assert.equal(opened.subject, 'For two');
    assert.deepEqual([opened.signature.status, opened.headersChanged], ['trusted', []], reader.address);
    assert.equal(opened.attachments[0]?.size, 300_000);
  }
});

test('a letter to oneself hides its subject and is found by it all the same', async () => {
  const { alain: own } = world.people;
  const letter = await sendThroughPages(alain, { to: own.address, subject: 'Note to self', text: 'hello' });
  const { bytes, place } = await arrived(own, await messageIdOf(letter));
  assert.equal(outerSubject(bytes), '[...]');
  assert.equal(await lineOf(alain, place), 'Unread: Note to self');
});
