import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { submit } from '../../src/mail/submission.ts';
import { collectContent } from '../../src/mime/content.ts';
import { parseEntity } from '../../src/mime/parse.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import type { World } from '../../testbed/world.ts';
import { sendThroughPages } from '../support/compose.ts';
import { keyOfPerson, settleIn } from '../support/letters.ts';
import { OpensslPartner, type OutgoingMail } from '../support/openssl-partner.ts';
import { PASSPHRASE, trustRoot, until } from '../support/ready-clerk.ts';
import type { Answer, Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const INBOX = `/mail/${folderId('INBOX')}`;
const PASSWORD = 'partner-mailbox-password';
const TEXT = 'Grüße aus Köln: 100 € für die Prüfung, „Ja“.\n\nFrom the second paragraph\n.\nend of it\n';

let world: World;
let node: Node;
let alain: Visitor;
let partner: OpensslPartner;

before(async () => {
  world = await startTestWorld({ network: 90 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '100' });
  partner = new OpensslPartner('Erika Muster', 'erika.muster@tcn.d.eu-admin.net');
  await world.testbed.addOwnAccount('d', partner.address, PASSWORD);
  alain = await settleIn(node, world.people.alain, PASSPHRASE);
  await trustRoot(alain, world);
});
after(async () => {
  partner?.remove();
  await node?.stop();
  await world?.stop();
});

/** The partner's program submits to the partner's own server; gives Alain's page of the message once it arrived. */
async function receive(mail: Omit<OutgoingMail, 'to'>, change = (bytes: Buffer) => bytes): Promise<string> {
  const to = world.people.alain.address;
  const bytes = change(partner.writeMail({ ...mail, to }));
  const envelope = { from: partner.address, to: [to], envelopeId: crypto.randomUUID() };
  const server = world.testbed.countries.d.mailServer;
  const sent = await submit(server, { user: partner.address, password: PASSWORD }, envelope, [bytes]);
  assert.equal(sent.outcome, 'accepted', JSON.stringify(sent));
  return until(`"${mail.subject}" in the inbox`, async () => {
    const row = (await alain.get(INBOX)).text.split('<tr role="row"').find((one) => one.includes(mail.subject));
    return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1];
  });
}

/** The text of a message as its frame shows it. */
async function textOf(href: string): Promise<string> {
  const body = (await alain.get(`${href}/body`)).text;
  const shown = /<body[^>]*>([\s\S]*)<\/body>/.exec(body)?.[1] ?? '';
  const plain = shown.replace(/<\/p>\s*<p[^>]*>/g, '\n\n').replace(/<[^>]+>/g, '');
  return plain.trim();
}

/** The message that lies in the partner's mailbox, as it was stored; reports about the partner's own letters quote their headers. */
function arrived(pick: (message: Buffer) => boolean): Promise<Buffer> {
  return until('the letter in the partner’s mailbox', async () => {
    for (const folder of ['new', 'cur']) {
      const at = path.join(world.testbed.mailboxFolder(partner.address), folder);
      for (const name of await readdir(at).catch(() => [])) {
        const bytes = await readFile(path.join(at, name));
        if (!bytes.includes('multipart/report') && pick(bytes)) return bytes;
      }
    }
    return null;
  });
}

const entity = (text: string) => `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n${text}`;
const alainPem = () => toPem([keyOfPerson(world.people.alain).certificate]);
const worldRootPem = () => toPem([keyOfPerson(world.people.alain).root]);
const claimOf = (page: Answer) =>
  /class="claim" id="claim">([\s\S]*?)<\/h/.exec(page.text)?.[1]?.replace(/<[^>]+>/g, '');

test('S03 S04 a letter signed with openssl warns, and is trusted once its root came by file and was confirmed by telephone', async () => {
  const href = await receive({ subject: 'Signed with openssl', content: entity(TEXT), sign: 'clear' });
  const before = await alain.get(href);
  assert.equal(claimOf(before), 'Warning: the issuer of this signature is not trusted');
  assert.equal(await textOf(href), TEXT.trim());

  const settle = /href="(\/trust\/confirm\?[^"]+)"/.exec(before.text)?.[1]?.replaceAll('&amp;', '&');
  const missing = await alain.get(settle ?? assert.fail('no way to settle the issuer'));
  const file = new File([new Uint8Array(partner.read('root.pem'))], 'root.pem');
  const back = /name="back" value="([^"]+)"/.exec(missing.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const offered = await alain.upload('/trust/import', [
    ['back', back],
    ['files', file],
  ]);
  const action = /action="(\/trust\/anchors\/[0-9a-f-]+\/confirm)"/.exec(offered.text)?.[1];
  assert.ok(!offered.text.replaceAll(' ', '').toLowerCase().includes(partner.rootThumbprint), 'it must be read out');
  assert.equal(claimOf(await alain.get(href)), claimOf(before), 'the file alone makes nothing trusted');
  await alain.get(back);
  const wrong = await alain.post(action ?? '', { thumbprint: 'ab'.repeat(32), source: 'telephone' });
  assert.equal(wrong.status, 400);
  const done = await alain.post(action ?? '', { thumbprint: partner.rootThumbprint, source: 'telephone' });
  assert.equal(done.status, 200);
  assert.equal(claimOf(await alain.get(href)), 'Signed by Erika Muster. Signature trusted.');
});

