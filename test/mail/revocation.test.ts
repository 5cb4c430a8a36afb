/** Revocation end to end: a partner's authority publishes lists and answers over HTTP, mail comes over IMAP, pages tell. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Certificate, parseCertificate } from '../../src/pki/certificate.ts';
import { objectIdentifier, sequence } from '../../src/pki/der-writer.ts';
import type { Node } from '../../src/server.ts';
import { folderId } from '../../src/services/mailbox/read-folders.ts';
import { askResponders } from '../../src/services/revocation/ocsp-answers.ts';
import { refreshDueLists, refreshListsNow } from '../../src/services/revocation/refresh-lists.ts';
import { removeOldLists } from '../../src/services/revocation/revocation-lists.ts';
import { sealMessage } from '../../src/smime/seal-message.ts';
import type { World } from '../../testbed/world.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  crlNumber,
  extendedKeyUsage,
  type ForgedExtension,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  forgeOcspResponse,
  generalName,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '../support/certificate-forge.ts';
import { fileMessages, settleIn, trustRoot } from '../support/letters.ts';
import type { Visitor } from '../support/visitor.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const DAY_MS = 24 * 3_600_000;
const INBOX = `/mail/${folderId('INBOX')}`;
const STARTED_AT = Date.now();
const inDays = (days: number) => new Date(Math.floor((STARTED_AT + days * DAY_MS) / 1000) * 1000);
const LIFE = { notBefore: inDays(-100), notAfter: inDays(100) };
const ROOT = forgeName('Partner Root');
const rootKey = forgeKey();
const root = parseCertificate(
  forgeCertificate({
    serial: 1,
    issuer: ROOT,
    subject: ROOT,
    ...LIFE,
    spki: rootKey.spki,
    extensions: [basicConstraints(true), keyUsage(5, 6), subjectKeyIdentifier(Buffer.from('root'))],
    signer: rootKey,
  }),
);

let world: World;
let node: Node;
let alain: Visitor;
let server: http.Server;
let base: string;
let list: Buffer | null = null;
const asked: string[] = [];
/** What the responder says at an address. */
const answers = new Map<string, () => Buffer>();

before(async () => {
  server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const said = answers.get(request.url ?? '');
    if (said !== undefined) return void response.end(said());
    if (request.url === '/moved.crl') response.writeHead(302, { location: '/ca.crl' }).end();
    else if (request.url === '/ca.crl' && list !== null) response.end(list);
    else response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  world = await startTestWorld({ network: 98 });
  const lists = [`${base}/ca.crl`, `${base}/moved.crl`].join();
  node = await startTestNode(world, { REVOCATION_LISTS: lists, OCSP_RESPONDERS: `${base}/ocsp/` });
  alain = await settleIn(node, world.people.alain, 'quiet harbour lantern 42');
  await trustRoot(node, world.people.alain, root);
});
after(async () => {
  await node?.stop();
  await world?.stop();
  server?.close();
});

type Partner = {
  certificate: Certificate;
  privateKey: ReturnType<typeof forgeKey>['privateKey'];
  serial: number;
  address: string;
};

function partner(serial: number, name: string, extensions: ForgedExtension[] = []): Partner {
  const key = forgeKey();
  const address = `${name}@partner.example`;
  const der = forgeCertificate({
    serial,
    issuer: ROOT,
    subject: forgeName(name),
    ...LIFE,
    spki: key.spki,
    extensions: [
      keyUsage(0, 4),
      extendedKeyUsage('1.3.6.1.5.5.7.3.4'),
      subjectAltName(generalName(1, address)),
      authorityKeyIdentifier(Buffer.from('root')),
      ...extensions,
    ],
    signer: rootKey,
  });
  return { certificate: parseCertificate(der), privateKey: key.privateKey, serial, address };
}

function publish(revoked: { serial: number; at: Date }[], number: number): void {
  list = forgeList({
    issuer: ROOT,
    thisUpdate: inDays(number === 1 ? -3 : 0),
    nextUpdate: inDays(4),
    revoked,
    extensions: [authorityKeyIdentifier(Buffer.from('root')), crlNumber(number)],
    signer: rootKey,
  });
}

let counter = 0;

