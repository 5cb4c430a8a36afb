import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import type { MessageFlag } from '../../src/mail/imap-mailbox.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { createRootAuthority, issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair } from '../../src/pki/key-pair.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { type SigningKey, sealMessage } from '../../src/smime/seal-message.ts';
import type { World } from '../../testbed/world.ts';
import { composeThroughPages, sendThroughPages } from './compose.ts';
import { fileMessages, keyOfPerson, trustRoot } from './letters.ts';
import { makePartnerAuthority } from './partner-authority.ts';
import { readyClerk, until } from './ready-clerk.ts';
import type { Visitor } from './visitor.ts';

const INBOX = `/mail/${folderId('INBOX')}`;
const SENT = `/mail/${folderId('Sent')}`;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A clerk's office with something of everything in it: who sits there, and the address of each page by name. */
export type Office = { alain: Visitor; marta: Visitor; pages: Record<string, string> };

/** Irene Vidal of a country that joined yesterday: her root is known to nobody here. */
export type Stranger = SigningKey & { root: Certificate };

export async function makeStranger(): Promise<Stranger> {
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 90 * DAY_MS) };
  const organisation = { organisation: 'Ministerio de Transportes', country: 'ES' };
  const root = await createRootAuthority({
    name: 'DGT Transporte Root',
    ...organisation,
    ...life,
    keyAlgorithm: 'RSA-2048',
  });
  const pair = await generateKeyPair('RSA-2048');
  const certificate = await issuePersonalCertificate({
    issuer: root,
    name: 'Irene Vidal',
    ...organisation,
    ...life,
    address: 'Irene.Vidal@tcn.es.eu-admin.net',
    publicKey: pair.publicKey,
    usage: 'both',
    policyOid: '2.23.140.1.5.3.1',
  });
  const privateKey = createPrivateKey({ key: pair.privateKey, format: 'der', type: 'pkcs8' });
  return { certificate, privateKey, chain: [root.certificate], root: root.certificate };
}

export type Piece = {
  from?: string;
  subject: string;
  text?: string;
  /** A whole entity in place of the text */
  mime?: string;
  sign?: SigningKey;
  encryptTo?: readonly Certificate[];
  gcm?: boolean;
  at?: Date;
};

/** A message to Alain as another program would have written it. */
export function messageTo(world: World, piece: Piece): Buffer {
  const { alain, marta } = world.people;
  const at = piece.at ?? new Date();
  const encoded = Buffer.from(piece.subject).toString('base64');
  return sealMessage({
    mime: Buffer.from(piece.mime ?? plain(piece.text ?? 'Mit freundlichen Grüßen\r\nMarta Klein')),
    headers: Buffer.from(
      [
        `From: ${piece.from ?? `${marta.name} <${marta.address}>`}`,
        `To: ${alain.name} <${alain.address}>`,
        `Subject: =?utf-8?B?${encoded}?=`,
        `Date: ${at.toUTCString().replace('GMT', '+0000')}`,
        `Message-ID: <${crypto.randomUUID()}@tcn.d.eu-admin.net>`,
        '',
      ].join('\r\n'),
    ),
    sign: piece.sign,
    encryptTo: piece.encryptTo,
    content: piece.gcm === false ? 'aes-256-cbc' : 'aes-256-gcm',
    at,
  });
}

const plain = (text: string) =>
  `Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${text}\r\n`;

const WITH_PICTURES = [
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<h1>Weekly list 47</h1><p>Stolen driver cards, see <a href="https://cards.example/47">the list</a>.</p><img src="https://cards.example/47.png">',
  '--b',
  'Content-Type: application/pdf; name="liste-47.pdf"',
  'Content-Disposition: attachment; filename="liste-47.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQ=',
  '--b',
  'Content-Type: image/jpeg; name="a photograph with a rather long name of the workshop card, front and back.jpg"',
  'Content-Disposition: attachment',
  'Content-Transfer-Encoding: base64',
  '',
  '/9j/4AAQSkZJRg==',
  '--b--',
  '',
].join('\r\n');