test('S14 opaque-signed, encrypted, and signed inside encrypted letters of openssl open with exact text', async () => {
  const content = entity(TEXT);
  const shapes: [Omit<OutgoingMail, 'to'>, string | undefined, RegExp][] = [
    [{ subject: 'Opaque', content, sign: 'opaque' }, 'Signed by Erika Muster. Signature trusted.', /Not encrypted/],
    [{ subject: 'Only encrypted', content, encryptTo: alainPem() }, undefined, /Encrypted to you/],
    [
      { subject: 'Signed inside', content, sign: 'clear', encryptTo: alainPem() },
      'Signed by Erika Muster. Signature trusted.',
      /Encrypted to you/,
    ],
    [
      { subject: 'Opaque inside', content, sign: 'opaque', encryptTo: alainPem() },
      'Signed by Erika Muster. Signature trusted.',
      /Encrypted to you/,
    ],
  ];
  for (const [mail, claim, encryption] of shapes) {
    const href = await receive(mail);
    const page = await alain.get(href);
    assert.equal(claimOf(page), claim, mail.subject);
    assert.match(page.text, encryption);
    assert.equal(await textOf(href), TEXT.trim(), mail.subject);
  }
});

test('a letter of openssl that was changed on its way is invalid, and no way to trust it is offered', async () => {
  const change = (bytes: Buffer) => Buffer.from(bytes.toString('latin1').replace('100', '900'), 'latin1');
  const href = await receive({ subject: 'Changed', content: entity(TEXT), sign: 'clear' }, change);
  const page = await alain.get(href);
  assert.match(page.text, /class="warning invalid"/);
  assert.doesNotMatch(page.text, /\/trust\/confirm\?|\/contacts\/from-message/);
});

test('S14 T16 a letter to a contact whose .cer was imported is decrypted and verified by openssl, text and attachment exact', async () => {
  await alain.get('/contacts');
  const contact = await alain.post('/contacts', { name: 'Erika Müster', address: partner.address });
  const url = /^\/contacts\/[0-9a-f-]{36}/.exec(contact.url)?.[0] ?? assert.fail(contact.url);
  const cer = new File([new Uint8Array(partner.read('me.cer'))], 'erika.cer');
  const imported = await alain.upload(`${url}/import`, [['files', cer]]);
  assert.equal(imported.status, 200);
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7) % 256));
  await sendThroughPages(alain, {
    to: `Erika <${partner.address}>`,
    subject: 'Prüfung der Fahrerkarten – geheim',
    text: TEXT,
    file: new File([bytes], 'Übersicht.bin', { type: 'application/octet-stream' }),
  });
  const message = await arrived((one) => one.includes('enveloped-data'));
  const wire = (await world.testbed.wireCopies()).filter((copy) => copy.includes(`To: Erika <${partner.address}>`));
  assert.ok(wire.length > 0, 'the relay kept a copy');
  for (const copy of [message, ...wire])
    assert.ok(!copy.includes('second paragraph') && !copy.includes('bersicht.bin'));
  const signed = partner.decrypt(message);
  const { content } = partner.verify(signed, worldRootPem());
  const { text, attachments } = collectContent(parseEntity(content));
  assert.equal(text?.replaceAll('\r\n', '\n').trimEnd(), TEXT.trimEnd());
  assert.deepEqual(
    attachments.map(({ name }) => name),
    ['Übersicht.bin'],
  );
  assert.deepEqual(Buffer.from(attachments[0]?.bytes() ?? ''), bytes);
  assert.throws(
    () => partner.verify(signed, partner.read('root.pem').toString()),
    /verif/i,
    'openssl does check the root',
  );
});

test('T18 a signed letter without encryption reaches openssl whole through both countries’ servers', async () => {
  await sendThroughPages(alain, { to: partner.address, subject: 'Signed only', text: TEXT, encrypt: false });
  const message = await arrived((one) => one.includes('Subject: Signed only'));
  const { content } = partner.verify(message, worldRootPem());
  assert.match(content.toString(), /Content-Type: text\/plain/i);
});

test('S12 "send my certificates" brings the whole path to a partner: Digital ID, issuing CA and root', async () => {
  const page = await alain.get('/digital-ids/send');
  const nonce = /name="nonce" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
  assert.match(page.text, /name="root" value="yes" checked/);
  const send = (text: string, fields: Record<string, string>, id: string) =>
    alain.post('/digital-ids/send', { to: partner.address, text, nonce: id, ...fields });
  const sent = await send('Mine and the root', { root: 'yes' }, nonce);
  assert.equal(sent.url, '/digital-ids', sent.text.slice(0, 300));
  const { certificate, chain } = keyOfPerson(world.people.alain);
  const came = async (text: string) => {
    const message = await arrived((one) => one.includes('multipart/signed') && one.includes(text));
    return partner.verify(message, worldRootPem()).certificates.sort();
  };
  assert.deepEqual(await came('Mine and the root'), [certificate, ...chain].map((one) => one.sha256).sort());
  assert.ok(chain.some((one) => one.sha256 === world.root.sha256));
  // Not asked for: whoever has the root already is not sent it again.
  await send('Mine alone', {}, `own-certificates-${randomUUID()}`);
  const without = [certificate, ...chain.filter((one) => one.sha256 !== world.root.sha256)];
  assert.deepEqual(await came('Mine alone'), without.map((one) => one.sha256).sort());
});
