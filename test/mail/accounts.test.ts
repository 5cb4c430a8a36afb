import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { connectMailbox, type MailboxConnection } from '../../src/mail/imap-connection.ts';
import { createFolder } from '../../src/mail/imap-folders.ts';
import { appendMessage } from '../../src/mail/imap-mailbox.ts';
import { listPage } from '../../src/mail/message-list.ts';
import { submit } from '../../src/mail/submission.ts';
import type { Node } from '../../src/server.ts';
import { removeDueMail } from '../../src/services/accounts/remove-mail.ts';
import type { World } from '../../testbed/world.ts';
import { signInAs, Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';
import { eventually, letter } from './testbed-support.ts';

type Login = { address: string; password: string };
type CountryKey = 'b' | 'd';

const FIRST = 'seven quiet harbours';
const SECOND = 'nine green lanterns';

describe('accounts on real mail servers', () => {
  let world: World;
  let node: Node;
  /** The central administrator, behind the door */
  let carla: Visitor;
  /** A hosted account that these tests make */
  const zoe: Login = { address: 'Zoe.DEte@tcn.b.eu-admin.net', password: FIRST };

  before(async () => {
    world = await startTestWorld({ network: 134 });
    node = await startTestNode(world, { SIGN_IN_LIMIT: '100' });
    carla = await signInAs(node.url, world.people.carla);
    await carla.get('/administration/second-factor');
    const { password } = world.people.carla;
    const shown = await carla.post('/administration/second-factor', { password });
    const secret = /<dd class="mono">([A-Z2-7 ]+)<\/dd>/.exec(shown.text)?.[1]?.replaceAll(' ', '') ?? '';
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
    const entered = await carla.post('/administration/second-factor', { code, password });
    assert.equal(entered.url, '/administration', entered.text);
  });
  after(async () => {
    await node?.stop();
    await world?.stop();
  });

  async function accountOf({ address }: { address: string }) {
    return node.context.database.prisma.account.findUniqueOrThrow({ where: { addressKey: address.toLowerCase() } });
  }

  const imap = (country: CountryKey, { address: user, password }: Login) =>
    connectMailbox(world.testbed.countries[country].mailServer, { user, password });

  async function imapAnswer(country: CountryKey, login: Login): Promise<string> {
    const answer = await imap(country, login);
    if (!answer.ok) return answer.reason;
    await answer.connection.close();
    return 'ok';
  }

  async function send(country: CountryKey, from: Login, to: string, subject: string) {
    const server = world.testbed.countries[country].mailServer;
    const envelope = { from: from.address, to: [to], envelopeId: crypto.randomUUID(), reports: [] };
    const bytes = letter({ from: from.address, to, subject });
    return submit(server, { user: from.address, password: from.password }, envelope, [bytes]);
  }

  async function inboxOf(connection: MailboxConnection): Promise<string[]> {
    const page = await listPage(connection, 'INBOX', 1);
    return page.ok ? page.value.rows.map(({ subject }) => subject) : [];
  }

  /** What lies in a mailbox on the server's disk, whoever may sign in. */
  async function mailOf({ address }: { address: string }): Promise<Buffer[]> {
    const folder = world.testbed.mailboxFolder(address);
    const names = await readdir(folder, { recursive: true });
    return Promise.all(
      names.filter((name) => /(^|\/)(cur|new)\/[^/]+$/.test(name)).map((name) => readFile(path.join(folder, name))),
    );
  }

  async function arrives(country: CountryKey, login: Login, subject: string): Promise<void> {
    await eventually(subject, async () => {
      const answer = await imap(country, login);
      if (!answer.ok) return false;
      const subjects = await inboxOf(answer.connection);
      await answer.connection.close();
      return subjects.includes(subject);
    });
  }

  /** Shows the address and confirms it, as on the page. */
  async function make(code: string, firstName: string, surname: string) {
    const country = await node.context.database.prisma.country.findFirstOrThrow({ where: { code } });
    const base = `/administration/countries/${country.id}/accounts`;
    await carla.get(`${base}/new`);
    const shown = await carla.post(`${base}/preview`, { firstName, surname });
    const address = /id="proposed-address"><bdi>([^<]*)</.exec(shown.text)?.[1] ?? assert.fail(shown.text);
    const answer = await carla.post(base, {
      firstName,
      surname,
      shown: address,
      shownNames: `${firstName} ${surname}`,
    });
    return { address, answer };
  }

  async function act(login: Login, name: string) {
    const page = `/administration/accounts/${(await accountOf(login)).id}/${name}`;
    await carla.get(page);
    return carla.post(page);
  }

  async function takeOver(login: Login, code: string): Promise<void> {
    const visitor = new Visitor(node.url);
    await visitor.get('/welcome');
    const { address, password } = login;
    const answer = await visitor.post('/welcome', { address, code, password, repeated: password });
    assert.equal(answer.url, '/sign-in', answer.text);
    assert.match(answer.text, /Your password is set/);
  }

  const codeIn = (text: string) => /id="hand-over-code">([^<]*)</.exec(text)?.[1] ?? assert.fail(text);

  test('T01 T02 a created account has its mailbox at once: it takes mail in, its holder chooses the password, reads and writes', async () => {
    const { address, answer } = await make('B', 'Zoé', "d'Été");
    assert.equal(address, 'Zoe.DEte@tcn.b.eu-admin.net');
    const sent = await send('d', world.people.marta, address, 'before the first sign-in');
    assert.equal(sent.outcome, 'accepted', sent.answer);
    const code = codeIn(answer.text);
    for (const password of [code, '', 'initial'])
      assert.equal(await imapAnswer('b', { address, password }), 'refused', 'there is no initial password');
    await takeOver(zoe, code);
    await arrives('b', zoe, 'before the first sign-in');
    const visitor = await signInAs(node.url, zoe);
    assert.match((await visitor.get('/mail')).text, /before the first sign-in/);
    const written = await send('b', zoe, world.people.marta.address, 'from the new mailbox');
    assert.equal(written.outcome, 'accepted', written.answer);
    await arrives('d', world.people.marta, 'from the new mailbox');
  });

  test('T01 a changed mailbox password counts at once in every program, and the window in which it was changed goes on', async () => {
    const visitor = await signInAs(node.url, zoe);
    const other = await signInAs(node.url, zoe);
    await visitor.get('/settings/password');
    const changed = await visitor.post('/settings/password', { old: FIRST, password: SECOND, repeated: SECOND });
    assert.equal(changed.url, '/settings', changed.text);
    assert.equal(await imapAnswer('b', zoe), 'refused');
    zoe.password = SECOND;
    assert.equal(await imapAnswer('b', zoe), 'ok');
    assert.match((await visitor.get('/mail')).text, /before the first sign-in/);
    assert.match((await other.get('/mail')).url, /^\/sign-in/);
  });

  test('T01 a suspended account is shut out everywhere at once, and its mail waits for it', async () => {
    const visitor = await signInAs(node.url, zoe);
    const second = await startTestNode(world, { NODE_NAME: 'second' });
    const elsewhere = await signInAs(second.url, zoe);
    assert.equal(await imapAnswer('b', zoe), 'ok');
    await act(zoe, 'suspend');
    for (const each of [visitor, elsewhere]) assert.match((await each.get('/mail')).url, /^\/sign-in/);
    await second.stop();
    assert.equal(await imapAnswer('b', zoe), 'refused');
    assert.equal((await send('b', zoe, world.people.marta.address, 'not from here')).outcome, 'refused-login');
    const { service, mailServer } = world.testbed.countries.b;
    const inTheBackground = await submit(
      mailServer,
      { user: service?.user ?? '', password: service?.password ?? '', authorizationUser: zoe.address },
      { from: zoe.address, to: [world.people.marta.address], envelopeId: crypto.randomUUID() },
      [letter({ from: zoe.address, to: world.people.marta.address, subject: 'not from here' })],
    );
    assert.equal(inTheBackground.outcome, 'refused-login', 'letters that were queued wait');
    await assert.rejects(signInAs(node.url, zoe), /401/);
    const sent = await send('d', world.people.marta, zoe.address, 'while suspended');
    assert.equal(sent.outcome, 'accepted');
    await eventually('mail in the mailbox', async () =>
      (await mailOf(zoe)).some((bytes) => bytes.includes('Subject: while suspended')),
    );
    await act(zoe, 'resume');
    await arrives('b', zoe, 'while suspended');
  });

  test('T01 a reset stops the old password at once, and the code leads to a new one', async () => {
    const answer = await act(zoe, 'hand-over');
    assert.equal(await imapAnswer('b', zoe), 'refused');
    zoe.password = FIRST;
    await takeOver(zoe, codeIn(answer.text));
    await arrives('b', zoe, 'while suspended');
  });

  test('T01 a removed account takes no mail, and what it had is deleted when its time is over, not before', async () => {
    const opened = await imap('b', zoe);
    assert.ok(opened.ok);
    for (const folder of ['Old cases', 'Old cases/Miller']) await createFolder(opened.connection, folder);
    const bytes = letter({ from: zoe.address, to: zoe.address, subject: 'about Miller' });
    assert.ok((await appendMessage(opened.connection, 'Old cases/Miller', bytes, { date: new Date() })).ok);
    await opened.connection.close();
    await act(zoe, 'remove');
    assert.equal(await imapAnswer('b', zoe), 'refused');
    const sent = await send('b', world.people.alain, zoe.address, 'too late');
    assert.notEqual(sent.outcome, 'accepted', sent.answer);
    assert.equal(await removeDueMail(node.context), 0, 'its time is not over');
    assert.ok((await mailOf(zoe)).length >= 3);
    const { prisma } = node.context.database;
    const { id } = await accountOf(zoe);
    await prisma.account.update({ where: { id }, data: { mailKeptUntil: new Date(Date.now() - 1000) } });
    assert.equal(await imapAnswer('b', zoe), 'refused');
    assert.equal(await removeDueMail(node.context), 1);
    assert.deepEqual(await mailOf(zoe), []);
    const left = await readdir(world.testbed.mailboxFolder(zoe.address), { recursive: true });
    assert.deepEqual(
      left.filter((name) => /Old cases|Miller/.test(name)),
      [],
      'names of folders tell as much',
    );
    assert.equal(await removeDueMail(node.context), 0, 'once');
    const after = await accountOf(zoe);
    assert.ok(after.mailRemovedAt);
    assert.equal(await prisma.vault.count({ where: { accountId: id } }), 0);
  });

  test('T01 on a country’s own server only listed addresses sign in, with the password that server keeps', async () => {
    const nora: Login = { address: 'Nora.Falk@tcn.d.eu-admin.net', password: 'kept by the own server' };
    await world.testbed.addOwnAccount('d', nora.address, nora.password);
    assert.equal(await imapAnswer('d', nora), 'ok', 'the server itself knows her');
    await assert.rejects(signInAs(node.url, nora), /401/);
    const { address, answer } = await make('D', 'Nora', 'Falk');
    assert.equal(address, nora.address);
    assert.match(answer.text, /is listed and may sign in/);
    const visitor = await signInAs(node.url, nora);
    await send('b', world.people.alain, nora.address, 'to the listed one');
    await arrives('d', nora, 'to the listed one');
    assert.match((await visitor.get('/mail')).text, /to the listed one/);
    await act(nora, 'suspend');
    assert.match((await visitor.get('/mail')).url, /^\/sign-in/);
    await assert.rejects(signInAs(node.url, nora), /401/);
  });
});