const PART_SIGNED_NOTE = 'An announcement was added on the way.';

/** Only one part of the message is signed, as after a list server has added its lines. */
function partlySigned(world: World, key: SigningKey): Buffer {
  const whole = messageTo(world, { subject: 'Minutes of the exchange group', sign: key });
  const split = whole.indexOf('\r\nMIME-Version: 1.0\r\n');
  const entity = whole.subarray(split + '\r\nMIME-Version: 1.0\r\n'.length);
  return Buffer.concat([
    whole.subarray(0, split),
    Buffer.from('\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n'),
    entity,
    Buffer.from(`\r\n--outer\r\n${plain(PART_SIGNED_NOTE)}--outer--\r\n`),
  ]);
}

/** Every state a message can be in, by the name of the state. */
export function oneOfEach(world: World, stranger: Stranger): Record<string, Buffer> {
  const marta = keyOfPerson(world.people.marta);
  const alain = keyOfPerson(world.people.alain);
  const otto = keyOfPerson(world.people.otto);
  const readers = [alain.certificate, marta.certificate];
  const signed = messageTo(world, { subject: 'Please sign once more', text: 'Card 0417 is valid.', sign: marta });
  return {
    unsigned: messageTo(world, { subject: 'Opening hours of the card office', text: 'We are closed on Friday.' }),
    invalid: Buffer.from(signed.toString('latin1').replace('Card 0417 is valid', 'Card 0418 is valid'), 'latin1'),
    mismatch: messageTo(world, {
      subject: 'In the name of Marta',
      from: `${world.people.marta.name} <${world.people.marta.address}>`,
      sign: otto,
    }),
    'two senders': messageTo(world, {
      subject: 'Sent on as one’s own',
      mime: `From: ${world.people.otto.address}\r\nSubject: The list of today\r\nContent-Type: text/plain; hp="clear"\r\n\r\nHello\r\n`,
      sign: otto,
    }),
    partial: partlySigned(world, marta),
    untrusted: messageTo(world, {
      subject: 'Signed message for our first exchange',
      from: 'Irene Vidal <Irene.Vidal@tcn.es.eu-admin.net>',
      sign: stranger,
    }),
    unreadable: messageTo(world, { subject: 'Not for you', encryptTo: [otto.certificate] }),
    malleable: messageTo(world, { subject: 'Encrypted by an old program', encryptTo: readers, gcm: false }),
    pictures: messageTo(world, { subject: 'Weekly list 47', mime: WITH_PICTURES, sign: marta }),
    marked: messageTo(world, {
      subject: 'SENSITIVE: Personnel department and line managers only - Leave of the card office',
      sign: { ...marta, marking: 'SENSITIVE: Personnel department and line managers only' },
      encryptTo: readers,
    }),
    'said to be sensitive': messageTo(world, { subject: 'SENSITIVE - Says who?', sign: marta }),
    signed: messageTo(world, { subject: 'Asking for a secure link', sign: marta }),
    trusted: messageTo(world, {
      subject: 'Driver card 0417: two applications for one person',
      mime: WITH_PICTURES,
      sign: marta,
      encryptTo: readers,
    }),
  };
}

/** Address of the page of the newest message of a folder with this subject. */
export function pageOf(clerk: Visitor, subject: string, folder = INBOX): Promise<string> {
  return until(`a message ${subject}`, async () => {
    const list = await clerk.get(folder);
    const row = list.text.split('<tr role="row"').find((one) => one.includes(subject));
    return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1];
  });
}

