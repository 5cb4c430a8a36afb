import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectMailbox } from '../../src/mail/imap-connection.ts';
import { listPage } from '../../src/mail/message-list.ts';
import { submit } from '../../src/mail/submission.ts';
import type { Node } from '../../src/server.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import type { World } from '../../testbed/world.ts';
import { signInAs, Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';
import { eventually, letter } from './testbed-support.ts';

type Login = { address: string; password: string };

describe('countries on real mail servers', () => {
  let world: World;
  let node: Node;

  before(async () => {
    world = await startTestWorld({ network: 132 });
    node = await startTestNode(world);
  });
  after(async () => {
    await node?.stop();
    await world?.stop();
  });

  /** Behind the door: what stands there is proved elsewhere. */
  async function administrator(person: Login): Promise<Visitor> {
    const { prisma } = node.context.database;
    const where = { addressKey: person.address.toLowerCase() };
    const { id: accountId } = await prisma.account.update({ where, data: { role: 'central' } });
    const now = new Date();
    const factor = { sealedSecret: new Uint8Array(1), serverKeyVersion: '1', begunAt: now, confirmedAt: now };
    await prisma.totpFactor.upsert({ where: { accountId }, create: { accountId, ...factor }, update: factor });
    const visitor = await signInAs(node.url, person);
    const administrationUntil = new Date(now.getTime() + 30 * 60_000);
    await prisma.session.updateMany({ where: { accountId }, data: { administrationUntil } });
    return visitor;
  }

  const hosted = () => world.testbed.countries.b.mailServer;

  async function imapAnswer({ address: user, password }: Login): Promise<string> {
    const answer = await connectMailbox(hosted(), { user, password });
    if (!answer.ok) return answer.reason;
    await answer.connection.close();
    return 'ok';
  }

  async function send(country: 'b' | 'd', from: Login, to: string, subject: string): Promise<void> {
    const envelope = { from: from.address, to: [to], envelopeId: crypto.randomUUID(), reports: [] };
    const bytes = letter({ from: from.address, to, subject });
    const login = { user: from.address, password: from.password };
    const sent = await submit(world.testbed.countries[country].mailServer, login, envelope, [bytes]);
    assert.equal(sent.outcome, 'accepted', sent.answer);
  }

  async function arrives({ address: user, password }: Login, subject: string, country: 'b' | 'd' = 'b') {
    await eventually(subject, async () => {
      const answer = await connectMailbox(world.testbed.countries[country].mailServer, { user, password });
      if (!answer.ok) return false;
      const page = await listPage(answer.connection, 'INBOX', 1);
      await answer.connection.close();
      return page.ok && page.value.rows.some((row) => row.subject === subject);
    });
  }

  test('security.md a suspended country is shut out of webmail and mailboxes at once, and loses no mail', async () => {
    const { alain, marta } = world.people;
    const central = await administrator(marta);
    const clerk = await signInAs(node.url, alain);
    assert.equal(await imapAnswer(alain), 'ok');
    const { id } = await node.context.database.prisma.country.findFirstOrThrow({ where: { code: 'B' } });
    await central.get(`/administration/countries/${id}/suspend`);
    const done = await central.post(`/administration/countries/${id}/suspend`);
    assert.match(done.text, /The country is suspended/);
    assert.equal((await clerk.get('/mail')).url.startsWith('/sign-in'), true);
    assert.equal(await imapAnswer(alain), 'refused');
    await assert.rejects(signInAs(node.url, alain));
    await send('d', marta, alain.address, 'while Belgium is suspended');
    await central.get(`/administration/countries/${id}/resume`);
    await central.post(`/administration/countries/${id}/resume`);
    await arrives(alain, 'while Belgium is suspended');
    assert.match((await (await signInAs(node.url, alain)).get('/mail')).text, /while Belgium is suspended/);
  });

  test('T09 a country whose form was accepted has mailboxes whose holders sign in and write at once', async () => {
    const central = await administrator(world.people.carla);
    await central.get('/administration/countries');
    const begun = await central.post('/administration/countries', { code: 'L' });
    const invited = await central.post(`${begun.url}/invitation`);
    const code = /<p class="code">([^<]+)</.exec(invited.text)?.[1] ?? assert.fail(invited.text);
    const contact = new Visitor(node.url);
    await contact.get('/registration');
    const form = await contact.post('/registration', { code });
    const version = /name="version" value="(\d+)"/.exec(form.text)?.[1] ?? '';
    const submitted = await contact.post('/registration/form', {
      ...{ version, do: 'submit', organisation: 'SNCA', domain: 'tcn.l.eu-admin.net', mailboxes: 'hosted' },
      ...{ contactName: 'Jean Weber', contactAddress: 'jean@snca.example', contactPhone: '+352 26626' },
      ...{ firstName: 'Léa', surname: 'Weber' },
    });
    assert.match(submitted.text, /waits for the decision/);
    const page = await central.get(begun.url);
    const { prisma } = node.context.database;
    const { id } = await prisma.mailServer.findFirstOrThrow({ where: { hosted: true } });
    const current = /name="version" value="(\d+)"/.exec(page.text)?.[1] ?? '';
    const accepted = await central.post(`${begun.url}/accept`, { version: current, mailServer: id });
    assert.match(accepted.text, /The form was accepted/);
    const luxembourg = await prisma.country.findFirstOrThrow({ where: { code: 'L' } });
    const lea: Login = { address: 'Lea.Weber@tcn.l.eu-admin.net', password: 'seven quiet harbours' };
    const person = { firstName: 'Léa', surname: 'Weber', password: lea.password };
    assert.ok((await createHostedAccount(node.context.database, luxembourg, person)).ok);
    assert.equal(await imapAnswer(lea), 'ok');
    assert.match((await (await signInAs(node.url, lea)).get('/mail')).text, /Lea\.Weber@tcn\.l\.eu-admin\.net/);
    const { marta } = world.people;
    await send('b', lea, marta.address, 'first letter of Luxembourg');
    await arrives(marta, 'first letter of Luxembourg', 'd');
  });
});
