import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import type { Account } from '../../src/generated/prisma/client.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { type Authority, createRootAuthority, issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair, type KeyPair } from '../../src/pki/key-pair.ts';
import { storeDigitalId } from '../../src/services/contacts/contact-certificates.ts';
import { readContactEnds } from '../../src/services/expiry/read-contact-ends.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';

const DAY_MS = 86_400_000;
const NOW = new Date('2026-11-24T09:00:00Z');
const MARTA = 'Marta.Klein@tcn.d.eu-admin.net';

let world: TestApp;
let root: Authority;
let keys: KeyPair;

before(async () => {
  world = await startTestApp();
  root = await rootUntil(4000, 'Root of the office');
  keys = await generateKeyPair('P-256');
});
after(() => world?.stop());
beforeEach(async () => {
  const { prisma } = world.database;
  world.setNow(NOW);
  for (const table of [prisma.digitalId, prisma.contact, prisma.trustAnchor]) {
    await (table as { deleteMany(): Promise<unknown> }).deleteMany();
  }
  await prisma.programme.updateMany({ data: { phase: 'test' } });
  await prisma.account.updateMany({ data: { timeZone: 'Europe/Brussels', signingIdentityId: null } });
});

test('T11 one’s own Digital ID warns 14, 7 and 1 days before its end, when it is over, and not before', async () => {
  await own(world.alain, { toDays: 20 });
  const said: [number, RegExp | null, RegExp | null][] = [
    [5, null, null],
    [6, /Ends in 14 days/, /14 days left/],
    [13, /Ends in 7 days/, /7 days left/],
    [19, /Ends tomorrow/, /1 day left/],
    [20, /Ends today/, /ends today/],
    [21, /Ended yesterday/, /ended/],
  ];
  for (const [days, words, count] of said) {
    const page = await pageAt(days, world.alain, '/digital-ids');
    const notice = noticeOf(page);
    if (words === null) assert.equal(notice, '', `after ${days} days`);
    else assert.match(notice, words);
    const navigation = /<span class="count due">([^<]*)</.exec(page.body)?.[1] ?? '';
    if (count === null) assert.equal(navigation, '');
    else assert.match(navigation, count);
  }
});

test('T11 the notice says what it is, until when in the reader’s zone with UTC beside it, and whom to ask', async () => {
  const id = await own(world.alain, { toDays: 5 });
  const notice = noticeOf(await pageAt(0, world.alain, '/digital-ids'));
  assert.match(notice, new RegExp(`href="/digital-ids/${id}">Your Digital ID for signing and encryption<`));
  assert.match(notice, /<time datetime="2026-11-29T09:00:00Z" title="09:00 UTC"[^>]*>29 November 2026</);
  assert.match(notice, /In the test phase it cannot be renewed: a replacement ends on the same day/);
  assert.match(notice, /Ask the central administration/);
  assert.doesNotMatch(notice, /digital-ids\/import/);
  await world.database.prisma.programme.updateMany({ data: { phase: 'production' } });
  const production = noticeOf(await pageAt(0, world.alain, '/digital-ids'));
  assert.match(production, /href="\/digital-ids\/import"/);
  assert.doesNotMatch(production, /test phase/);
});

test('T11 days are those of the reader, and on the last ones the hour is given', async () => {
  await own(world.alain, { toDays: 7 });
  await world.database.prisma.account.updateMany({ data: { timeZone: 'Pacific/Kiritimati' } });
  assert.match(noticeOf(await pageAt(0, world.alain, '/digital-ids')), /Ends in 7 days.*1 December 2026</s);
  const last = noticeOf(await pageAt(6, world.alain, '/digital-ids'));
  assert.match(last, /Ends tomorrow.*title="09:00 UTC"[^>]*>1 December 2026, 23:00</s);
});

test('T11 a Digital ID with a successor for the same use does not warn; for the use that has none it does', async () => {
  const both = await own(world.alain, { toDays: 5 });
  await own(world.alain, { toDays: 300, fromDays: 4, usage: 'sign' });
  const half = noticeOf(await pageAt(0, world.alain, '/digital-ids'));
  assert.match(half, /Your Digital ID for encryption</);
  assert.match(half, new RegExp(both));
  await own(world.alain, { toDays: 200, usage: 'encrypt' });
  assert.equal(noticeOf(await pageAt(0, world.alain, '/digital-ids')), '');
});

