import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connectMailbox, type MailboxConnection } from '../../src/mail/imap-connection.ts';
import { findByMessageId } from '../../src/mail/imap-mailbox.ts';
import { listPage } from '../../src/mail/message-list.ts';
import { submit } from '../../src/mail/submission.ts';
import { startTestbed, type Testbed } from '../../testbed/testbed.ts';
import { wholeSource } from '../support/whole-source.ts';
import { eventually, letter, type MailFixture, signIn, smtpDialogue, startMailFixture } from './testbed-support.ts';

const NETWORK = 71;
const alain = { user: 'alain.dupont@tcn.b.eu-admin.net', password: 'alain-secret' };
const marie = { user: 'marie.curie@tcn.b.eu-admin.net', password: 'marie-secret' };
const greta = { user: 'greta.muller@tcn.d.eu-admin.net', password: 'greta-secret' };

describe('the little TESTA', () => {
  let fixture: MailFixture;
  let testbed: Testbed;

  before(async () => {
    fixture = await startMailFixture(NETWORK);
    testbed = fixture.testbed;
    await fixture.addHostedAccount(alain.user, alain.password);
    await fixture.addHostedAccount(marie.user, marie.password);
    await fixture.addHostedAccount('gone@tcn.b.eu-admin.net', 'gone-secret', { active: false });
    await testbed.addOwnAccount('d', greta.user, greta.password);
  });
  after(() => fixture?.stop());

  it('T01 mail goes between a hosted country and one with its own server, both ways through the relay', async () => {
    const { b, d } = testbed.countries;
    for (const [from, fromCountry, to, toCountry] of [
      [alain, b, greta, d],
      [greta, d, alain, b],
    ] as const) {
      const bytes = letter({ from: from.user, to: to.user, subject: 'both ways' });
      const envelope = {
        from: from.user,
        to: [to.user],
        envelopeId: crypto.randomUUID(),
        size: bytes.length,
        reports: ['SUCCESS', 'FAILURE', 'DELAY'] as const,
      };
      const result = await submit(fromCountry.mailServer, from, envelope, [bytes]);
      assert.equal(result.outcome, 'accepted', result.answer);
      assert.equal(result.dsnRequested, true);
      assert.deepEqual(
        result.recipients.map(({ address, accepted, code }) => ({ address, accepted, code })),
        [{ address: to.user, accepted: true, code: 250 }],
      );
      const connection = await signIn(toCountry, to);
      const row = await waitForSubject(connection, 'both ways');
      const page = await listPage(connection, 'INBOX', 1);
      assert.ok(page.ok);
      const ref = { folder: 'INBOX', uidValidity: page.value.uidValidity, uid: row.uid };
      const source = await wholeSource(connection, ref, 1_000_000);
      assert.ok(source.ok);
      const text = source.value.bytes.toString();
      assert.match(text, /by relay\.eu-admin\.net/);
      assert.ok(text.endsWith(bytes.subarray(bytes.indexOf('From:')).toString()), 'delivered unchanged');
      await connection.close();
    }
    const copies = await testbed.wireCopies();
    assert.ok(
      copies.some((copy) => copy.includes('Subject: both ways')),
      'the relay kept a copy',
    );
  });

  it('T01 the sender gets a report that the letter was handed on, with the envelope id', async () => {
    const connection = await signIn(testbed.countries.b, alain);
    const page = await eventually('a report', async () => {
      const result = await listPage(connection, 'INBOX', 1);
      return result.ok && result.value.rows.some((row) => /delivery/i.test(row.subject)) ? result.value : null;
    });
    const report = page.rows.find((row) => /delivery/i.test(row.subject));
    assert.ok(report);
    const ref = { folder: 'INBOX', uidValidity: page.uidValidity, uid: report.uid };
    const source = await wholeSource(connection, ref, 1_000_000);
    assert.ok(source.ok && /Original-Envelope-Id: [0-9a-f-]{36}/.test(source.value.bytes.toString()));
    await connection.close();
  });

  it('a wrong password, an unknown and an inactive account are refused alike', async () => {
    const { b, d } = testbed.countries;
    for (const [country, credential] of [
      [b, { ...alain, password: 'wrong' }],
      [b, { user: 'nobody@tcn.b.eu-admin.net', password: 'x' }],
      [b, { user: 'gone@tcn.b.eu-admin.net', password: 'gone-secret' }],
      [d, { ...greta, password: 'wrong' }],
      [d, { user: 'alain.dupont@tcn.b.eu-admin.net', password: 'alain-secret' }],
    ] as const) {
      assert.deepEqual(await connectMailbox(country.mailServer, credential), { ok: false, reason: 'refused' });
    }
    const envelope = { from: alain.user, to: [greta.user], envelopeId: 'e1' };
    const wrong = { ...alain, password: 'wrong' };
    assert.equal((await submit(b.mailServer, wrong, envelope, [letter(letterOf())])).outcome, 'refused-login');
  });

  it('signs in whatever the case of the address (T02)', async () => {
    const connection = await signIn(testbed.countries.b, { ...alain, user: 'Alain.Dupont@TCN.b.eu-admin.net' });
    await connection.close();
  });

  it('a typed name can not become a login of the service', async () => {
    const { service, mailServer } = testbed.countries.b;
    assert.ok(service);
    const typed = { user: `${alain.user}*${service.user}`, password: service.password };
    assert.deepEqual(await connectMailbox(mailServer, typed), { ok: false, reason: 'refused' });
  });

  it('the service opens hosted mailboxes and submits as their owner, and as nobody else', async () => {
    const { b, d } = testbed.countries;
    assert.ok(b.service);
    const forAlain = { ...b.service, authorizationUser: alain.user };
    const connection = await signIn(b, forAlain);
    await connection.close();
    const bytes = letter({ from: alain.user, to: greta.user, subject: 'from the background' });
    const envelope = { from: alain.user, to: [greta.user], envelopeId: 'e2' };
    assert.equal((await submit(b.mailServer, forAlain, envelope, [bytes])).outcome, 'accepted');
    const asMarie = await submit(b.mailServer, forAlain, { ...envelope, from: marie.user }, [bytes]);
    assert.equal(asMarie.outcome, 'refused-permanently');
    for (const authorizationUser of ['gone@tcn.b.eu-admin.net', 'nobody@tcn.b.eu-admin.net', greta.user]) {
      const result = await connectMailbox(b.mailServer, { ...b.service, authorizationUser });
      assert.deepEqual(result, { ok: false, reason: 'refused' });
    }
    const elsewhere = await connectMailbox(d.mailServer, { ...b.service, authorizationUser: greta.user });
    assert.deepEqual(elsewhere, { ok: false, reason: 'refused' });
  });

  it('T04 an address outside of TESTA is refused by the member state, one by one', async () => {
    const to = [greta.user, 'someone@example.org', 'x@eu-admin.net.example.org'];
    for (const [country, sender] of [
      [testbed.countries.b, alain],
      [testbed.countries.d, greta],
    ] as const) {
      const result = await submit(country.mailServer, sender, { from: sender.user, to, envelopeId: 'e3' }, [
        letter({ from: sender.user, to: greta.user, subject: 'inside only' }),
      ]);
      assert.equal(result.outcome, 'partly');
      assert.deepEqual(
        result.recipients.map(({ accepted }) => accepted),
        [true, false, false],
      );
      assert.match(result.recipients[1]?.answer ?? '', /^55\d 5\.7\.1 .*TESTA/);
      const outside = { from: sender.user, to: to.slice(1), envelopeId: 'e4' };
      const none = await submit(country.mailServer, sender, outside, [letter(letterOf())]);
      assert.equal(none.outcome, 'refused-permanently');
    }
  });

  it('T04 the relay takes mail from member states only, and for registered ones only', async () => {
    const relay = `127.${NETWORK}.0.17`;
    const member = `127.${NETWORK}.1.2`;
    assert.match(
      await smtpDialogue(relay, '127.0.0.1', 'HELO x', 'MAIL FROM:<a@tcn.b.eu-admin.net>', `RCPT TO:<${greta.user}>`),
      /554 5\.7\.1/,
    );
    const from = ['HELO mail.tcn.b.eu-admin.net', `MAIL FROM:<${alain.user}>`];
    assert.match(
      await smtpDialogue(relay, member, ...from, 'RCPT TO:<a@example.org>'),
      /554 5\.7\.1.*only addresses of eu-admin\.net can be reached over TESTA/,
    );
    assert.match(await smtpDialogue(relay, member, ...from, 'RCPT TO:<a@tcn.x.eu-admin.net>'), /5\.1\.2/);
    assert.match(await smtpDialogue(relay, member, ...from, `RCPT TO:<${greta.user}>`), /250 2\.1\.5/);
  });

  it('nobody submits as another address', async () => {
    for (const [country, sender, other] of [
      [testbed.countries.b, alain, marie.user],
      [testbed.countries.b, alain, greta.user],
      [testbed.countries.d, greta, alain.user],
    ] as const) {
      const envelope = { from: other, to: [greta.user], envelopeId: 'e5' };
      const result = await submit(country.mailServer, sender, envelope, [letter(letterOf())]);
      assert.equal(result.outcome, 'refused-permanently');
      assert.match(result.answer, /not owned by user/);
    }
  });

  it('an unknown recipient of the own country is named at once, the others are served', async () => {
    const to = ['nobody@tcn.b.eu-admin.net', marie.user];
    const envelope = { from: alain.user, to, envelopeId: 'e6' };
    const result = await submit(testbed.countries.b.mailServer, alain, envelope, [
      letter({ from: alain.user, to: marie.user, subject: 'neighbour' }),
    ]);
    assert.equal(result.outcome, 'partly');
    assert.deepEqual(
      result.recipients.map(({ accepted, code }) => ({ accepted, code })),
      [
        { accepted: false, code: 550 },
        { accepted: true, code: 250 },
      ],
    );
    const connection = await signIn(testbed.countries.b, marie);
    await waitForSubject(connection, 'neighbour');
    await connection.close();
  });

  it('a bare line end never leaves this house, and a server refuses one (SMTP smuggling)', async () => {
    const { mailServer } = testbed.countries.b;
    const envelope = { from: alain.user, to: [marie.user], envelopeId: 'e7' };
    for (const text of ['one\n.\ntwo', 'one\r.\rtwo', 'one\r\n.\ntwo', 'one\r']) {
      const bytes = Buffer.concat([letter(letterOf()), Buffer.from(text)]);
      const result = await submit(mailServer, alain, envelope, [bytes]);
      assert.equal(result.outcome, 'refused-permanently', JSON.stringify(text));
      assert.match(result.answer, /bare CR or LF/);
    }
    const relay = `127.${NETWORK}.0.17`;
    const dialogue = await smtpDialogue(
      relay,
      `127.${NETWORK}.1.2`,
      'EHLO mail.tcn.b.eu-admin.net',
      `MAIL FROM:<${alain.user}>`,
      `RCPT TO:<${greta.user}>`,
      'DATA',
      'Subject: x\r\n\r\nhidden\n.\r\nmore\r\n.',
    );
    assert.match(dialogue, /^5\d\d.*bare <LF>/m);
    assert.doesNotMatch(dialogue, /CHUNKING/);
  });

  it('a letter waits while the relay is down, and arrives once when it is back', async () => {
    await testbed.stopServer('relay');
    const messageId = crypto.randomUUID();
    const bytes = letter({ from: alain.user, to: greta.user, subject: 'patience', messageId });
    const envelope = { from: alain.user, to: [greta.user], envelopeId: 'e8' };
    assert.equal((await submit(testbed.countries.b.mailServer, alain, envelope, [bytes])).outcome, 'accepted');
    const connection = await signIn(testbed.countries.d, greta);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const found = async () => {
      const result = await findByMessageId(connection, 'INBOX', `<${messageId}@test.invalid>`);
      return result.ok ? result.value.uids.length : -1;
    };
    assert.equal(await found(), 0);
    await testbed.startServer('relay');
    await eventually('the letter', async () => (await found()) === 1);
    await connection.close();
  });

  it('a server that is down is unreachable, for reading and for sending', async () => {
    const { mailServer } = testbed.countries.d;
    await testbed.stopServer('dovecot-d');
    assert.deepEqual(await connectMailbox(mailServer, greta), { ok: false, reason: 'unreachable' });
    await testbed.startServer('dovecot-d');
    await testbed.stopServer('mail-d');
    const envelope = { from: greta.user, to: [alain.user], envelopeId: 'e9' };
    const result = await submit(mailServer, greta, envelope, [letter(letterOf())]);
    assert.equal(result.outcome, 'unreachable');
    await testbed.startServer('mail-d');
  });

  it('a certificate of another CA, or for another name, ends the connection', async () => {
    const { mailServer } = testbed.countries.b;
    const envelope = { from: alain.user, to: [greta.user], envelopeId: 'e10' };
    for (const wrong of [
      { ...mailServer, caPem: null },
      { ...mailServer, serverName: 'mail.example.org' },
      { ...mailServer, imapPort: 25, imapTls: 'starttls' as const, submissionPort: 25, caPem: null },
    ]) {
      const result = await connectMailbox(wrong, alain, { timeouts: { connectMs: 3_000, greetingMs: 3_000 } });
      assert.ok(!result.ok && (result.reason === 'tls' || wrong.imapPort === 25));
      assert.equal((await submit(wrong, alain, envelope, [letter(letterOf())])).outcome, 'unreachable');
    }
  });

  it('the bytes on disk are those that were sent', async () => {
    const folder = testbed.mailboxFolder(marie.user);
    const files = await Promise.all(
      ['new', 'cur'].map(async (name) =>
        (await readdir(path.join(folder, name))).map((file) => path.join(folder, name, file)),
      ),
    );
    const texts = await Promise.all(files.flat().map((file) => readFile(file, 'utf8')));
    assert.ok(texts.some((text) => text.includes('Subject: neighbour')));
  });

  it('says which address is taken when it is started a second time', async () => {
    const database = { socketFolder: fixture.folder, name: 'x', user: 'x', password: 'x' };
    const folder = path.join(fixture.folder, 'second');
    await assert.rejects(
      startTestbed({ folder, network: NETWORK, database }),
      /Address 127\.71\.0\.53 port 53 \(name server\) is taken/,
    );
  });
});

function letterOf() {
  return { from: alain.user, to: greta.user, subject: 'never sent' };
}

function waitForSubject(connection: MailboxConnection, subject: string) {
  return eventually(`a letter "${subject}"`, async () => {
    const page = await listPage(connection, 'INBOX', 1);
    return page.ok ? page.value.rows.find((row) => row.subject === subject) : null;
  });
}
