import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { findByMessageId } from '../../src/mail/imap-mailbox.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { openMessage } from '../../src/smime/open-message.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { composeThroughPages, faultsOf, pressOnDraft, sendThroughPages } from '../support/compose.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot, withMailbox } from '../support/letters.ts';
import { messageTo } from '../support/office.ts';
import { until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { wholeSource } from '../support/whole-source.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PASSPHRASE = 'quiet harbour lantern 42';
const MARKING = 'SENSITIVE: Personnel only';
const INSTRUCTED = { marking: 'instructed', handling: 'Personnel only' } as const;

let world: World;
let node: Node;
let alain: Visitor;
let marta: Visitor;

before(async () => {
  world = await startTestWorld({ network: 97 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  const { alain: belgian, marta: german } = world.people;
  alain = await settleIn(node, belgian, PASSPHRASE);
  marta = await settleIn(node, german, PASSPHRASE);
  for (const person of [belgian, german]) await trustRoot(node, person, keyOfPerson(belgian).root);
  await storeContact(belgian, german);
  await storeContact(german, belgian);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

/** The reader's Digital ID in the writer's contacts, whose program is known not to show hidden subjects. */
async function storeContact(writer: WorldPerson, reader: WorldPerson): Promise<void> {
  const { certificate, chain } = keyOfPerson(reader);
  const { prisma } = node.context.database;
  const account = await prisma.account.findUniqueOrThrow({ where: { addressKey: writer.address.toLowerCase() } });
  const stored = {
    certificate: new Uint8Array(certificate.der),
    chain: chain.map((one) => new Uint8Array(one.der)),
    sha256: certificate.sha256,
  };
  const { address } = reader;
  const names = { name: address, address, addressKey: address.toLowerCase(), showsProtectedSubject: false };
  const certificates = { create: { ...stored, isDefault: true, source: 'test' } };
  await prisma.contact.create({ data: { accountId: account.id, ...names, certificates } });
}

const lettersSent = () => node.context.database.prisma.letter.count();

async function messageIdOf(letter: string): Promise<string> {
  const id = letter.split('/').at(-1) ?? '';
  return (await node.context.database.prisma.letter.findUniqueOrThrow({ where: { id } })).messageId;
}

/** The copy of a letter in a person's folder, with the address of its page. */
async function arrived(person: WorldPerson, letter: string, folder = 'INBOX') {
  const messageId = await messageIdOf(letter);
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
  const trust = { anchors: [key.root], intermediates: [], explicitlyTrusted: [] };
  return openMessage({ bytes, keys: [key], trust, at: new Date() });
}

const outerField = (bytes: Buffer, name: string) =>
  new RegExp(`^${name}: (.*?)\\r?$`, 'm').exec(bytes.toString('latin1').split('\r\n\r\n')[0] ?? '')?.[1];

async function rowOf(clerk: Visitor, place: string): Promise<string> {
  const list = await clerk.get(`/mail/${place.split('/')[0]}`);
  return (
    list.text.split('<tr role="row"').find((one) => one.includes(`href="/mail/${place}"`)) ?? assert.fail('no row')
  );
}

const stampOf = (text: string) => /<span class="stamp"><bdi>([^<]*)<\/bdi>/.exec(text)?.[1] ?? null;

test('S06 a marked letter arrives with its marking bound, and says so beside the subject, in the list and in print', async () => {
  const { alain: from, marta: to } = world.people;
  const letter = await sendThroughPages(alain, { to: to.address, subject: 'Card 0417', text: 'hello', ...INSTRUCTED });
  const sentPage = await alain.get(letter);
  assert.equal(stampOf(sentPage.text), MARKING);
  const { bytes, place } = await arrived(to, letter);
  assert.equal(outerField(bytes, 'Subject'), `${MARKING} - Card 0417`);
  assert.equal(outerField(bytes, 'Sensitivity'), 'Company-Confidential');
  const opened = openAs(to, bytes);
  assert.equal(opened.signature.status, 'trusted');
  assert.deepEqual(opened.marking, { text: MARKING, bound: true });
  assert.equal(opened.encryption.algorithm?.startsWith('AES-256'), true);
  assert.deepEqual(opened.headersChanged, []);
  assert.match(await rowOf(marta, place), /<span class="mark ">.*?Says SENSITIVE/, 'not opened yet');
  const page = await marta.get(`/mail/${place}`);
  assert.equal(stampOf(page.text), MARKING);
  assert.match(page.text, /The sender’s signature binds this marking/);
  assert.match(await rowOf(marta, place), /<span class="mark blue boxed">.*?SENSITIVE</);
  const print = await marta.get(`/mail/${place}/print`);
  assert.match(print.text, /Marking[\s\S]*?SENSITIVE: Personnel only \(bound by the signature\)/);
  const copy = await arrived(from, letter, 'Sent');
  assert.equal(stampOf((await alain.get(`/mail/${copy.place}`)).text), MARKING);
});

test('S06 replies and forwards keep the marking, in the subject once, and the form cannot take it off', async () => {
  const { alain: first, marta: second } = world.people;
  const sides = [
    { clerk: marta, own: second, other: first },
    { clerk: alain, own: first, other: second },
  ];
  let letter = await sendThroughPages(alain, { to: second.address, subject: 'Card 99', text: 'hello', ...INSTRUCTED });
  for (const { clerk, own, other } of sides) {
    const { place } = await arrived(own, letter);
    const draft = await clerk.get(`/drafts/new?reply=${place}&mode=reply`);
    assert.match(draft.text, /name="subject"[^>]* value="Re: Card 99"/);
    assert.equal(stampOf(draft.text), MARKING);
    const answer = { to: other.address, subject: 'Re: Card 99', text: 'Yes.', marking: 'none' } as const;
    const refused = await pressOnDraft(clerk, draft, { ...answer, encrypt: false, sign: false }, 'send');
    assert.match(faultsOf(refused), /Marked, but not signed/);
    letter = (await pressOnDraft(clerk, await clerk.get(refused.url), answer, 'send')).url;
    const { bytes } = await arrived(other, letter);
    const opened = openAs(other, bytes);
    assert.equal(opened.subject, `${MARKING} - Re: Card 99`);
    assert.deepEqual(opened.marking, { text: MARKING, bound: true });
  }
  const { place } = await arrived(second, letter);
  const forward = await marta.get(`/drafts/new?reply=${place}&mode=forward`);
  assert.match(forward.text, /name="subject"[^>]* value="Fwd: Re: Card 99"/);
  assert.equal(stampOf(forward.text), MARKING);
});

test('S06 a marked letter is refused without encryption, and nothing of it leaves', async () => {
  const before = await lettersSent();
  const letter = { to: world.people.marta.address, subject: 'Card', text: 'hello', marking: 'sensitive' } as const;
  const answer = await composeThroughPages(alain, { ...letter, encrypt: false });
  assert.equal(answer.status, 422);
  assert.match(faultsOf(answer), /Marked, but not encrypted/);
  assert.equal(await lettersSent(), before);
});

test('S06 where the subject is hidden on the way the marking is, too, and both are shown once opened', async () => {
  const { alain: own } = world.people;
  const letter = await sendThroughPages(alain, { to: own.address, subject: 'Note', text: 'x', marking: 'sensitive' });
  const { bytes, place } = await arrived(own, letter);
  assert.equal(outerField(bytes, 'Subject'), '[...]');
  assert.doesNotMatch(bytes.toString('latin1'), /sensitiv/i);
  const page = await alain.get(`/mail/${place}`);
  assert.equal(stampOf(page.text), 'SENSITIVE');
  assert.match(page.text, /<h1 id="subject"><bdi>Note<\/bdi>/);
  const row = await rowOf(alain, place);
  assert.match(row, /SENSITIVE - Note/);
  assert.match(row, /<span class="mark blue boxed">.*?SENSITIVE</);
});

test('S06 what only says that it is sensitive never gets the stamp, whatever it paints', async () => {
  const { alain: reader, marta: sender } = world.people;
  const html =
    'Content-Type: text/html\r\n\r\n<p class="marking"><span class="stamp">SENSITIVE: Personnel only</span> The sender’s signature binds this marking.</p>\r\n';
  const messages = [
    messageTo(world, { subject: 'SENSITIVE: Staff - painted', mime: html }),
    messageTo(world, { subject: 'SENSITIVE - signed, no label', mime: html, sign: keyOfPerson(sender) }),
  ];
  await fileMessages(node, reader, messages);
  const list = await alain.get(`/mail/${folderId('INBOX')}`);
  for (const [subject, words] of [
    ['painted', 'SENSITIVE: Staff'],
    ['signed, no label', 'SENSITIVE'],
  ] as const) {
    const row = list.text.split('<tr role="row"').find((one) => one.includes(subject)) ?? assert.fail(subject);
    const href = /href="(\/mail\/[^"]+)"/.exec(row)?.[1] ?? '';
    const page = await alain.get(href);
    assert.equal(stampOf(page.text), null);
    assert.match(page.text, new RegExp(`Says it is sensitive: <bdi>${words}</bdi>`));
    assert.match(page.text, /No trusted signature binds this marking/);
    assert.match((await alain.get(`${href}/print`)).text, /NOT bound by a trusted signature/);
    assert.doesNotMatch(await rowOf(alain, href.slice('/mail/'.length)), /mark blue boxed/);
    const draft = await alain.get(`/drafts/new?reply=${href.slice('/mail/'.length)}&mode=reply`);
    assert.match(draft.text, /keeps its marking/, 'an answer is careful all the same');
  }
});