test('T11 a successor for another address, out of use, or valid only after a gap is none', async () => {
  const id = await own(world.alain, { toDays: 5 });
  await own(world.alain, { toDays: 300, address: 'somebody.else@tcn.b.eu-admin.net' });
  await own(world.alain, { toDays: 301, state: 'retired' });
  await own(world.alain, { toDays: 302, fromDays: 6 });
  assert.match(noticeOf(await pageAt(0, world.alain, '/digital-ids')), new RegExp(id));
  assert.equal(noticeOf(await pageAt(7, world.alain, '/digital-ids')), '', 'by then the successor has taken over');
});

test('T11 of a replacement that ends on the same day only the newer one warns', async () => {
  const first = await own(world.alain, { toDays: 5 });
  const replacement = await own(world.alain, { toDays: 5, importedAt: new Date(NOW.getTime() - DAY_MS) });
  const notice = noticeOf(await pageAt(0, world.alain, '/digital-ids'));
  assert.match(notice, new RegExp(replacement));
  assert.doesNotMatch(notice, new RegExp(first));
});

test('T11 T16 T20 the default Digital ID of a contact warns with the contact’s name and the way to a new one', async () => {
  const contact = await contactWith(world.alain, 'Marta <Klein>', MARTA, 6);
  const notice = noticeOf(await pageAt(0, world.alain, '/contacts'));
  assert.match(notice, new RegExp(`href="/contacts/${contact.id}">Digital ID of <bdi>Marta &lt;Klein&gt;</bdi><`));
  assert.match(notice, /Ends in 6 days/);
  assert.match(notice, /href="\/contacts\/link\?to=Marta\.Klein%40tcn\.d\.eu-admin\.net"/);
  const over = noticeOf(await pageAt(8, world.alain, '/contacts'));
  assert.match(over, /Ended 2 days ago.*Nothing can be encrypted to this contact any more/s);
  assert.equal(noticeOf(await pageAt(0, world.alain, '/digital-ids')), '', 'one’s own are on that page');
});

test('T20 where one that lasts longer is stored beside the default, the notice leads to comparing them', async () => {
  const contact = await contactWith(world.alain, 'Marta Klein', MARTA, 6);
  const pen = await issue(MARTA, { toDays: 200, usage: 'sign' });
  await storeDigitalId(world.database, contact.id, { certificate: pen, chain: [], source: 'file' }, NOW);
  assert.match(noticeOf(await pageAt(0, world.alain, '/contacts')), /contacts\/link/, 'nothing is encrypted to a pen');
  const certificate = await issue(MARTA, { toDays: 100 });
  const newer = await storeDigitalId(world.database, contact.id, { certificate, chain: [], source: 'file' }, NOW);
  const notice = noticeOf(await pageAt(0, world.alain, '/contacts'));
  assert.match(notice, new RegExp(`href="/contacts/${contact.id}/ids/${newer.id}/replace"`));
});

test('T11 a trusted root that ends warns on the trust page; one that only waits for a decision does not', async () => {
  await anchor(world.alain, await rootUntil(10, 'Root of the south'), 'trusted');
  await anchor(world.alain, await rootUntil(10, 'Root that waits'), 'offered');
  const notice = noticeOf(await pageAt(0, world.alain, '/trust'));
  assert.match(notice, /Root <bdi>Root of the south<\/bdi>/);
  assert.doesNotMatch(notice, /Root that waits/);
});

test('T11 a programme’s root warns only as long as the programme stands behind it', async () => {
  const { prisma } = world.database;
  const authority = await rootUntil(3, 'Root of the programme');
  const { programmeId } = await prisma.country.findFirstOrThrow();
  await anchor(world.alain, authority, 'trusted', programmeId);
  assert.equal(noticeOf(await pageAt(0, world.alain, '/trust')), '');
  await prisma.trustAnchor.create({
    data: { ...rowOf(authority), programmeId, state: 'trusted', source: 'programme' },
  });
  assert.match(noticeOf(await pageAt(0, world.alain, '/trust')), /Root of the programme/);
});

