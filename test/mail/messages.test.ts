import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFolder } from '../../src/mail/imap-folders.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { World } from '../../testbed/world.ts';
import { fileMessages, keyOfPerson, settleIn, trustRoot, withMailbox } from '../support/letters.ts';
import { signInAs, type Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const PASSPHRASE = 'quiet harbour lantern 42';
const INBOX = `/mail/${folderId('INBOX')}`;

let world: World;
let node: Node;
let alain: Visitor;

before(async () => {
  world = await startTestWorld({ network: 76 });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '100', MESSAGE_LIMIT_MB: '2' });
  alain = await settleIn(node, world.people.alain, PASSPHRASE);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

type Letter = {
  subject?: string;
  from?: string;
  mime?: string;
  sign?: boolean;
  encrypt?: boolean;
  opaque?: boolean;
  gcm?: boolean;
};

const TEXT = 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße aus Berlin\r\n';
const MIXED = [
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>Hello <script>alert(1)</script><img src="https://tracker.example/x.png"><img src="cid:logo@x"></p>',
  '--b',
  'Content-Type: image/png',
  'Content-ID: <logo@x>',
  'Content-Transfer-Encoding: base64',
  '',
  'iVBORw0KGgo=',
  '--b',
  "Content-Type: application/pdf; name*=utf-8''%CE%91%CE%AF%CF%84%CE%B7%CF%83%CE%B7.pdf",
  'Content-Disposition: attachment',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQ=',
  '--b--',
  '',
].join('\r\n');

let counter = 0;

/** Marta writes to Alain with a program of her own. */
function letter(options: Letter): Buffer {
  const marta = keyOfPerson(world.people.marta);
  const reader = keyOfPerson(world.people.alain);
  const from = options.from ?? `Marta Klein <${world.people.marta.address}>`;
  counter += 1;
  const subject = options.subject === undefined ? `Letter ${counter}` : options.subject;
  const headers = [
    `From: ${from}`,
    `To: Alain Dupont <${world.people.alain.address}>`,
    `Subject: ${subject}`,
    `Date: ${new Date().toUTCString()}`,
    `Message-ID: <letter-${counter}-${process.pid}@tcn.d.eu-admin.net>`,
    '',
  ].join('\r\n');
  return sealMessage({
    mime: Buffer.from(options.mime ?? TEXT),
    headers: Buffer.from(headers),
    sign: options.sign ? marta : undefined,
    encryptTo: options.encrypt ? [reader.certificate, marta.certificate] : undefined,
    opaque: options.opaque,
    content: options.gcm ? 'aes-256-gcm' : 'aes-256-cbc',
    at: new Date(),
  });
}

/** Files a letter and gives the address of its page. */
async function arrive(bytes: Buffer, visitor = alain): Promise<string> {
  await fileMessages(node, world.people.alain, [bytes]);
  const list = await visitor.get(INBOX);
  const href = /<a class="subject" href="([^"]+)"/.exec(list.text)?.[1];
  assert.ok(href, 'the newest message stands first');
  return href;
}

/** The row of one message in the list, as words. */
async function rowOf(href: string): Promise<string> {
  const list = await alain.get(INBOX);
  const rows = list.text.split('<tr role="row"');
  const row = rows.find((one) => one.includes(`href="${href}"`))?.split('</tr>')[0] ?? '';
  return row.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');
}

test('the empty inbox says what to do next, /mail leads to it, and a folder that is not there is a clear page', async () => {
  const otto = await signInAs(node.url, world.people.otto);
  const page = await otto.get('/mail');
  assert.equal(page.url, INBOX);
  assert.match(page.text, /No messages yet/);
  assert.match(page.text, /href="\/drafts\/new"/);
  const gone = await otto.get(`/mail/${folderId('No such folder')}`);
  assert.equal(gone.status, 404);
  assert.match(gone.text, /This folder is no longer here/);
});

test('S03 T25 a signature without a trusted issuer warns, lists each check, and keeps the root thumbprints folded', async () => {
  const href = await arrive(letter({ sign: true, subject: 'Signed for the first exchange' }));
  assert.match(await rowOf(href), /Signed/);
  assert.doesNotMatch(await rowOf(href), /[Tt]rusted/, 'the list says nothing before a check');
  const page = await alain.get(href);
  assert.equal(page.status, 200);
  assert.match(page.text, /Warning: the issuer of this signature is not trusted/);
  assert.ok(page.text.includes(`/trust/confirm?folder=${folderId('INBOX')}&amp;message=${href.split('/').at(-1)}`));
  for (const line of [
    'The whole message is signed',
    'Not altered',
    'The certificate belongs to the sender',
    'Issuer not trusted',
    'Date agrees',
  ]) {
    assert.ok(page.text.includes(`<b>${line}</b>`), line);
  }
  const { root, certificate } = keyOfPerson(world.people.marta);
  const shown = page.text.replaceAll(' ', '').toLowerCase();
  assert.ok(shown.includes(certificate.sha256), 'the signer shows its thumbprint');
  assert.ok(!shown.includes(root.sha256) && !shown.includes(root.sha1), 'the root does not');
  assert.match(page.text, /action="\/contacts\/from-message"/);
  assert.match(await rowOf(href), /Not trusted/);
});

