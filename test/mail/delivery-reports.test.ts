import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { listPage } from '../../src/mail/message-list.ts';
import { REPORTS_FOLDER } from '../../src/mail/report-inbox.ts';
import type { Node } from '../../src/server.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { sendThroughPages } from '../support/compose.ts';
import { fileMessages, settleIn, withMailbox } from '../support/letters.ts';
import { until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const NETWORK = 162;
const PASSPHRASE = 'quiet harbour lantern 42';
const PLAIN = { sign: false, encrypt: false };
const LONG_MS = 60_000;

let world: World;
let node: Node;
let alain: Visitor;
let marta: Visitor;

before(async () => {
  // However slow the machine is: what is delayed is not given up while the test looks at it.
  const times = { maximal_queue_lifetime: '10m', bounce_queue_lifetime: '10m' };
  world = await startTestWorld({ network: NETWORK, times });
  node = await startTestNode(world, { SIGN_IN_LIMIT: '1000' });
  alain = await settleIn(node, world.people.alain, PASSPHRASE);
  marta = await settleIn(node, world.people.marta, PASSPHRASE);
});
after(async () => {
  await node?.stop();
  await world?.stop();
});

/** What the page of a letter says, without markup. */
async function words(clerk: Visitor, url: string): Promise<string> {
  const page = await clerk.get(url);
  const main = page.text.slice(page.text.indexOf('<main'), page.text.indexOf('</main>'));
  return main
    .replace(/<[^>]+>/g, ' ')
    .replaceAll('&#39;', '’')
    .replace(/\s+/g, ' ');
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

function subjects(person: WorldPerson, folder: string): Promise<string[]> {
  return withMailbox(node, person, async (connection) => {
    const listed = await listPage(connection, folder, 1);
    return listed.ok ? listed.value.rows.map((row) => row.subject) : [];
  });
}

function letterOf(url: string) {
  return node.context.database.prisma.letter.findUniqueOrThrow({
    where: { id: url.split('/').at(-1) ?? '' },
    include: { reports: { include: { events: true } }, envelopes: { include: { recipients: true } } },
  });
}

test('T24 a message to another country is shown as handed to the mailbox server, and its report is out of the inbox', async () => {
  const to = world.people.marta.address;
  const url = await sendThroughPages(alain, { to, subject: 'Reported', text: 'hello', ...PLAIN });
  const text = await whenSaid(alain, url, /Handed to the mailbox server/);
  assert.match(text, /mail\.tcn\.d\.eu-admin\.net, the recipient’s own mail server/);
  assert.match(text, /1 of 1 arrived/);
  assert.doesNotMatch(text, /Delivered/, 'whether it lies in the mailbox was not said');
  await until('the report to be moved', async () => (await subjects(world.people.alain, REPORTS_FOLDER)).length > 0);
  assert.deepEqual(await subjects(world.people.alain, 'INBOX'), []);
  const { envelopes, reports } = await letterOf(url);
  assert.match(envelopes[0]?.contentSha256 ?? '', /^[0-9a-f]{64}$/);
  assert.equal(envelopes[0]?.reportsAsked, true);
  assert.ok(!Buffer.from(reports[0]?.sealed ?? []).includes('Reported'), 'what it quotes is sealed');
});

test('T24 of two recipients one is reached and one is not: each has a lane of its own, and the navigation says so until it was seen', async () => {
  const { marta: reached } = world.people;
  const to = `${reached.address}, Nobody.Here@tcn.d.eu-admin.net`;
  const url = await sendThroughPages(alain, { to, subject: 'Half reported', text: 'hello', ...PLAIN });
  await until(
    'both reports',
    async () => {
      const { reports } = await letterOf(url);
      return reports.flatMap((report) => report.events).length >= 2;
    },
    LONG_MS,
  );
  const list = await alain.get('/letters');
  assert.match(list.text, /1 not delivered/);
  const text = await whenSaid(alain, url, /There is no such mailbox/);
  assert.match(text, /User unknown/);
  assert.match(text, /1 of 2 arrived and 1 not delivered/);
  const seen = await alain.get('/contacts');
  assert.doesNotMatch(seen.text, /1 not delivered/);
});

test('T24 the own server says that it handed a message over to a colleague’s mailbox', async () => {
  const to = world.people.carla.address;
  const url = await sendThroughPages(alain, { to, subject: 'Next door', text: 'hello', ...PLAIN });
  await whenSaid(alain, url, /mail\.tcn\.b\.eu-admin\.net, the recipient’s own mail server/);
});

test('T24 T05 a destination that is away delays the message, and the sender reads that, and then that it arrived late', async () => {
  await world.testbed.stopServer('mail-d');
  let url: string;
  try {
    const to = world.people.marta.address;
    url = await sendThroughPages(alain, { to, subject: 'Patience', text: 'hello', ...PLAIN });
    const text = await whenSaid(alain, url, /Delayed, still being tried/);
    assert.match(text, /The next server does not answer/);
    assert.match(text, /Tried until/);
  } finally {
    await world.testbed.startServer('mail-d');
  }
  await whenSaid(alain, url, /Handed to the mailbox server, after a delay/);
});

test('T24 a country with its own server sees its reports while its people are signed in', async () => {
  const url = await sendThroughPages(marta, {
    to: 'Nobody.There@tcn.b.eu-admin.net',
    subject: 'Away',
    text: 'hi',
    ...PLAIN,
  });
  await whenSaid(marta, url, /Not delivered/);
  await until('the report to be moved', async () => (await subjects(world.people.marta, REPORTS_FOLDER)).length > 0);
  assert.ok((await subjects(world.people.marta, 'INBOX')).every((subject) => !/Undelivered/.test(subject)));
});

type Forgery = { envelopeId: string; recipient: string; subject: string };

/** A report as a server would write it, about a letter of Alain's. */
function forged({ envelopeId, recipient, subject }: Forgery): string {
  const { address } = world.people.alain;
  return [
    'Received: from relay.eu-admin.net (relay.eu-admin.net [127.162.0.17]) by mail.tcn.b.eu-admin.net (Postfix) with ESMTPS',
    '\tid 4jbxtf5nMlzJnK8; Sat, 28 Nov 2026 04:21:30 +0000 (UTC)',
    'From: Mail Delivery System <MAILER-DAEMON@eu-admin.net>',
    `To: ${address}`,
    `Subject: ${subject}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain',
    '',
    'It failed, believe me.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mail.tcn.d.eu-admin.net',
    `Original-Envelope-Id: ${envelopeId}`,
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    'Status: 5.1.1',
    '--b--',
    '',
  ].join('\r\n');
}

/** Hands a message to the mail server of Alain's country, as any machine could that reaches it. */
function handIn(message: string, from: string, localAddress: string): Promise<void> {
  const { submissionHost } = world.testbed.countries.b.mailServer;
  const connection = new SMTPConnection({
    ...{ host: submissionHost, port: 25, localAddress, name: 'mail.tcn.b.eu-admin.net', ignoreTLS: true },
    allowInternalNetworkInterfaces: true,
  });
  return new Promise((resolve, reject) => {
    connection.on('error', reject);
    connection.connect(() => {
      connection.send({ from, to: [world.people.alain.address] }, message, (error) => {
        connection.quit();
        if (error) reject(error);
        else resolve();
      });
    });
  });
}

test('T24 forged reports change nothing and stay in the inbox: another envelope, another recipient, no listed server, a sender, no server at all', async () => {
  const to = world.people.marta.address;
  const url = await sendThroughPages(alain, { to, subject: 'Forged about', text: 'hello', ...PLAIN });
  await whenSaid(alain, url, /Handed to the mailbox server/);
  const { envelopes } = await letterOf(url);
  const right = { envelopeId: envelopes[0]?.envelopeId ?? '', recipient: to };
  const relay = `127.${NETWORK}.0.17`;
  const stranger = `127.${NETWORK}.9.9`;
  await handIn(forged({ ...right, subject: 'From nowhere' }), '', stranger);
  await handIn(forged({ ...right, envelopeId: crypto.randomUUID(), subject: 'Other envelope' }), '', relay);
  await handIn(
    forged({ ...right, recipient: 'otto.brandt@tcn.d.eu-admin.net', subject: 'Other recipient' }),
    '',
    relay,
  );
  await handIn(forged({ ...right, subject: 'With a sender' }), 'someone@tcn.d.eu-admin.net', relay);
  const [, ...unsent] = forged({ ...right, subject: 'Put there' }).split(/\r\n(?=From: )/);
  await fileMessages(node, world.people.alain, [Buffer.from(`Return-Path: <>\r\n${unsent.join('\r\n')}`)]);
  await until('the inbox to have them', async () => (await subjects(world.people.alain, 'INBOX')).length === 5);
  // One that is believed comes after them: then all were looked at.
  const next = await sendThroughPages(alain, { to, subject: 'Afterwards', text: 'hello', ...PLAIN });
  await whenSaid(alain, next, /Handed to the mailbox server/);
  assert.match(await words(alain, url), /1 of 1 arrived/);
  assert.equal((await letterOf(url)).reports.length, 1);
  assert.deepEqual((await subjects(world.people.alain, 'INBOX')).sort(), [
    ...['From nowhere', 'Other envelope', 'Other recipient', 'Put there', 'With a sender'],
  ]);
  // The same words from a listed server about this envelope are believed: it is the way that counts.
  await handIn(forged({ ...right, subject: 'Through the relay' }), '', relay);
  await sendThroughPages(alain, { to, subject: 'Something to wait for', text: 'hello', ...PLAIN });
  await whenSaid(alain, url, /Not delivered/);
});