test('T11 put aside, a warning stays away until its next stage, and leads back to where it stood', async () => {
  const id = await own(world.alain, { toDays: 14 });
  const stages: [number, string, RegExp][] = [
    [0, '14', /again 7 days before/],
    [7, '7', /again on the day before/],
    [13, '1', /when it has ended/],
    [15, '0', /not be told of it again/],
  ];
  for (const [days, stage, said] of stages) {
    const clerk = await at(days, world.alain);
    const page = await clerk.get('/digital-ids?from=here');
    assert.deepEqual(formOf(page), { kind: 'own', id, stage, next: '/digital-ids?from=here' });
    const answer = await clerk.post('/digital-ids', '/expiry/acknowledged', formOf(page));
    assert.equal(answer.status, 302);
    assert.equal(answer.location, '/digital-ids?from=here');
    const next = await clerk.get('/digital-ids');
    assert.equal(noticeOf(next), '', `stage ${stage}`);
    assert.match(next.body, said);
    assert.match((await clerk.get('/expiry')).body, /Your Digital ID for signing and encryption.*Put aside/s);
  }
  assert.equal(noticeOf(await pageAt(400, world.alain, '/digital-ids')), '');
});

test('T11 a page that stood open since an earlier stage puts aside that stage only, and none that is still to come', async () => {
  const id = await own(world.alain, { toDays: 14 });
  const form = { kind: 'own', id, next: '/digital-ids' };
  const early = await at(0, world.alain);
  await early.post('/digital-ids', '/expiry/acknowledged', { ...form, stage: '14' });
  await early.post('/digital-ids', '/expiry/acknowledged', { ...form, stage: '0' });
  const clerk = await at(8, world.alain);
  assert.equal((await clerk.post('/digital-ids', '/expiry/acknowledged', { ...form, stage: '14' })).status, 302);
  assert.notEqual(noticeOf(await clerk.get('/digital-ids')), '');
  await clerk.post('/digital-ids', '/expiry/acknowledged', { ...form, stage: '7' });
  await clerk.post('/digital-ids', '/expiry/acknowledged', { ...form, stage: '14' });
  assert.equal(noticeOf(await clerk.get('/digital-ids')), '', 'the old page does not undo it');
});

test('T11 what a form cannot mean is refused, and it leads to no other site', async () => {
  const id = await own(world.alain, { toDays: 3 });
  const clerk = await at(0, world.alain);
  const form = { kind: 'own', id, stage: '7', next: '/digital-ids' };
  for (const wrong of [{ kind: 'draft' }, { id: 'x' }, { stage: '3' }, { stage: '' }]) {
    const answer = await clerk.post('/digital-ids', '/expiry/acknowledged', { ...form, ...wrong });
    assert.equal(answer.status, 400, JSON.stringify(wrong));
  }
  for (const wrong of [{ kind: 'contact' }, { kind: 'root' }, { id: randomUUID() }]) {
    const answer = await clerk.post('/digital-ids', '/expiry/acknowledged', { ...form, ...wrong });
    assert.equal(answer.status, 404, JSON.stringify(wrong));
  }
  assert.equal(await world.database.prisma.endAcknowledgement.count(), 0);
  const away = await clerk.post('/digital-ids', '/expiry/acknowledged', { ...form, next: '//evil.example/' });
  assert.equal(away.location, '/');
});