test('S01 with the root trusted the ribbon says so, and the list afterwards too', async () => {
  await trustRoot(node, world.people.alain, keyOfPerson(world.people.marta).root);
  const href = await arrive(letter({ sign: true }));
  const page = await alain.get(href);
  assert.match(page.text, /class="ribbon"/);
  assert.match(page.text, /Signed by <bdi>Marta Klein<\/bdi>\. Signature trusted\./);
  assert.match(await rowOf(href), /Trusted/);
  assert.doesNotMatch(await rowOf(href), /Unread/, 'opening it is reading it');
});

test('S14 every S/MIME shape is opened: clear-signed, opaque-signed, encrypted, signed inside encrypted', async () => {
  const shapes: [Letter, RegExp, RegExp][] = [
    [{ sign: true }, /Signature trusted/, /Not encrypted/],
    [{ sign: true, opaque: true }, /Signature trusted/, /Not encrypted/],
    [{ encrypt: true, gcm: true }, /Not signed/, /Encrypted to you/],
    [{ sign: true, encrypt: true }, /Signature trusted/, /Encrypted to you/],
  ];
  for (const [shape, claim, encryption] of shapes) {
    const href = await arrive(letter(shape));
    const page = await alain.get(href);
    assert.match(page.text, claim);
    assert.match(page.text, encryption);
    assert.doesNotMatch(page.text, /smime\.p7/);
    const frame = /<iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="([^"]+)"/.exec(page.text)?.[1];
    assert.ok(frame);
    const body = await alain.get(frame.replaceAll('&amp;', '&'));
    assert.match(body.text, /Grüße aus Berlin/);
    assert.ok(!page.text.includes('Grüße aus Berlin'), 'no text of a message in the page itself');
  }
});

test('an encrypted message asks for the unlock while the keys are locked, and never shows text', async () => {
  const href = await arrive(letter({ sign: true, encrypt: true, subject: 'For your eyes' }));
  const locked = await signInAs(node.url, world.people.alain);
  const page = await locked.get(href);
  assert.equal(page.status, 200);
  assert.match(page.text, /unlock to read/);
  assert.ok(page.text.includes(`/keys/unlock?next=${encodeURIComponent(href)}`));
  assert.doesNotMatch(page.text, /<iframe/);
  const body = await locked.get(`${href}/body`);
  assert.doesNotMatch(body.text, /Grüße/);
  const marks = await rowOf(href);
  assert.match(marks, /Signed|Encrypted/);
  assert.doesNotMatch(marks, /Cannot be opened/, 'nothing was found out yet');
});

test('HTML stands in a sandboxed document with its own policy; nothing elsewhere is fetched unasked', async () => {
  const href = await arrive(letter({ mime: MIXED, subject: 'With a picture' }));
  const page = await alain.get(href);
  assert.match(page.text, /Show pictures/);
  const body = await alain.get(`${href}/body?view=html`);
  const policy = body.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;/);
  assert.equal(body.headers.get('x-frame-options'), 'SAMEORIGIN');
  assert.doesNotMatch(body.text, /<script|tracker\.example/);
  assert.match(body.text, /src="data:image\/png;base64,iVBORw0KGgo="/);
  const asked = await alain.get(`${href}/body?view=html&remote=1`);
  assert.match(asked.text, /https:\/\/tracker\.example\/x\.png/);
  const encrypted = await arrive(letter({ mime: MIXED, sign: true, encrypt: true }));
  const never = await alain.get(`${encrypted}/body?view=html&remote=1`);
  assert.doesNotMatch(never.text, /tracker\.example/);
  assert.match(never.headers.get('content-security-policy') ?? '', /img-src data:;/);
});

test('a cipher text that anybody could have changed is shown as words without links and pictures', async () => {
  const mime = 'Content-Type: text/html\r\n\r\n<p>Read <a href="https://elsewhere.example/">here</a></p>\r\n';
  const href = await arrive(letter({ mime, encrypt: true }));
  const page = await alain.get(href);
  assert.match(page.text, /without protection against changes/);
  assert.doesNotMatch(page.text, /view=html/);
  const body = await alain.get(`${href}/body?view=html`);
  assert.match(body.text, /Read/);
  assert.doesNotMatch(body.text, /<a |<img/);
});

