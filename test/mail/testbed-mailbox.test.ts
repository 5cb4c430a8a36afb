import assert from 'node:assert/strict';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connectMailbox, type MailboxConnection } from '../../src/mail/imap-connection.ts';
import { createFolder, type Folder, listFolders, specialFolder } from '../../src/mail/imap-folders.ts';
import { appendMessage, deleteMessages, findByMessageId, moveMessages, setFlag } from '../../src/mail/imap-mailbox.ts';
import { MailboxConnections } from '../../src/mail/mailbox-connections.ts';
import { listPage } from '../../src/mail/message-list.ts';
import { fetchFacts } from '../../src/mail/message-source.ts';
import type { TestbedCountry } from '../../testbed/testbed.ts';
import { wholeSource } from '../support/whole-source.ts';
import { eventually, letter, type MailFixture, signIn, startMailFixture } from './testbed-support.ts';

const alain = { user: 'alain.dupont@tcn.b.eu-admin.net', password: 'alain-secret' };
const small = { user: 'small.box@tcn.b.eu-admin.net', password: 'small-secret' };
const large = { user: 'large.box@tcn.b.eu-admin.net', password: 'large-secret' };
const MAIL_UID = 5000;

describe('a mailbox', () => {
  let fixture: MailFixture;
  let country: TestbedCountry;
  let mailbox: MailboxConnection;

  before(async () => {
    fixture = await startMailFixture(73);
    country = fixture.testbed.countries.b;
    await fixture.addHostedAccount(alain.user, alain.password);
    await fixture.addHostedAccount(small.user, small.password, { quotaMb: 1 });
    await fixture.addHostedAccount(large.user, large.password);
    mailbox = await signIn(country, alain);
  });
  after(async () => {
    await mailbox?.close();
    await fixture?.stop();
  });

  async function store(
    folder: string,
    subject: string,
    date = new Date(),
  ): Promise<{ uid: number; uidValidity: bigint }> {
    const bytes = letter({ from: alain.user, to: alain.user, subject });
    const stored = await appendMessage(mailbox, folder, bytes, { date });
    assert.ok(stored.ok && stored.value.uid !== null && stored.value.uidValidity !== null);
    return { uid: stored.value.uid, uidValidity: stored.value.uidValidity };
  }

  it('has its special folders from the first sign-in on, with counts', async () => {
    const folders = await listFolders(mailbox);
    assert.ok(folders.ok);
    const uses = folders.value.map(({ path, specialUse }) => `${path}:${specialUse}`);
    for (const each of ['INBOX:Inbox', 'Sent:Sent', 'Drafts:Drafts', 'Trash:Trash', 'Junk:Junk', 'Archive:Archive']) {
      assert.ok(uses.includes(each), each);
    }
    await store('Archive', 'one');
    const again = await listFolders(mailbox);
    assert.ok(again.ok);
    const archive = again.value.find(({ path }) => path === 'Archive');
    assert.deepEqual([archive?.messages, archive?.unseen, archive?.delimiter], [1, 1, '/']);
    assert.deepEqual(await specialFolder(mailbox, 'Sent'), { ok: true, value: 'Sent' });
  });

  it('keeps folders of any name apart, and no name becomes a command', async () => {
    const names = [
      'Müller & Söhne',
      '日本/東京',
      'quote " and \\ back',
      'a.b.c',
      '* % ( ) {12}',
      "O'Neill",
      '&AOk-',
      'INBOX/Ω',
    ];
    for (const name of names) {
      const created = await createFolder(mailbox, name);
      assert.deepEqual(created, { ok: true, value: name });
      await store(name, `in ${name}`);
    }
    const folders = await listFolders(mailbox);
    assert.ok(folders.ok);
    for (const name of names) {
      const listed: Folder | undefined = folders.value.find((folder) => folder.path === name);
      assert.equal(listed?.messages, 1, name);
      const page = await listPage(mailbox, name, 1);
      assert.ok(page.ok && page.value.rows[0]?.subject === `in ${name}`.normalize(), name);
    }
    for (const name of ['x\r\nA1 DELETE INBOX', 'x\nA1 LOGOUT', 'nul\0', '']) {
      assert.deepEqual(await listPage(mailbox, name, 1), { ok: false, reason: 'gone' });
      assert.equal((await createFolder(mailbox, name)).ok, false);
      assert.equal((await appendMessage(mailbox, name, letter(anyLetter))).ok, false);
    }
    assert.deepEqual(await listPage(mailbox, 'no such folder', 1), { ok: false, reason: 'gone' });
    assert.ok((await listPage(mailbox, 'INBOX', 1)).ok, 'the connection goes on');
  });

  it('T27 is read page by page, newest arrival first', async () => {
    await createFolder(mailbox, 'Pages');
    for (let number = 1; number <= 12; number += 1) await store('Pages', `letter ${number}`);
    const pages = await Promise.all([1, 2, 3, 99].map((page) => listPage(mailbox, 'Pages', page, 5)));
    const subjects = pages.map((page) => (page.ok ? page.value.rows.map(({ subject }) => subject.slice(7)) : []));
    assert.deepEqual(subjects, [
      ['12', '11', '10', '9', '8'],
      ['7', '6', '5', '4', '3'],
      ['2', '1'],
      ['2', '1'],
    ]);
    const [first] = pages;
    assert.ok(first?.ok);
    assert.deepEqual([first.value.total, first.value.pages, first.value.page], [12, 3, 1]);
    const empty = await listPage(mailbox, 'Junk', 1);
    assert.ok(empty.ok && empty.value.rows.length === 0 && empty.value.pages === 1);
  });

  it('reads the structure of a message once, however often its page is looked at', async () => {
    const parts = '--b\r\nA: b\r\n\r\n\r\n'.repeat(3000);
    const many = Buffer.from(`Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`);
    await createFolder(mailbox, 'Parts');
    const stored = await appendMessage(mailbox, 'Parts', many, { date: new Date() });
    assert.ok(stored.ok && stored.value.uid !== null && stored.value.uidValidity !== null);
    const { uid, uidValidity } = stored.value;
    assert.equal(mailbox.knownMarks.get('Parts', uidValidity, uid), undefined);
    const first = await listPage(mailbox, 'Parts', 1);
    const known = mailbox.knownMarks.get('Parts', uidValidity, uid);
    assert.ok(known, 'the marks are kept with the connection');
    const second = await listPage(mailbox, 'Parts', 1);
    assert.equal(mailbox.knownMarks.get('Parts', uidValidity, uid), known, 'and not made again');
    assert.deepEqual(second, first);
  });

  it('sets and clears flags by UID, and says when the message is gone', async () => {
    const { uid, uidValidity } = await store('INBOX', 'flags');
    const messages = { folder: 'INBOX', uidValidity, uids: [uid, uid + 1000] };
    assert.deepEqual(await setFlag(mailbox, messages, 'seen', true), { ok: true, value: [uid] });
    assert.deepEqual(await setFlag(mailbox, messages, 'flagged', true), { ok: true, value: [uid] });
    assert.deepEqual(await setFlag(mailbox, messages, 'answered', true), { ok: true, value: [uid] });
    assert.deepEqual(await setFlag(mailbox, messages, 'flagged', false), { ok: true, value: [uid] });
    const page = await listPage(mailbox, 'INBOX', 1);
    const row = page.ok ? page.value.rows.find((each) => each.uid === uid) : undefined;
    assert.deepEqual([row?.unread, row?.answered, row?.flagged], [false, true, false]);
    const gone = { ok: false, reason: 'gone' };
    assert.deepEqual(await setFlag(mailbox, { ...messages, uids: [uid + 1000] }, 'seen', true), gone);
    assert.deepEqual(await setFlag(mailbox, { ...messages, uids: [] }, 'seen', true), gone);
    assert.deepEqual(await setFlag(mailbox, { ...messages, uidValidity: uidValidity + 1n }, 'seen', true), gone);
    assert.deepEqual(await wholeSource(mailbox, { ...messages, uid: uid + 1000 }, 1000), gone);
  });

  it('moves messages, deletes to Trash, and from Trash for good', async () => {
    const { uid, uidValidity } = await store('INBOX', 'to be moved');
    const gone = { ok: false, reason: 'gone' };
    const messages = { folder: 'INBOX', uidValidity, uids: [uid] };
    assert.deepEqual(await moveMessages(mailbox, messages, 'Nowhere'), gone);
    assert.deepEqual(await moveMessages(mailbox, messages, 'x\r\nA LOGOUT'), gone);
    assert.deepEqual(await moveMessages(mailbox, messages, 'Archive'), { ok: true, value: [uid] });
    assert.deepEqual(await moveMessages(mailbox, messages, 'Archive'), gone);
    const inArchive = await bySubject('Archive', 'to be moved');
    assert.deepEqual(await deleteMessages(mailbox, inArchive), {
      ok: true,
      value: { uids: inArchive.uids, movedTo: 'Trash' },
    });
    const inTrash = await bySubject('Trash', 'to be moved');
    assert.deepEqual(await deleteMessages(mailbox, inTrash), {
      ok: true,
      value: { uids: inTrash.uids, movedTo: null },
    });
    assert.deepEqual(await deleteMessages(mailbox, inTrash), gone);
  });

  async function bySubject(folder: string, subject: string) {
    const page = await listPage(mailbox, folder, 1);
    assert.ok(page.ok);
    const uids = page.value.rows.filter((row) => row.subject === subject).map((row) => row.uid);
    assert.equal(uids.length, 1);
    return { folder, uidValidity: page.value.uidValidity, uids };
  }

  it('gives a message byte for byte, with its arrival, and not above the limit', async () => {
    const body = Array.from({ length: 250_000 }, (_, line) => `line ${line} ${'x'.repeat(60)}`).join('\r\n');
    for (const text of ['short', body.slice(0, 256 * 1024 - 300), body]) {
      const bytes = letter({ from: alain.user, to: alain.user, subject: 'size', text });
      const date = new Date('2021-02-03T04:05:06Z');
      const stored = await appendMessage(mailbox, 'Archive', bytes, { flags: ['seen', 'draft'], date });
      assert.ok(stored.ok && stored.value.uid !== null && stored.value.uidValidity !== null);
      const ref = { folder: 'Archive', uidValidity: stored.value.uidValidity, uid: stored.value.uid };
      const source = await wholeSource(mailbox, ref, bytes.length);
      assert.ok(source.ok && source.value.bytes.equals(bytes));
      assert.equal(source.value.internalDate.toISOString(), date.toISOString());
      assert.deepEqual(await wholeSource(mailbox, ref, bytes.length - 1), { ok: false, reason: 'too-large' });
      const facts = await fetchFacts(mailbox, ref);
      assert.ok(facts.ok && facts.value.size === bytes.length && facts.value.flags.has('\\Draft'));
    }
  });

  it('finds a message by exactly its Message-ID', async () => {
    for (const messageId of ['abc.1', 'abc.12', 'quo"te\\.1']) {
      await appendMessage(mailbox, 'Sent', letter({ ...anyLetter, messageId }));
    }
    for (const messageId of ['abc.1', 'quo"te\\.1']) {
      const found = await findByMessageId(mailbox, 'Sent', `<${messageId}@test.invalid>`);
      assert.ok(found.ok && found.value.uids.length === 1, messageId);
    }
    const none = await findByMessageId(mailbox, 'Sent', '<nothing@test.invalid>');
    assert.ok(none.ok && none.value.uids.length === 0);
    assert.equal((await findByMessageId(mailbox, 'Sent', '<x\r\nA LOGOUT@x>')).ok, false);
    assert.ok((await listPage(mailbox, 'Sent', 1)).ok, 'the connection goes on');
  });

  it('shows what kind of message it is without opening it', async () => {
    const cms = (parameters: string) => `Content-Type: application/pkcs7-mime; ${parameters}; name="smime.p7m"`;
    const shapes: [string, string, [boolean, boolean, boolean]][] = [
      ['clear-signed', 'multipart/signed', [false, true, false]],
      ['opaque', cms('smime-type=signed-data'), [false, true, false]],
      ['encrypted', cms('smime-type=enveloped-data'), [false, false, true]],
      ['certificates', cms('smime-type=certs-only'), [false, false, false]],
      ['octets', 'Content-Type: application/octet-stream; name="smime.p7m"', [false, false, true]],
      ['file', 'Content-Type: application/pdf; name="a.pdf"\r\nContent-Disposition: attachment', [true, false, false]],
    ];
    const signed = `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Disposition: attachment; filename=smime.p7s\r\n\r\nAA==\r\n--b--\r\n`;
    for (const [subject, type, expected] of shapes) {
      const content =
        type === 'multipart/signed' ? signed : `${type}\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n`;
      await appendMessage(mailbox, 'Drafts', Buffer.from(`Subject: ${subject}\r\nMIME-Version: 1.0\r\n${content}`));
      const page = await listPage(mailbox, 'Drafts', 1);
      assert.ok(page.ok);
      const row = page.value.rows.find((each) => each.subject === subject);
      assert.deepEqual([row?.hasAttachment, row?.looksSigned, row?.looksEncrypted], expected, subject);
      assert.deepEqual([row?.from, row?.date], [null, null]);
    }
  });

  it('says when there is no room', async () => {
    const connection = await signIn(country, small);
    const text = `${'x'.repeat(70)}\r\n`.repeat(200_000);
    const result = await appendMessage(connection, 'INBOX', letter({ ...anyLetter, text }));
    assert.deepEqual(result, { ok: false, reason: 'over-quota' });
    await connection.close();
  });

  it('T27 new mail is noticed while nothing is asked, and while another folder is open', async () => {
    const reader = await signIn(country, alain);
    let noticed = 0;
    const end = reader.watchInbox(() => {
      noticed += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 600));
    await store('INBOX', 'knock');
    await eventually('the first notice', async () => noticed === 1);
    await listPage(reader, 'Archive', 1);
    await store('INBOX', 'knock again');
    await eventually('the second notice', async () => noticed === 2);
    end();
    await reader.close();
  });

  it('tasks of one connection do not disturb each other', async () => {
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, at) => listPage(mailbox, at % 2 === 0 ? 'Pages' : 'Sent', 1, 5)),
    );
    for (const [at, result] of results.entries()) {
      assert.ok(result.ok);
      assert.equal(result.value.rows[0]?.subject.startsWith('letter'), at % 2 === 0);
    }
  });

  it('a session keeps one connection, gets a new one after the server was restarted, and none after sign-out', async () => {
    const registry = new MailboxConnections({ idleMs: 60_000 });
    let opened = 0;
    const connect = () => {
      opened += 1;
      return connectMailbox(country.mailServer, alain);
    };
    const use = () => registry.use('session', connect, (connection) => listPage(connection, 'Pages', 1));
    assert.deepEqual(
      (await Promise.all([use(), use(), use()])).map(({ ok }) => ok),
      [true, true, true],
    );
    assert.deepEqual([opened, registry.size], [1, 1]);
    await fixture.testbed.stopServer('dovecot-b');
    await eventually('the lost connection', async () => registry.size === 0);
    assert.deepEqual(await use(), { ok: false, reason: 'unreachable' });
    assert.equal(registry.size, 0);
    await fixture.testbed.startServer('dovecot-b');
    assert.equal((await use()).ok, true);
    await registry.close('session');
    assert.deepEqual([opened, registry.size], [3, 0]);
    const quick = new MailboxConnections({ idleMs: 50 });
    assert.equal((await quick.use('s', connect, (connection) => listPage(connection, 'Pages', 1))).ok, true);
    await eventually('the end of an idle connection', async () => quick.size === 0);
    await registry.closeAll();
    assert.deepEqual(await use(), { ok: false, reason: 'unreachable' });
    mailbox = await signIn(country, alain);
  });

  it('a page of 10,000 messages costs about what it costs in a small folder', async () => {
    const cur = path.join(fixture.testbed.mailboxFolder(large.user), 'cur');
    await mkdir(cur, { recursive: true });
    for (const folder of [path.dirname(path.dirname(cur)), path.dirname(cur), cur])
      await chown(folder, MAIL_UID, MAIL_UID);
    for (let batch = 0; batch < 10_000; batch += 500) {
      await Promise.all(
        Array.from({ length: 500 }, async (_, at) => {
          const file = path.join(cur, `${1_600_000_000 + batch + at}.M${batch + at}.test:2,S`);
          await writeFile(file, letter({ ...anyLetter, subject: `number ${batch + at}` }));
          await chown(file, MAIL_UID, MAIL_UID);
        }),
      );
    }
    const connection = await signIn(country, large);
    const timed = async (page: number) => {
      const start = performance.now();
      const result = await listPage(connection, 'INBOX', page);
      assert.ok(result.ok && result.value.total === 10_000 && result.value.pages === 200);
      return { milliseconds: performance.now() - start, first: result.value.rows[0]?.subject };
    };
    assert.equal((await timed(1)).first, 'number 9999');
    assert.equal((await timed(200)).first, 'number 49');
    const middle = await timed(100);
    assert.ok(middle.milliseconds < 500, `${middle.milliseconds} ms`);
    await connection.close();
  });
});

const anyLetter = { from: alain.user, to: alain.user, subject: 'any' };