test('T11 nobody sees or puts aside what ends for another account', async () => {
  const mine = await own(world.alain, { toDays: 3 });
  const contact = await contactWith(world.alain, 'Marta Klein', MARTA, 3);
  const { id: trusted } = await anchor(world.alain, await rootUntil(3, 'Root of the south'), 'trusted');
  const elise = await at(0, world.elise);
  for (const url of ['/digital-ids', '/contacts', '/trust', '/expiry']) {
    const page = await elise.get(url);
    assert.equal(noticeOf(page), '', url);
    assert.doesNotMatch(page.body, /Marta Klein|Root of the south/);
  }
  const ids = { own: mine, contact: contact.defaultId, root: trusted };
  for (const [kind, id] of Object.entries(ids)) {
    const answer = await elise.post('/digital-ids', '/expiry/acknowledged', { kind, id, stage: '7', next: '/mail' });
    assert.equal(answer.status, 404, kind);
  }
  const alain = await at(0, world.alain);
  const all = await alain.get('/expiry');
  for (const what of ['Your Digital ID for', 'Marta Klein', 'Root of the south']) assert.ok(all.body.includes(what));
  for (const [kind, id] of Object.entries(ids)) {
    const answer = await alain.post('/expiry', '/expiry/acknowledged', { kind, id, stage: '7', next: '/expiry' });
    assert.equal(answer.status, 302, kind);
  }
  assert.equal(await world.database.prisma.endAcknowledgement.count(), 3);
});

test('T11 what was put aside goes with what it was about', async () => {
  const contact = await contactWith(world.alain, 'Marta Klein', MARTA, 3);
  const alain = await at(0, world.alain);
  const form = { kind: 'contact', id: contact.defaultId, stage: '7', next: '/contacts' };
  await alain.post('/contacts', '/expiry/acknowledged', form);
  assert.equal(await world.database.prisma.endAcknowledgement.count(), 1);
  assert.equal((await alain.post('/contacts', `/contacts/${contact.id}/remove`, {})).status, 302);
  assert.equal(await world.database.prisma.endAcknowledgement.count(), 0);
});