test('attachments, source and the message itself are saved, never rendered in our origin', async () => {
  const bytes = letter({ mime: MIXED, sign: true, encrypt: true });
  const href = await arrive(bytes);
  const page = await alain.get(href);
  assert.match(page.text, /Αίτηση\.pdf/);
  const file = /href="([^"]+\/attachments\/\d+)"[^>]*>(?:(?!<\/a>).)*Αίτηση/s.exec(page.text)?.[1];
  assert.ok(file);
  const saved = await alain.get(file);
  assert.equal(saved.text, '%PDF-1.4');
  assert.match(
    saved.headers.get('content-disposition') ?? '',
    /^attachment; filename="______\.pdf"; filename\*=UTF-8''%CE%91/,
  );
  assert.equal(saved.headers.get('x-content-type-options'), 'nosniff');
  assert.match(saved.headers.get('content-security-policy') ?? '', /^sandbox/);
  assert.equal((await alain.get(`${href}/attachments/99`)).status, 404);
  const eml = await alain.get(`${href}/message.eml`);
  assert.deepEqual(eml.bytes, bytes);
  assert.match(eml.headers.get('content-disposition') ?? '', /^attachment; filename="message-\d+\.eml"/);
  const source = await alain.get(`${href}/source`);
  assert.match(source.headers.get('content-security-policy') ?? '', /^sandbox/);
  assert.match(source.text, /smime-type=/);
  const print = await alain.get(`${href}/print`);
  assert.match(print.text, /Signed by Marta Klein; signature trusted/);
  assert.match(print.headers.get('content-security-policy') ?? '', /^sandbox/);
});

test('each decryption stands in the audit trail, without Message-ID and subject', async () => {
  const href = await arrive(letter({ encrypt: true, gcm: true, subject: 'Canary of the trail' }));
  await alain.get(href);
  const entries = await node.context.database.prisma.auditEntry.findMany({ where: { action: 'decrypt' } });
  assert.ok(entries.length > 0);
  assert.ok(entries.every((entry) => /^[0-9a-f]{64}$/.test(entry.object)));
  assert.ok(entries.every((entry) => !/Canary|letter-/.test(`${entry.object} ${entry.reason}`)));
});

test('broken MIME, a truncated envelope, an empty subject and names in every script each give a page', async () => {
  const whole = letter({ sign: true, encrypt: true });
  const broken: [Buffer, RegExp][] = [
    [whole.subarray(0, whole.length - 600), /Could not be opened with your keys/],
    [Buffer.from('From: x\r\nContent-Type: multipart/signed; boundary=q\r\n\r\n--q\r\nno end'), /No subject/],
    [Buffer.from('Not a header at all\r\n\r\n\xff\xfe'), /No subject/],
    [letter({ sign: true, subject: '' }), /No subject/],
    [
      letter({
        from: `=?utf-8?B?${Buffer.from('Ελένη 王 عمر\u202egnp').toString('base64')}?= <${world.people.marta.address}>`,
      }),
      /<bdi>Ελένη 王 عمرgnp<\/bdi>/,
    ],
    [letter({ subject: '<script>alert(1)</script>' }), /<bdi>&lt;script&gt;alert\(1\)&lt;\/script&gt;<\/bdi>/],
  ];
  for (const [bytes, expected] of broken) {
    const href = await arrive(bytes);
    const page = await alain.get(href);
    assert.equal(page.status, 200);
    assert.match(page.text, expected);
    assert.doesNotMatch(page.text, /<script>alert/);
    assert.equal((await alain.get(`${href}/body`)).status, 200);
  }
});

test('a message above the limit is not opened but can be saved; one that went away is said to be gone', async () => {
  const large = Buffer.concat([Buffer.from('Subject: large\r\n\r\n'), Buffer.alloc(3 * 1024 * 1024, 'x\r\n')]);
  const href = await arrive(large);
  const page = await alain.get(href);
  assert.equal(page.status, 413);
  assert.match(page.text, /too large to open here/);
  assert.ok(page.text.includes(`${href}/message.eml`));
  assert.deepEqual((await alain.get(`${href}/message.eml`)).bytes, large);
  await alain.get(INBOX);
  await alain.post(`${INBOX}/actions`, { do: 'delete', message: href.split('/').at(-1) ?? '' });
  const gone = await alain.get(href);
  assert.equal(gone.status, 404);
  assert.match(gone.text, /This message is no longer here/);
  assert.equal((await alain.get(`${INBOX}/1-abc`)).status, 404);
});

