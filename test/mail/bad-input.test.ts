import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectMailbox } from '../../src/mail/imap-connection.ts';
import { createFolder } from '../../src/mail/imap-folders.ts';
import type { Node } from '../../src/server.ts';
import { mailServerOf } from '../../src/services/accounts/mail-server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { World } from '../../testbed/world.ts';
import { composeThroughPages, pressOnDraft, sendThroughPages } from '../support/compose.ts';
import { startCpuClock } from '../support/cpu-clock.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot, withMailbox } from '../support/letters.ts';
import { PASSPHRASE, until } from '../support/ready-clerk.ts';
import { type Answer, signInAs, type Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const MiB = 1024 * 1024;
const INBOX = `/mail/${folderId('INBOX')}`;
const TEXT = 'Content-Type: text/plain; charset=utf-8\r\n\r\nStill readable\r\n';

let world: World;
let node: Node;
let alain: Visitor;

before(async () => {
  world = await startTestWorld({ network: 91 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  alain = await settleIn(node, world.people.alain, PASSPHRASE);
  await trustRoot(node, world.people.alain, keyOfPerson(world.people.alain).root);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

/** A page with words for a person: no fault of the server, no inner words. */
function assertPage(answer: Answer, what: string, status = 200): void {
  assert.equal(answer.status, status, what);
  assert.ok(!/node_modules|\.ts:\d|at async|Error:|\[object |\bundefined\b/.test(answer.text), `${what}: inner words`);
  assertSays(answer, /<h1[ >]/, `${what}: no page`);
}

/** The page, or else a short word about what it says instead. */
function assertSays(answer: Answer, pattern: RegExp, what = answer.url): void {
  const main = /<main[\s\S]*<\/main>/.exec(answer.text)?.[0] ?? answer.text;
  const words = main.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
  assert.ok(pattern.test(answer.text), `${what}: not ${pattern} but ${words.slice(0, 600)}`);
}

type Protected = { sign?: boolean; encrypt?: boolean; opaque?: boolean; subject?: string; from?: string };

function headersOf({
  subject = 'Letter',
  from = `Marta Klein <${world.people.marta.address}>`,
}: Protected = {}): string {
  return [
    `From: ${from}`,
    `To: <${world.people.alain.address}>`,
    `Subject: ${subject}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${crypto.randomUUID()}@tcn.d.eu-admin.net>`,
    '',
  ].join('\r\n');
}

/** Marta writes to Alain with a program of her own. */
function seal(mime: string, options: Protected): Buffer {
  const marta = keyOfPerson(world.people.marta);
  const reader = keyOfPerson(world.people.alain);
  return sealMessage({
    mime: Buffer.from(mime),
    headers: Buffer.from(headersOf(options)),
    sign: options.sign ? marta : undefined,
    encryptTo: options.encrypt ? [reader.certificate, marta.certificate] : undefined,
    opaque: options.opaque,
    at: new Date(),
  });
}

/** Files a message and gives the address of its page. */
async function arrive(bytes: Buffer, visitor = alain, person = world.people.alain): Promise<string> {
  await fileMessages(node, person, [bytes]);
  const list = await visitor.get(INBOX);
  assertPage(list, 'the list');
  return /<a class="subject" href="([^"]+)"/.exec(list.text)?.[1] ?? assert.fail('nothing in the list');
}

const rowOf = async (href: string) =>
  (await alain.get(INBOX)).text.split('<tr role="row"').find((row) => row.includes(`href="${href}"`)) ?? '';

/** Opens everything that can be asked of a message; each answer is a page, and the message itself stays as it came. */
async function openAll(href: string, bytes: Buffer, what: string): Promise<Answer> {
  const spentMs = startCpuClock();
  const page = await alain.get(href);
  assertPage(page, what);
  assert.ok(spentMs() < 5000, `${what} took ${Math.round(spentMs())} ms`);
  for (const part of ['body', 'source', 'print']) {
    const answer = await alain.get(`${href}/${part}`);
    assert.equal(answer.status, 200, `${what}, ${part}`);
  }
  assert.ok((await alain.get(`${href}/message.eml`)).bytes.equals(bytes), `${what} can be saved as it came`);
  return page;
}

const nested = (levels: number): string => {
  let mime = TEXT;
  for (let level = 0; level < levels; level++) {
    mime = `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n${mime}\r\n--b${level}--\r\n`;
  }
  return mime;
};

test('broken MIME gives a page each time, and the message can be saved as it came', async () => {
  const boundary = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';
  const broken: Record<string, string> = {
    'no header at all': '\r\nnothing above\r\n',
    'no body': 'X: y\r\n',
    'a header without colon': 'this is no header\r\n\r\ntext\r\n',
    'a boundary that never comes': `${boundary}no part\r\n`,
    'a boundary that never ends': `${boundary}--b\r\n${TEXT}`,
    'an empty boundary': 'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n',
    'parts inside of one another, 300 deep': nested(300),
    '5,000 parts': `${boundary}${`--b\r\nContent-Type: application/pdf\r\n\r\nx\r\n`.repeat(5000)}--b--\r\n`,
    'a header of one megabyte': `X-Long: ${'x '.repeat(MiB / 2)}\r\n${TEXT}`,
    '20,000 header lines': `${'X-Many: y\r\n'.repeat(20_000)}${TEXT}`,
    'an unknown charset': 'Content-Type: text/plain; charset=x-klingon\r\n\r\nqapla\r\n',
    'an unknown encoding': 'Content-Type: text/plain\r\nContent-Transfer-Encoding: x-rot13\r\n\r\nabc\r\n',
    'base64 that is none': 'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%=%A\r\n',
    'a thousand parameters': `Content-Type: text/plain${'; a*0*="x"'.repeat(1000)}\r\n\r\nx\r\n`,
    'a date of nowhere': `Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n${TEXT}`,
    'addresses that never end': `From: ${'"<(@,;:'.repeat(5000)}\r\n${TEXT}`,
    'bytes of no charset': `Subject: \xff\xfe\xfa\r\nFrom: \x80 <a@b>\r\n\r\n\xc3\x28\xa0\r\n`,
    'a message in a message, 60 deep': `${'Content-Type: message/rfc822\r\n\r\n'.repeat(60)}${TEXT}`,
  };
  for (const [what, message] of Object.entries(broken)) {
    const bytes = Buffer.from(message, 'latin1');
    await openAll(await arrive(bytes), bytes, what);
  }
});

test('CMS that was cut off or filled with noise is said to be broken, and never shown as signed or opened', async () => {
  const clear = seal(TEXT, { sign: true });
  const opaque = seal(TEXT, { sign: true, opaque: true });
  const sealed = seal(TEXT, { sign: true, encrypt: true });
  const cut = (bytes: Buffer, part: number) => bytes.subarray(0, Math.floor(bytes.length * part));
  const noise = (type: string) =>
    Buffer.from(
      `${headersOf()}MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=${type}; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.alloc(900, 0x30).toString('base64')}\r\n`,
    );
  const broken: [string, Buffer, RegExp][] = [
    ['a clear signature that is cut', cut(clear, 0.8), /class="warning invalid"|Not signed/],
    ['a clear-signed text that is cut', cut(clear, 0.3), /class="warning invalid"|Not signed/],
    ['an opaque signature that is cut', cut(opaque, 0.7), /class="warning invalid"|Not signed|could not be/i],
    ['an envelope without its end', cut(sealed, 0.97), /Could not be opened with your keys/],
    ['half of an envelope', cut(sealed, 0.5), /Could not be opened with your keys/],
    ['the beginning of an envelope', cut(sealed, 0.2), /Could not be opened with your keys/],
    ['an envelope of noise', noise('enveloped-data'), /Could not be opened with your keys/],
    ['a signature of noise', noise('signed-data'), /class="warning invalid"|Not signed|could not be/i],
    ['authenticated noise', noise('authEnveloped-data'), /Could not be opened with your keys/],
  ];
  for (const [what, bytes, expected] of broken) {
    const page = await openAll(await arrive(bytes), bytes, what);
    assertSays(page, expected, what);
    assert.doesNotMatch(page.text, /class="ribbon"/, `${what} is not signed`);
  }
});

test('ten envelopes and signatures inside of one another are opened or refused in words, and nobody waits long', async () => {
  let mime = TEXT;
  for (let level = 0; level < 10; level++) {
    const bytes = seal(mime, { sign: level % 2 === 0, encrypt: level % 2 === 1 }).toString('latin1');
    mime = bytes.slice(bytes.search(/^(MIME-Version|Content-Type):/m));
  }
  const bytes = Buffer.from(headersOf() + mime, 'latin1');
  await openAll(await arrive(bytes), bytes, 'ten layers');
});

test('60 MB are refused with the limit named, what was typed stays, and the draft can go on', async () => {
  const letter = { to: world.people.alain.address, subject: 'With the film', text: 'typed with care', encrypt: false };
  const file = new File([Buffer.alloc(60 * MiB, 7)], 'film.mp4', { type: 'video/mp4' });
  const answer = await composeThroughPages(alain, { ...letter, file });
  assertPage(answer, 'after 60 MB');
  assert.match(answer.url, /^\/drafts\/[0-9a-f-]{36}$/);
  assertSays(answer, /film\.mp4 does not fit: attachments may have 25 MB/);
  assertSays(answer, /typed with care/);
  assertSays(answer, /value="With the film"/);
  const small = new File(['enough'], 'still.jpg', { type: 'image/jpeg' });
  const attached = await pressOnDraft(alain, answer, { ...letter, file: small }, 'attach');
  assertSays(attached, /still\.jpg/);
  const full = new File([Buffer.alloc(25 * MiB, 1)], 'rest.bin');
  const refused = await pressOnDraft(alain, attached, { ...letter, file: full }, 'attach');
  assertSays(refused, /rest\.bin does not fit/);
  assertSays(refused, /still\.jpg/, 'what was attached before stays');
  const sent = await pressOnDraft(alain, refused, letter, 'send');
  assert.match(sent.url, /^\/letters\//);
});

test('500 recipients are refused with the limit named, in a letter and in a request for secure links, and stay typed', async () => {
  const many = Array.from({ length: 500 }, (_, index) => `clerk${index}@tcn.d.eu-admin.net`).join(', ');
  const letter = {
    to: many.slice(0, many.length / 2 - 1),
    cc: many.slice(many.length / 2),
    subject: 'To all',
    text: 'kept',
  };
  const answer = await composeThroughPages(alain, { ...letter, encrypt: false });
  assertPage(answer, '500 recipients', 422);
  assertSays(answer, /recipients are too many/);
  assertSays(answer, /at most 100/);
  assertSays(answer, /clerk499@tcn\.d/);
  assertSays(answer, />\s*kept/);
  const saved = await alain.get(answer.url);
  assertSays(saved, /clerk499@tcn\.d/, 'the draft has them too');
  const form = await alain.get('/contacts/link');
  const nonce = /name="nonce" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
  const asked = await alain.post('/contacts/link', {
    nonce,
    recipients: many,
    subject: 'Secure link',
    text: 'Please answer',
  });
  assertPage(asked, 'the list of requests', 400);
  assertSays(asked, /at most \d+/i);
  assertSays(asked, /clerk499@tcn\.d/);
});

const SCRIPTS: Record<string, string> = {
  Greek: 'Ελένη Παπαδοπούλου',
  Cyrillic: 'Людмила Щербакова-Ґонта',
  Arabic: 'عمر الخطيب',
  Hebrew: 'יעל בן־דוד',
  Chinese: '王小明',
  Japanese: '山田 太郎 ヤマダ',
  Korean: '김하늘',
  Georgian: 'ნინო ბერიძე',
  Devanagari: 'राधा शर्मा',
  emoji: 'Post 📮 ✉️',
  'combining marks': 'Vie\u0302\u0323t Nguye\u0302\u0303n',
  'letters of Malta and Iceland': 'Ġwann Þórður Łukasz Őze',
};
const word = (text: string, charset = 'utf-8') => `=?${charset}?B?${Buffer.from(text).toString('base64')}?=`;

test('names in every script are shown right in the list, in the message and on attachments', async () => {
  for (const [script, name] of Object.entries(SCRIPTS)) {
    const file = `${name}.pdf`;
    const mime = [
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n',
      `\r\n${name}\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''`,
      `${encodeURIComponent(file)}\r\n\r\n%PDF\r\n--b--\r\n`,
    ].join('');
    const from = `${word(name)} <${world.people.marta.address}>`;
    const href = await arrive(seal(mime, { sign: true, subject: word(`Betreff ${name}`), from }));
    const row = await rowOf(href);
    assert.ok(row.includes(`Betreff ${name}`), `${script}: subject in the list`);
    assert.ok(row.includes(name), `${script}: sender in the list`);
    const page = await alain.get(href);
    assertPage(page, script);
    assert.ok(page.text.includes(`<bdi>Betreff ${name}</bdi></h1>`), `${script}: subject`);
    assert.ok(page.text.includes(`<bdi>${name}</bdi> &lt;`), `${script}: sender`);
    assert.ok(page.text.normalize('NFC').includes(`<bdi>${file.normalize('NFC')}</bdi>`), `${script}: attachment`);
    assert.ok((await alain.get(`${href}/body`)).text.includes(name), `${script}: text`);
    const saved = await alain.get(`${href}/attachments/0`);
    const written = /filename\*=UTF-8''(\S+)/i.exec(saved.headers.get('content-disposition') ?? '')?.[1] ?? '';
    assert.equal(
      decodeURIComponent(written).normalize('NFC'),
      file.normalize('NFC'),
      `${script}: saved under its name`,
    );
  }
});

test('names in the charsets of old programs, and in bare UTF-8, are shown right', async () => {
  const encoded: [string, string][] = [
    ['=?koi8-r?B?zMDEzcnMwQ==?=', 'людмила'],
    ['=?iso-8859-7?Q?=C5=EB=DD=ED=E7?=', 'Ελένη'],
    ['=?windows-1251?Q?=CB=FE=E4=EC=E8=EB=E0?=', 'Людмила'],
    ['=?windows-1255?B?6fLs?=', 'יעל'],
    ['=?iso-2022-jp?B?GyRCOzNFRBsoQg==?=', '山田'],
    ['=?gb18030?B?zfXQocP3?=', '王小明'],
    ['=?utf-8?B?zpXOu86tzr0=?= =?utf-8?B?zrc=?=', 'Ελένη'],
  ];
  for (const [written, name] of encoded) {
    const bytes = Buffer.from(`${headersOf({ subject: written, from: `${written} <a@b.example>` })}${TEXT}`);
    const page = await alain.get(await arrive(bytes));
    assert.ok(page.text.includes(`<bdi>${name}</bdi></h1>`), `${written} as subject`);
    assert.ok(page.text.includes(`<bdi>${name}</bdi> &lt;`), `${written} as sender`);
  }
  const bare = Buffer.from(`${headersOf({ subject: 'Grüße, Ελένη', from: 'Ελένη <a@b.example>' })}${TEXT}`);
  const page = await alain.get(await arrive(bare));
  assert.ok(page.text.includes('<bdi>Grüße, Ελένη</bdi></h1>'));
  assert.ok(page.text.includes('<bdi>Ελένη</bdi> &lt;'));
});

test('a letter with names in every script arrives as it was written', async () => {
  const subject = `Alle: ${Object.values(SCRIPTS).join(', ')}`;
  const name = `${SCRIPTS['Greek']} ${SCRIPTS['Arabic']}`;
  const file = new File(['x'], `${name} 📮.txt`, { type: 'text/plain' });
  const to = `"${name}" <${world.people.alain.address}>`;
  await sendThroughPages(alain, { to, subject, text: subject, encrypt: false, file });
  const href = await until('the letter', async () => {
    const row = (await alain.get(INBOX)).text.split('<tr role="row"').find((one) => one.includes('Alle: '));
    return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1];
  });
  const page = await alain.get(href);
  assert.ok(page.text.includes(`<bdi>${subject}</bdi></h1>`), 'subject');
  assert.ok(page.text.includes(`<bdi>${name}</bdi> &lt;`), 'recipient');
  assert.ok(page.text.includes(`<bdi>${name} 📮.txt</bdi>`), 'attachment');
  assertSays(page, /class="ribbon"/, 'and its signature holds');
});

test('a letter without subject can be sent, and is shown as one without subject', async () => {
  await sendThroughPages(alain, { to: world.people.alain.address, subject: '', text: 'nothing above', encrypt: false });
  const href = await until('the letter', async () => {
    const row = (await alain.get(INBOX)).text
      .split('<tr role="row"')
      .find((one) => /No subject/.test(one) && /Alain/.test(one));
    return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1];
  });
  const page = await alain.get(href);
  assertSays(page, /<h1 id="subject"><i>No subject<\/i><\/h1>/);
  assertSays(await alain.get('/letters'), /\(no subject\)/);
  const reply = await alain.get(`/drafts/new?reply=${href.split('/').slice(2).join('/')}`);
  assertPage(reply, 'a reply to it');
});

test('a folder that another program removes while it is open is said to be gone, for each thing that is asked of it', async () => {
  const folder = `/mail/${folderId('Short lived')}`;
  await withMailbox(node, world.people.alain, (connection) => createFolder(connection, 'Short lived'));
  await fileMessages(node, world.people.alain, [seal(TEXT, { subject: 'Inside' })], { folder: 'Short lived' });
  const list = await alain.get(folder);
  const href = /<a class="subject" href="([^"]+)"/.exec(list.text)?.[1] ?? assert.fail('nothing in the folder');
  assertPage(await alain.get(href), 'while it is there');
  await removeFolder('Short lived');
  // A connection that was used this moment is not asked whether it is still there.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  for (const url of [folder, `${folder}?page=2`, href, `${href}/source`, `${href}/message.eml`, `${href}/print`]) {
    const answer = await alain.get(url);
    assertPage(answer, url, 404);
    assertSays(answer, /no longer here/, url);
  }
  const message = href.split('/').at(-1) ?? '';
  await alain.get(INBOX);
  const acted = await alain.post(`${folder}/actions`, { do: 'delete', message });
  assertPage(acted, 'an action in it', 404);
  const answered = await alain.get(`/drafts/new?reply=${folderId('Short lived')}/${message}`);
  assertPage(answered, 'an answer to it', 404);
  assertPage(await alain.get(INBOX), 'the inbox');
});