test('T11 of many the nearest three are shown with the way to all of them, fifty a page; one’s own come first', async () => {
  for (let number = 0; number < 53; number += 1) {
    const name = `Partner ${String(number).padStart(2, '0')}`;
    await contactWith(world.alain, name, `p${number}@tcn.d.eu-admin.net`, 13 - (number % 13));
  }
  await contactWith(world.alain, 'Given up', 'gone@tcn.d.eu-admin.net', 0.5);
  await own(world.alain, { toDays: 14 });
  await world.database.prisma.contactCertificate.updateMany({
    where: { contact: { name: 'Given up' } },
    data: { notAfter: new Date(NOW.getTime() - 300 * DAY_MS) },
  });
  const alain = await at(0, world.alain);
  const notice = noticeOf(await alain.get('/contacts'));
  assert.deepEqual(
    [...notice.matchAll(/<p class="row">.*?Partner (\d\d)/gs)].map(([, number]) => Number(number) % 13),
    [12, 12, 12],
  );
  assert.match(notice, /<a href="\/expiry">Show all 54</);
  const [first, second] = [await alain.get('/expiry'), await alain.get('/expiry?page=2')];
  assert.equal(first.body.match(/<li class="ending">/g)?.length, 50);
  assert.equal(second.body.match(/<li class="ending">/g)?.length, 5);
  assert.match(first.body, /<li class="ending">\s*<div class="what">\s*<p class="row"><a href="\/digital-ids\//);
  assert.match(second.body, /Given up(?!.*Partner)/s, 'what ended long ago is last');
  assert.match(first.body, /href="\/expiry\?page=2" rel="next"/);
  assert.equal((await alain.get('/expiry?page=3')).location, '/expiry');
});

test('T11 a refused form of the page has a notice that leads back to the page', async () => {
  await contactWith(world.alain, 'Marta Klein', MARTA, 3);
  const alain = await at(0, world.alain);
  const refused = await alain.post('/contacts', '/contacts', { name: 'x', address: 'no address' });
  assert.equal(refused.status, 400);
  assert.equal(formOf(refused).next, '/contacts');
});

test('T11 the end of a Digital ID that an earlier version stored is read from its certificate', async () => {
  const { prisma } = world.database;
  const contact = await contactWith(world.alain, 'Marta Klein', MARTA, 3);
  await prisma.contactCertificate.updateMany({ data: { notAfter: null } });
  await prisma.contactCertificate.create({
    data: { contactId: contact.id, certificate: new Uint8Array([48, 0]), sha256: 'unreadable', source: 'file' },
  });
  assert.equal(noticeOf(await pageAt(0, world.alain, '/contacts')), '');
  assert.equal(await readContactEnds(world.database), 1);
  assert.match(noticeOf(await pageAt(0, world.alain, '/contacts')), /Ends in 3 days/);
});

type Life = { fromDays?: number; toDays: number; usage?: 'both' | 'sign' | 'encrypt' };

function issue(address: string, { fromDays = -1, toDays, usage = 'both' }: Life): Promise<Certificate> {
  return issuePersonalCertificate({
    ...{ issuer: root, address, name: address, publicKey: keys.publicKey, usage, policyOid: '2.25.1' },
    notBefore: new Date(NOW.getTime() + fromDays * DAY_MS),
    notAfter: new Date(NOW.getTime() + toDays * DAY_MS),
  });
}

function rootUntil(days: number, name: string): Promise<Authority> {
  return createRootAuthority({
    ...{ name, keyAlgorithm: 'P-256' },
    notBefore: new Date(NOW.getTime() - DAY_MS),
    notAfter: new Date(NOW.getTime() + days * DAY_MS),
  });
}

type OwnLife = Life & { address?: string; state?: 'active' | 'retired'; importedAt?: Date };

async function own(account: Account, { address = account.address, state, importedAt, ...life }: OwnLife) {
  const certificate = await issue(address, life);
  const { sha1, sha256, issuer, serialNumber, keyLabel, notBefore, notAfter } = certificate;
  const { id } = await world.database.prisma.digitalId.create({
    data: {
      ...{ accountId: account.id, certificate: new Uint8Array(certificate.der), chain: [] },
      ...{ sealedPrivateKey: new Uint8Array(1), state: state ?? 'active', commonName: 'Alain Dupont' },
      ...{ canSign: life.usage !== 'encrypt', canEncrypt: life.usage !== 'sign', addresses: [address.toUpperCase()] },
      ...{ sha1, sha256, issuer, serialNumber, keyLabel, notBefore, notAfter },
      importedAt: importedAt ?? new Date(NOW.getTime() - 2 * DAY_MS),
    },
  });
  return id;
}

async function contactWith(account: Account, name: string, address: string, toDays: number) {
  const contact = await world.database.prisma.contact.create({
    data: { accountId: account.id, name, address, addressKey: address.toLowerCase() },
  });
  const certificate = await issue(address, { toDays });
  const stored = await storeDigitalId(world.database, contact.id, { certificate, chain: [], source: 'file' }, NOW);
  assert.equal(stored.outcome, 'default');
  return { id: contact.id, defaultId: stored.id };
}

function rowOf({ certificate }: Authority) {
  const { der, commonName, sha1, sha256, notAfter } = certificate;
  return { certificate: new Uint8Array(der), subject: commonName ?? '', sha1, sha256, notAfter };
}

function anchor(account: Account, authority: Authority, state: 'trusted' | 'offered', programmeId?: string) {
  const of = { accountId: account.id, ...(programmeId ? { programmeId } : {}) };
  return world.database.prisma.trustAnchor.create({
    data: { ...of, ...rowOf(authority), state, source: 'file', decidedAt: NOW },
  });
}

/** The clerk so many days from now: a session does not last that long. */
function at(days: number, account: Account): Promise<Clerk> {
  world.setNow(new Date(NOW.getTime() + days * DAY_MS));
  return Clerk.signIn(world, account);
}

async function pageAt(days: number, account: Account, url: string): Promise<Answer> {
  const page = await (await at(days, account)).get(url);
  assert.equal(page.status, 200, url);
  return page;
}

/** What the page says of endings; empty when nothing. */
function noticeOf({ body }: Answer): string {
  return /<section class="notice wait endings".*?<\/section>/s.exec(body)?.[0] ?? '';
}

/** The fields of the first "I know" on the page. */
function formOf(page: Answer): Record<string, string> {
  const form = /<form method="post" action="\/expiry\/acknowledged">.*?<\/form>/s.exec(page.body)?.[0] ?? '';
  assert.ok(tokenOf(form));
  const fields = [...form.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]);
  return Object.fromEntries(fields.filter(([name]) => name !== '_csrf'));
}