test('selected messages are marked, moved, archived and deleted by UID; nothing selected is said', async () => {
  await withMailbox(node, world.people.alain, (connection) => createFolder(connection, 'Card checks'));
  const href = await arrive(letter({ subject: 'To be moved' }));
  const id = href.split('/').at(-1) ?? '';
  const act = async (fields: Record<string, string | string[]>, folder = INBOX) => {
    await alain.get(folder);
    return alain.post(`${folder}/actions`, fields);
  };
  assert.match((await act({ do: 'read' })).text, /No message was selected/);
  assert.match((await act({ do: 'read', message: id })).text, /1 message is marked as read/);
  assert.doesNotMatch(await rowOf(href), /Unread/);
  assert.match((await act({ do: 'unread', message: id })).text, /1 message is marked as unread/);
  assert.match(await rowOf(href), /Unread/);
  assert.match(
    (await act({ do: 'move', message: id, to: folderId('Not there') })).text,
    /folder you chose is no longer there/,
  );
  assert.match((await act({ do: 'move', message: id, to: folderId('Card checks') })).text, /1 message was moved/);
  assert.match((await act({ do: 'move', message: id, to: folderId('Card checks') })).text, /no longer in this folder/);
  const checks = `/mail/${folderId('Card checks')}`;
  const moved = /value="(\d+-\d+)"/.exec((await alain.get(checks)).text)?.[1] ?? '';
  assert.match((await act({ do: 'archive', message: moved }, checks)).text, /1 message was moved to the archive/);
  const stale = `${Number(id.split('-')[0]) + 1}-${id.split('-')[1]}`;
  assert.match((await act({ do: 'delete', message: stale })).text, /no longer in this folder/, 'UIDVALIDITY counts');
  assert.equal((await act({ do: 'delete', message: 'x' })).status, 400);
});

test('T27 an open page is told of new mail, and no longer after the sign-out', async () => {
  const watcher = await signInAs(node.url, world.people.alain);
  const cookie = [...watcher.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const response = await fetch(`${node.url}/events`, { headers: { cookie } });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let said = '';
  const until = async (pattern: RegExp) => {
    while (!pattern.test(said)) {
      const { value, done } = await reader.read();
      if (done) return;
      said += value;
    }
  };
  await until(/^id: \d+$/m);
  await new Promise((resolve) => setTimeout(resolve, 800));
  await fileMessages(node, world.people.alain, [letter({})]);
  await until(/event: mail\ndata: \{"count":1\}/);
  assert.match(said, /event: mail\ndata: \{"count":1\}/);
  await watcher.get('/mail');
  await watcher.post('/sign-out');
  await until(/never said/);
  const again = await fetch(`${node.url}/events`, { headers: { cookie }, redirect: 'manual' });
  assert.equal(again.status, 401);
});

test('a fourth open page of a session takes the place of the first, which is told not to come back', async () => {
  const watcher = await signInAs(node.url, world.people.otto);
  const cookie = [...watcher.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const ended = new AbortController();
  const open = () => fetch(`${node.url}/events`, { headers: { cookie }, signal: ended.signal });
  const first = await open();
  for (let page = 0; page < 3; page++) await open();
  assert.match(await first.text(), /event: gone/);
  ended.abort();
});

test('a mail server that goes away while a message is open is said, and the message comes back with it', async () => {
  const href = await arrive(letter({ sign: true }));
  await world.testbed.stopServer('dovecot-b');
  for (const path of [href, INBOX, `${href}/message.eml`]) {
    const page = await alain.get(path);
    assert.equal(page.status, 502, path);
    assert.match(page.text, /The mail server does not answer/);
  }
  const body = await alain.get(`${href}/body`);
  assert.equal(body.status, 502);
  assert.match(body.headers.get('content-security-policy') ?? '', /frame-ancestors 'self'/, 'the frame can show it');
  await world.testbed.startServer('dovecot-b');
  assert.equal((await alain.get(href)).status, 200);
});

test('pages of the list hold 50, newest first, and the last one what is left', async () => {
  const otto = await signInAs(node.url, world.people.otto);
  const bytes = Array.from({ length: 120 }, (_, index) =>
    Buffer.from(`From: a@b.example\r\nSubject: number ${index + 1}\r\n\r\nx\r\n`),
  );
  await fileMessages(node, world.people.otto, bytes);
  const first = await otto.get(INBOX);
  assert.equal(first.text.match(/class="msg/g)?.length, 50);
  assert.match(first.text, /number 120</);
  assert.match(first.text, /1–50 of 120/);
  const last = await otto.get(`${INBOX}?page=3`);
  assert.equal(last.text.match(/class="msg/g)?.length, 20);
  assert.match(last.text, />number 1</);
  assert.equal((await otto.get(`${INBOX}?page=99`)).status, 200);
});