async function removeFolder(folder: string): Promise<void> {
  const { prisma } = node.context.database;
  const where = { addressKey: world.people.alain.address.toLowerCase() };
  const include = { country: { include: { mailServer: true } } };
  const account = await prisma.account.findUniqueOrThrow({ where, include });
  const { address: user, password } = world.people.alain;
  const opened = await connectMailbox(mailServerOf(account.country.mailServer), { user, password });
  assert.ok(opened.ok);
  await opened.connection.run(async (client) => ({ ok: true, value: await client.mailboxDelete(folder) }));
  await opened.connection.close();
}

test('a message that another program deletes while it is open is said to be gone, and a draft begun from it stays', async () => {
  const href = await arrive(seal(TEXT, { sign: true, subject: 'Soon away' }));
  const message = href.split('/').at(-1) ?? '';
  const reply = await alain.get(`/drafts/new?reply=${folderId('INBOX')}/${message}`);
  assertPage(reply, 'the reply');
  const elsewhere = await signInAs(node.url, world.people.alain);
  await elsewhere.get(INBOX);
  await elsewhere.post(`${INBOX}/actions`, { do: 'delete', message });
  for (const url of [href, `${href}/source`, `${href}/message.eml`, `${href}/attachments/0`, `${href}/print`]) {
    const answer = await alain.get(url);
    assertPage(answer, url, 404);
    assertSays(answer, /This message is no longer here/, url);
  }
  assert.equal((await alain.get(`${href}/body`)).status, 404);
  await alain.get(INBOX);
  const added = await alain.post('/contacts/from-message', { folder: folderId('INBOX'), message });
  assertPage(added, 'its signer to the contacts', 404);
  assertSays(await alain.post(`${INBOX}/actions`, { do: 'archive', message }), /no longer in this folder/);
  const draft = await alain.get(reply.url);
  assertPage(draft, 'the draft');
  assertSays(draft, /Soon away/);
});