/** Two clerks go through everything once, and leave the traces of it. */
export async function furnishOffice(node: Node, world: World, stranger: Stranger): Promise<Office> {
  const alain = await readyClerk(node.url, world, world.people.alain);
  const marta = await readyClerk(node.url, world, world.people.marta);
  const pages: Record<string, string> = {};
  await fileBulk(node, world);
  for (const [state, bytes] of Object.entries(oneOfEach(world, stranger))) {
    await fileMessages(node, world.people.alain, [bytes]);
    pages[`message ${state}`] = await newest(alain);
    await alain.get(pages[`message ${state}`] ?? '');
  }
  pages['message revoked'] = await revokedPartner(node, world, alain);
  pages['contact'] = await addContact(alain, pages['message trusted'] ?? '');
  pages['contact without trust'] = await addContact(alain, pages['message untrusted'] ?? '');
  await askForLink(alain, world);
  Object.assign(pages, await writeLetters(alain, world));
  Object.assign(pages, await decideTrust(alain, pages['message untrusted'] ?? '', stranger));
  Object.assign(pages, await linkedPages(alain, pages['contact']));
  return { alain, marta, pages };
}

/** A partner whose own authority took the certificate back, by a list that Alain added from a file. */
async function revokedPartner(node: Node, world: World, clerk: Visitor): Promise<string> {
  const address = 'nora.berg@vegvesen.example';
  const authority = makePartnerAuthority('Veivesen Rot', 'Statens vegvesen');
  const nora = authority.person('Nora Berg', address);
  await trustRoot(node, world.people.alain, authority.root);
  await clerk.get('/trust');
  const list = new File([new Uint8Array(authority.list([nora.certificate]))], 'vegvesen.crl');
  await clerk.upload('/trust/revocation-lists', [['lists', list]]);
  const piece = {
    from: `Nora Berg <${address}>`,
    subject: 'Signed with a certificate that was taken back',
    sign: nora,
  };
  await fileMessages(node, world.people.alain, [messageTo(world, piece)]);
  return newest(clerk);
}

/** More than one page of the list, some read and some answered. */
async function fileBulk(node: Node, world: World): Promise<void> {
  const kinds: (readonly MessageFlag[])[] = [[], ['seen'], ['seen', 'answered']];
  for (const [index, flags] of [...kinds.entries()].reverse()) {
    const letters = Array.from({ length: 18 }, (_, count) =>
      messageTo(world, { subject: `Enquiry 2026-0${300 + index * 20 + count}`, text: 'Is this card still valid?' }),
    );
    await fileMessages(node, world.people.alain, letters, {
      flags,
      date: new Date(Date.now() - (index + 1) * 2 * DAY_MS),
    });
  }
}

async function newest(clerk: Visitor): Promise<string> {
  const list = await clerk.get(INBOX);
  return /<a class="subject" href="([^"]+)"/.exec(list.text)?.[1] ?? assert.fail('the inbox is empty');
}