/** Files a signed letter that arrived at `at` and gives the address of its page. */
async function arrive({ certificate, privateKey, address }: Partner, day: Date, chain = [root]): Promise<string> {
  counter += 1;
  // Evidence is kept by size and second of arrival: no two here share both.
  const at = new Date(day.getTime() - counter * 1000);
  const headers = `From: ${address}\r\nTo: ${world.people.alain.address}\r\nSubject: Letter ${counter}\r\nDate: ${at.toUTCString()}\r\nMessage-ID: <${counter}@partner.example>\r\n`;
  const mime = Buffer.from('Content-Type: text/plain; charset=utf-8\r\n\r\nHello.\r\n');
  const sign = { certificate, privateKey, chain };
  const bytes = sealMessage({ mime, headers: Buffer.from(headers), sign, at });
  await fileMessages(node, world.people.alain, [bytes], { date: at });
  const page = await alain.get(INBOX);
  const rows = page.text.split('<tr role="row"').filter((row) => row.includes(`Letter ${counter}<`));
  const href = /<a class="subject" href="([^"]+)"/.exec(rows[0] ?? '')?.[1];
  assert.ok(href, 'it is in the list');
  return href;
}

const erna = partner(0x1001, 'erna');

test('T25 without a list the page says that revocation was not checked', async () => {
  const page = await alain.get(await arrive(erna, inDays(-2)));
  assert.match(page.text, /Revocation not checked/);
  assert.match(page.text, /class="ribbon"/);
});

test('T25 a listed list is fetched, and the page says who published when', async () => {
  publish([], 1);
  await refreshListsNow(node.context);
  const page = await alain.get(await arrive(erna, inDays(-2)));
  assert.match(page.text, /<b>Not revoked<\/b>/);
  assert.doesNotMatch(page.text, /Revocation not checked/);
});

test('security.md a redirection is not followed: it leads to an address that nobody listed', async () => {
  const moved = await node.context.database.prisma.revocationPoint.findFirstOrThrow({
    where: { url: `${base}/moved.crl` },
  });
  assert.equal(moved.failure, 'status 302');
  assert.equal(moved.fetchedAt, null);
});

test('T25 after a revocation the old mail is still valid as of its arrival, new mail is invalid, and the contact turns to X', async () => {
  const old = await arrive(erna, inDays(-2));
  await alain.get(old);
  await alain.post('/contacts/from-message', { folder: folderId('INBOX'), message: old.split('/').at(-1) ?? '' });
  const contacts = await alain.get('/contacts');
  assert.match(contacts.text, /class="vx v"/);
  publish([{ serial: erna.serial, at: inDays(-1) }], 2);
  await node.context.database.prisma.revocationPoint.updateMany({ data: { fetchedAt: null } });
  await refreshListsNow(node.context);
  const young = await alain.get(await arrive(erna, inDays(0)));
  assert.match(young.text, /<b>Revoked<\/b>/);
  assert.doesNotMatch(young.text, /class="ribbon"/);
  const again = await alain.get(old);
  assert.match(again.text, /<b>Not revoked<\/b>/);
  assert.match(again.text, /class="ribbon"/);
  assert.match((await alain.get('/contacts')).text, /Revoked/);
});

test('T25 by what a message was judged is kept although the authority publishes it no longer', async () => {
  const { prisma, pool } = node.context.database;
  const gerd = partner(0x1002, 'gerd');
  publish([], 3);
  await prisma.revocationPoint.updateMany({ data: { fetchedAt: null } });
  await refreshListsNow(node.context);
  const href = await arrive(gerd, inDays(0));
  assert.match((await alain.get(href)).text, /<b>Not revoked<\/b>/);
  const kept = await prisma.signatureEvidence.findFirstOrThrow({ orderBy: { judgedAt: 'desc' } });
  assert.equal(kept.evidence.length, 1);
  assert.deepEqual(Buffer.from(kept.chain[0] ?? []), root.der);
  // Nothing is in force any more; what nobody was judged by goes.
  await pool.query('update revocation_list set superseded_at = now()');
  await removeOldLists(node.context.database, new Date());
  assert.match((await alain.get(href)).text, /<b>Not revoked<\/b>/);
  const other = await arrive(partner(0x1003, 'hugo'), inDays(0));
  assert.match((await alain.get(other)).text, /Revocation not checked/);
});