test('page numbers that are none show a page, and addresses that name nothing are not found', async () => {
  for (const page of ['0', '-1', 'abc', '1e9', '9'.repeat(30), '', '1.5', '%00', '2&page=3', '10000000']) {
    assertPage(await alain.get(`${INBOX}?page=${page}`), `page ${page}`);
    assertPage(await alain.get(`/contacts?page=${page}`), `contacts, page ${page}`);
  }
  const ids = [
    '0-0',
    '1-',
    '-1-1',
    '99999999999-1',
    '1-99999999999',
    '%00',
    '..',
    'x'.repeat(300),
    '1-1;delete',
    '4294967295-4294967295',
  ];
  for (const id of ids) assertPage(await alain.get(`${INBOX}/${id}`), id, 404);
  for (const id of [
    '*',
    '%25',
    'INBOX',
    folderId('a"b'),
    folderId('{5}'),
    folderId('x'.repeat(900)),
    folderId('\r\nA DELETE x'),
  ]) {
    assertPage(await alain.get(`/mail/${id}`), id, 404);
  }
  assertPage(await alain.get(INBOX), 'the inbox, which nobody harmed');
});

test('over-long fields are refused or cut with a page, and what was typed is kept', async () => {
  const long = 'Łong '.repeat(200_000);
  await alain.get('/contacts');
  const contact = await alain.post('/contacts', { name: long, address: 'a@tcn.d.eu-admin.net' });
  assertPage(contact, 'a name', 400);
  const address = await alain.post('/contacts', { name: 'x', address: `${'a'.repeat(300)}@tcn.d.eu-admin.net` });
  assertPage(address, 'an address', 400);
  assertSays(address, /a{300}@tcn/, 'kept as typed');
  const settings = await alain.get('/settings');
  assertPage(settings, 'settings');
  assertPage(
    await alain.post('/settings', {
      signatureText: long,
      timeZone: 'Europe/Brussels',
      locale: '',
      theme: '',
      lockMinutes: '15',
    }),
    'a signature',
    400,
  );
  const letter = { to: world.people.alain.address, subject: long, text: long, encrypt: false };
  const saved = await composeThroughPages(alain, letter, 'save');
  assertPage(saved, 'a letter');
  assert.ok(saved.text.includes(long.trimEnd()), 'the text is kept whole');
  const tooMuch = await composeThroughPages(alain, { ...letter, text: 'x'.repeat(5 * MiB) }, 'save');
  assertPage(tooMuch, 'five megabytes of text', 413);
  const wrong = await alain.post('/trust/certificates/confirm', { thumbprint: long });
  assert.ok(wrong.status === 404 || wrong.status === 403, String(wrong.status));
});

test('a mailbox whose password was changed elsewhere is said to be refused, and the draft is kept', async () => {
  const { marta } = world.people;
  const clerk = await settleIn(node, marta, PASSPHRASE);
  const draft = await composeThroughPages(clerk, { to: marta.address, subject: 'Kept', text: 'kept text' }, 'save');
  await world.testbed.addOwnAccount('d', marta.address, 'another password');
  await world.testbed.stopServer('dovecot-d');
  await world.testbed.startServer('dovecot-d');
  const refused = await until('the refusal', async () => {
    const answer = await clerk.get(INBOX);
    return answer.status === 200 && answer.url === INBOX ? null : answer;
  });
  assert.ok(!/another password|AUTHENTICATIONFAILED|node_modules/.test(refused.text));
  assertSays(refused, /<h1[ >]/);
  await world.testbed.addOwnAccount('d', marta.address, marta.password);
  await world.testbed.stopServer('dovecot-d');
  await world.testbed.startServer('dovecot-d');
  const again = await signInAs(node.url, marta);
  await again.get('/keys/unlock');
  await again.post('/keys/unlock', { passphrase: PASSPHRASE });
  assertSays(await again.get(draft.url), /kept text/);
});