async function addContact(clerk: Visitor, message: string): Promise<string> {
  await clerk.get(message);
  const [, , folder = '', id = ''] = message.split('/');
  const answer = await clerk.post('/contacts/from-message', { folder, message: id });
  assert.match(answer.url, /^\/contacts\//);
  return answer.url;
}

async function askForLink(clerk: Visitor, world: World): Promise<void> {
  const page = await clerk.get('/contacts/link');
  const nonce = /name="nonce" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
  const { name, address } = world.people.otto;
  const letter = { subject: 'Secure link', text: 'Please send me a signed message.' };
  await clerk.post('/contacts/link', { nonce, recipients: `${name} <${address}>`, ...letter });
}

async function writeLetters(clerk: Visitor, world: World): Promise<Record<string, string>> {
  const { marta } = world.people;
  const to = `${marta.name} <${marta.address}>`;
  const file = new File(['%PDF-1.4 register extract'], 'Auszug 0417.pdf', { type: 'application/pdf' });
  const letter = await sendThroughPages(clerk, {
    to,
    subject: 'Card 0417: answer',
    text: 'Dear Marta,\n\nit is valid.',
    file,
  });
  const draft = await composeThroughPages(clerk, { to, subject: 'Half a letter', text: 'Dear Marta,', file }, 'save');
  const marked = await sendThroughPages(clerk, {
    to,
    subject: 'Card 0417: who asked',
    text: 'Dear Marta,',
    marking: 'instructed',
    handling: 'Personnel only',
  });
  const refused = await composeThroughPages(clerk, {
    to,
    subject: 'Restreint UE: card 0417',
    text: 'Dear Marta,',
    encrypt: false,
    sign: false,
    marking: 'instructed',
    handling: 'Personnel department and line managers only',
  });
  const [, question = ''] = (await pageOf(clerk, 'Leave of the card office')).split('/mail/');
  const answer = await clerk.get(`/drafts/new?reply=${question}&mode=reply`);
  const missing = await composeThroughPages(clerk, {
    to: `${to}, Lars Holm <lars.holm@tcn.s.eu-admin.net>`,
    subject: 'To somebody without a Digital ID',
    text: 'Dear Lars,',
  });
  return {
    letter,
    draft: draft.url,
    'draft refused': missing.url,
    'draft marked': refused.url,
    'letter marked': marked,
    'answer to marked': answer.url,
    'message sent': await pageOf(clerk, 'Card 0417: answer', SENT),
  };
}

/** One certificate is trusted by itself, and a root from a file waits for a decision. */
async function decideTrust(clerk: Visitor, message: string, stranger: Stranger): Promise<Record<string, string>> {
  const [, , folder = '', id = ''] = message.split('/');
  const query = `folder=${folder}&message=${id}`;
  const other = await createRootAuthority({
    name: 'Kraftfahrt Wurzel 7',
    country: 'DE',
    keyAlgorithm: 'RSA-2048',
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 400 * DAY_MS),
  });
  await clerk.get('/trust');
  await clerk.upload('/trust/import', [['files', new File([new Uint8Array(other.certificate.der)], 'root.cer')]]);
  const trust = await clerk.get('/trust');
  const confirm = /\/trust\/anchors\/[\w-]+\/confirm/.exec(trust.text)?.[0] ?? assert.fail('no root to confirm');
  const withdraw = /\/trust\/anchors\/[\w-]+\/withdraw/.exec(trust.text)?.[0] ?? assert.fail('no root to withdraw');
  const accept = /\/trust\/programme\/[\w-]+\/accept/.exec(trust.text)?.[0];
  assert.ok(stranger.certificate);
  return {
    'settle issuer': `/trust/confirm?${query}`,
    'confirm certificate': `/trust/certificates/confirm?${query}`,
    'confirm root': confirm,
    'withdraw root': withdraw,
    ...(accept ? { 'accept programme root': accept } : {}),
  };
}

async function linkedPages(clerk: Visitor, contact: string): Promise<Record<string, string>> {
  const card = await clerk.get('/digital-ids');
  const id = /\/digital-ids\/[0-9a-f-]{36}/.exec(card.text)?.[0] ?? assert.fail('no Digital ID');
  const page = await clerk.get(contact);
  const remove =
    /\/contacts\/[\w-]+\/ids\/[\w-]+\/remove/.exec(page.text)?.[0] ?? assert.fail('no Digital ID of the contact');
  return {
    'digital id': id,
    backup: `${id}/backup`,
    'remove contact': `${contact}/remove`,
    'remove digital id of a contact': remove,
    inbox: INBOX,
    'inbox, second page': `${INBOX}?page=2`,
    'empty folder': `/mail/${folderId('Trash')}`,
    'sent folder': SENT,
    ...PLACES,
  };
}

const PLACES = {
  'first steps': '/first-steps',
  contacts: '/contacts',
  'ask for a secure link': '/contacts/link',
  'digital ids': '/digital-ids',
  'import digital id': '/digital-ids/import',
  'send certificates': '/digital-ids/send',
  trust: '/trust',
  'nothing ends': '/expiry',
  drafts: '/drafts',
  letters: '/letters',
  settings: '/settings',
  help: '/help',
  certificates: '/certificates',
  'change passphrase': '/keys/passphrase',
  recovery: '/keys/recovery',
  unlock: '/keys/unlock',
  'no such page': '/nowhere',
  'no such folder': `/mail/${folderId('No such folder')}`,
  'no such message': `${INBOX}/1-99999`,
} as const;