test('T25 checking again asks for what is published now', async () => {
  const ilse = partner(0x1004, 'ilse');
  publish([], 4);
  const { prisma } = node.context.database;
  await prisma.revocationPoint.updateMany({ data: { fetchedAt: null } });
  await refreshListsNow(node.context);
  const href = await arrive(ilse, inDays(0));
  assert.match((await alain.get(href)).text, /<b>Not revoked<\/b>/);
  publish([{ serial: ilse.serial, at: inDays(-1) }], 5);
  await prisma.revocationPoint.updateMany({ data: { fetchedAt: inDays(-1) } });
  const page = await alain.post(`${href}/recheck`);
  assert.match(page.text, /The signature was checked again/);
  assert.match(page.text, /<b>Revoked<\/b>/);
});

test('T25 checking again forgets no revocation because the authority is silent', async () => {
  const jens = partner(0x1009, 'jens');
  publish([{ serial: jens.serial, at: inDays(-1) }], 6);
  const { prisma, pool } = node.context.database;
  await prisma.revocationPoint.updateMany({ data: { fetchedAt: null } });
  await refreshListsNow(node.context);
  const href = await arrive(jens, inDays(0));
  assert.match((await alain.get(href)).text, /<b>Revoked<\/b>/);
  list = null;
  await pool.query('update revocation_list set superseded_at = now()');
  assert.match((await alain.post(`${href}/recheck`)).text, /<b>Revoked<\/b>/);
});

test('security.md whoever checks again and again is held up before authorities are asked', async () => {
  const href = await arrive(partner(0x100c, 'kurt'), inDays(0));
  const { attemptWindow } = node.context.database.prisma;
  await wholeQuarter();
  await attemptWindow.deleteMany();
  const again = async () => (await alain.post(`${href}/recheck`)).text;
  for (let n = 0; n < 20; n++) assert.match(await again(), /The signature was checked again/);
  asked.length = 0;
  assert.match(await again(), /You checked very often\. Try again at \d\d:\d\d/);
  assert.deepEqual(asked, []);
  await attemptWindow.deleteMany();
});

test('security.md a responder is asked only where an administrator listed it', async () => {
  const responder = (uri: string): ForgedExtension => ({
    oid: '1.3.6.1.5.5.7.1.1',
    value: sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, uri))),
  });
  list = null;
  await node.context.database.pool.query('update revocation_list set superseded_at = now()');
  asked.length = 0;
  await alain.get(await arrive(partner(0x1005, 'jana', [responder(`${base}/other`)]), inDays(0)));
  assert.deepEqual(asked, []);
  await alain.get(await arrive(partner(0x1006, 'karl', [responder(`${base}/ocsp/a`)]), inDays(0)));
  assert.deepEqual(asked, ['POST /ocsp/a']);
});

test('security.md strangers have no responder asked', async () => {
  const strangerKey = forgeKey();
  const names = { issuer: forgeName('Stranger'), subject: forgeName('Stranger') };
  const extensions = [basicConstraints(true), keyUsage(5, 6)];
  const stranger = forgeCertificate({
    serial: 1,
    ...names,
    ...LIFE,
    spki: strangerKey.spki,
    extensions,
    signer: strangerKey,
  });
  const key = forgeKey();
  const address = 'nobody@stranger.example';
  const responder = sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, `${base}/ocsp/b`)));
  const der = forgeCertificate({
    serial: 2,
    issuer: names.subject,
    subject: forgeName('Nobody'),
    ...LIFE,
    spki: key.spki,
    extensions: [keyUsage(0), subjectAltName(generalName(1, address)), { oid: '1.3.6.1.5.5.7.1.1', value: responder }],
    signer: strangerKey,
  });
  asked.length = 0;
  const nobody = { certificate: parseCertificate(der), privateKey: key.privateKey, serial: 2, address };
  const href = await arrive(nobody, inDays(0), [parseCertificate(stranger)]);
  assert.match((await alain.get(href)).text, /Nobody/);
  assert.deepEqual(asked, []);
});

test('S04 a private authority’s list is added from a file, counts for one’s own mail, and is removed', async () => {
  const lena = partner(0x1007, 'lena');
  publish([{ serial: lena.serial, at: inDays(-1) }], 7);
  const href = await arrive(lena, inDays(0));
  assert.match((await alain.get(href)).text, /Revocation not checked/);
  await alain.get('/trust');
  const bad = await alain.upload('/trust/revocation-lists', [['lists', new File(['nothing'], 'x.crl')]]);
  assert.equal(bad.status, 400);
  assert.match(bad.text, /x\.crl holds no revocation list that can be read/);
  const added = await alain.upload('/trust/revocation-lists', [['lists', new File([list ?? ''], 'partner.crl')]]);
  assert.match(added.text, /1 revocation list was added/);
  assert.match((await alain.get(href)).text, /<b>Revoked<\/b>/);
  const trust = await alain.get('/trust');
  const action = /action="(\/trust\/revocation-lists\/[^"]+\/remove)"/.exec(trust.text)?.[1] ?? '';
  assert.match((await alain.post(action)).text, /The revocation list was removed/);
});

test('T18 a programme that requires it encrypts to nobody whose revocation cannot be checked', async () => {
  const { prisma } = node.context.database;
  const mona = partner(0x1008, 'mona');
  const href = await arrive(mona, inDays(0));
  await alain.get(href);
  await alain.post('/contacts/from-message', { folder: folderId('INBOX'), message: href.split('/').at(-1) ?? '' });
  const mark = async () => (await alain.get('/contacts')).text.split('<tr').find((row) => row.includes('mona@')) ?? '';
  assert.match(await mark(), /class="vx v"/);
  await prisma.programme.updateMany({ data: { revocationPolicy: 'require' } });
  assert.match(await mark(), /Revocation could not be checked/);
  await prisma.programme.updateMany({ data: { revocationPolicy: 'note' } });
});

test('T18 a responder is asked about a contact when it matters, and its silence is not waited for twice', async () => {
  const { prisma } = node.context.database;
  await prisma.programme.updateMany({ data: { revocationPolicy: 'require' } });
  const responder = (uri: string): ForgedExtension => ({
    oid: '1.3.6.1.5.5.7.1.1',
    value: sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, uri))),
  });
  const nils = partner(0x1009, 'nils', [responder(`${base}/ocsp/nils`)]);
  const href = await arrive(nils, inDays(0));
  asked.length = 0;
  await alain.get(href);
  assert.deepEqual(asked, ['POST /ocsp/nils']);
  await alain.post('/contacts/from-message', { folder: folderId('INBOX'), message: href.split('/').at(-1) ?? '' });
  const mark = async () => (await alain.get('/contacts')).text.split('<tr').find((row) => row.includes('nils@')) ?? '';
  assert.match(await mark(), /Revocation could not be checked/);
  assert.deepEqual(asked, ['POST /ocsp/nils'], 'silent a moment ago');
  const says = (revokedAt: Date | null, thisUpdate: Date, nextUpdate: Date) => () =>
    forgeOcspResponse({
      ...{ about: nils.certificate, issuerKey: rootKey, issuerName: ROOT, signer: rootKey },
      ...{ thisUpdate, nextUpdate, revokedAt },
    });
  answers.set('/ocsp/nils', says(null, inDays(-1), inDays(0.02)));
  await alain.post(`${href}/recheck`);
  assert.match((await alain.get(href)).text, /<b>Not revoked<\/b>/);
  assert.match(await mark(), /class="vx v"/);
  // It ends within the hour: the job asks before it does.
  answers.set('/ocsp/nils', says(inDays(-0.5), inDays(-0.01), inDays(3)));
  await refreshDueLists(node.context);
  assert.match(await mark(), /Revoked/);
  await prisma.programme.updateMany({ data: { revocationPolicy: 'note' } });
});

test('T25 an answer at hand that says revoked counts beside a list that does not know it yet', async () => {
  const { prisma } = node.context.database;
  const responder = sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, `${base}/ocsp/olga`)));
  const olga = partner(0x100a, 'olga', [{ oid: '1.3.6.1.5.5.7.1.1', value: responder }]);
  publish([], 20);
  await prisma.revocationPoint.updateMany({ data: { fetchedAt: null } });
  await refreshListsNow(node.context);
  const said = forgeOcspResponse({
    ...{ about: olga.certificate, issuerKey: rootKey, issuerName: ROOT, signer: rootKey },
    ...{ thisUpdate: inDays(-0.01), nextUpdate: inDays(3), revokedAt: inDays(-1) },
  });
  answers.set('/ocsp/olga', () => said);
  assert.equal(await askResponders(node.context, [olga.certificate.der, root.der], { judgedBy: [] }), true);
  assert.match((await alain.get(await arrive(olga, inDays(0)))).text, /<b>Revoked<\/b>/);
});
