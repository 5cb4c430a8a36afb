/** What is kept of lists and answers, with the real Postgres: nobody on the way to an authority decides what is at hand. */
import assert from 'node:assert/strict';
import { createHash, sign } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { parseCertificate } from '../../src/pki/certificate.ts';
import {
  algorithmIdentifier,
  bitString,
  context,
  element,
  objectIdentifier,
  octetString,
  sequence,
} from '../../src/pki/der-writer.ts';
import { markCertificates } from '../../src/services/contacts/contact-marks.ts';
import { answersFor, askResponders } from '../../src/services/revocation/ocsp-answers.ts';
import { refreshDueLists, refreshListsNow } from '../../src/services/revocation/refresh-lists.ts';
import { importLists, listsInForce, removeImportedList } from '../../src/services/revocation/revocation-lists.ts';
import { allowedResponders } from '../../src/services/revocation/revocation-points.ts';
import { RevocationStore } from '../../src/services/revocation/revocation-store.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  basicConstraints,
  crlNumber,
  type ForgedKey,
  forgeCertificate,
  forgeKey,
  forgeList,
  forgeName,
  generalName,
  keyUsage,
  subjectAltName,
} from '../support/certificate-forge.ts';

const DAY_MS = 86_400_000;
const inDays = (days: number) => new Date(Math.floor((Date.now() + days * DAY_MS) / 1000) * 1000);
const LIFE = { notBefore: inDays(-100), notAfter: inDays(100) };
const ROOT = forgeName('Root');
const rootKey = forgeKey();
const root = parseCertificate(
  forgeCertificate({
    serial: 1,
    issuer: ROOT,
    subject: ROOT,
    ...LIFE,
    spki: rootKey.spki,
    extensions: [basicConstraints(true), keyUsage(5, 6)],
    signer: rootKey,
  }),
);

let world: TestApp;
let server: http.Server;
let base: string;
const published = new Map<string, Buffer>();
const asked: string[] = [];

before(async () => {
  world = await startTestApp();
  server = http.createServer((request, response) => {
    asked.push(request.url ?? '');
    const bytes = published.get(request.url ?? '');
    if (bytes === undefined) response.writeHead(503).end();
    else response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server?.close();
  await world?.stop();
});
beforeEach(async () => {
  published.clear();
  asked.length = 0;
  const { prisma } = world.database;
  await prisma.revocationList.deleteMany();
  await prisma.revocationPoint.deleteMany();
});

const inForce = async () => (await listsInForce(world.database, world.alain.id)).sort();
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

function listPoint(kind: 'list' | 'responder', place: string, dueAt = inDays(-1)) {
  return world.database.prisma.revocationPoint.create({ data: { kind, url: `${base}${place}`, dueAt } });
}

function forged(number: number, thisUpdate = inDays(-1)): Buffer {
  const dates = { thisUpdate, nextUpdate: inDays(10) };
  return forgeList({ issuer: ROOT, ...dates, revoked: [], extensions: [crlNumber(number)], signer: rootKey });
}

async function publish(place: string, bytes: Buffer): Promise<void> {
  published.set(place, bytes);
  await world.database.prisma.revocationPoint.updateMany({ data: { fetchedAt: inDays(-1) } });
  await refreshListsNow(world.context);
}

test('S04 a list that was removed counts again when it is added again', async () => {
  const { database, alain } = world;
  const list = forged(1);
  await importLists(database, alain.id, list, new Date());
  const [row] = await database.prisma.revocationList.findMany({ where: { accountId: alain.id } });
  await removeImportedList(database, alain.id, row?.id ?? '', new Date());
  assert.deepEqual(await inForce(), []);
  await importLists(database, alain.id, list, new Date());
  assert.deepEqual(await inForce(), [sha256(list)]);
});

test('S04 files that are added at once do not pass the limit together', async () => {
  const { database, alain } = world;
  const files = Array.from({ length: 24 }, (_, number) => forged(number + 1));
  const imports = await Promise.all(files.map((file) => importLists(database, alain.id, file, new Date())));
  assert.equal(imports.filter(({ ok }) => ok).length, 20);
  assert.equal(await database.prisma.revocationList.count({ where: { accountId: alain.id, supersededAt: null } }), 20);
});

test('T25 a list that forged ones had pushed out counts again when its authority is heard again', async () => {
  await listPoint('list', '/a.crl');
  const genuine = forged(1);
  await publish('/a.crl', genuine);
  // Somebody's mail was judged by it, so that it is kept.
  const judged = {
    messageKey: 'a letter',
    status: 'trusted',
    evidence: [sha256(genuine)],
    chain: [],
    judgedAt: new Date(),
  };
  await world.database.prisma.signatureEvidence.create({ data: { accountId: world.alain.id, ...judged } });
  for (const number of [2, 3, 4, 5]) await publish('/a.crl', forged(number));
  assert.equal((await inForce()).includes(sha256(genuine)), false);
  await publish('/a.crl', genuine);
  assert.equal((await inForce()).includes(sha256(genuine)), true);
});

test('T25 an address that gives hundreds of lists at once fails: everybody’s mail would be judged by them all', async () => {
  await listPoint('list', '/many.pem');
  const pem = (der: Buffer) => `-----BEGIN X509 CRL-----\n${der.toString('base64')}\n-----END X509 CRL-----\n`;
  const lists = Array.from({ length: 200 }, (_, index) => pem(forged(100 + index)));
  await publish('/many.pem', Buffer.from(lists.join('')));
  const point = await world.database.prisma.revocationPoint.findFirstOrThrow();
  assert.match(point.failure ?? '', /too many/);
  assert.deepEqual(await inForce(), []);
});

test('T25 a list that cannot be kept is told as a failure and holds up no other', async () => {
  await listPoint('list', '/odd.crl', inDays(-3));
  await listPoint('list', '/good.crl', inDays(-2));
  published.set('/odd.crl', forged(1, new Date('0000-01-01T00:00:00Z')));
  const good = forged(2);
  published.set('/good.crl', good);
  assert.equal(await refreshDueLists(world.context), 2);
  assert.deepEqual(await inForce(), [sha256(good)]);
  const odd = await world.database.prisma.revocationPoint.findFirstOrThrow({ where: { url: `${base}/odd.crl` } });
  assert.notEqual(odd.failure, null);
});

test('T25 the list of an address that is no longer listed counts to its end, and is not read for ever', async () => {
  await listPoint('list', '/a.crl');
  const list = forged(1);
  await publish('/a.crl', list);
  await world.database.prisma.revocationPoint.deleteMany();
  await refreshDueLists(world.context);
  assert.deepEqual(await inForce(), [sha256(list)]);
  world.setNow(inDays(11));
  await refreshDueLists(world.context);
  world.setNow(new Date());
  assert.deepEqual(await inForce(), []);
});

const personKey = forgeKey();

function person(serial: number): Certificate {
  const responder = sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, `${base}/ocsp`));
  return parseCertificate(
    forgeCertificate({
      serial,
      issuer: ROOT,
      subject: forgeName(`Person ${serial}`),
      ...LIFE,
      spki: personKey.spki,
      extensions: [keyUsage(0), { oid: '1.3.6.1.5.5.7.1.1', value: sequence(responder) }],
      signer: rootKey,
    }),
  );
}

function answer(about: Certificate, signer: ForgedKey, nextUpdate = inDays(1)): Buffer {
  const sha1 = (bytes: Buffer) => createHash('sha1').update(bytes).digest();
  const at = (date: Date) => element(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+/g, '')}`));
  const id = sequence(
    algorithmIdentifier('1.3.14.3.2.26'),
    octetString(sha1(about.issuerRaw)),
    octetString(sha1(root.key.keyBits)),
    about.serialRaw,
  );
  const single = sequence(id, context(1, at(inDays(-2))), at(inDays(-1)), context(0, at(nextUpdate)));
  const data = sequence(context(2, octetString(sha1(root.key.keyBits))), at(inDays(-1)), sequence(single));
  const signature = bitString(sign('sha256', data, signer.privateKey));
  const basic = sequence(data, algorithmIdentifier('1.2.840.10045.4.3.2'), signature);
  const bytes = sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.1'), octetString(basic));
  return sequence(element(0x0a, Buffer.from([0])), context(0, bytes));
}

const ask = (about: Certificate) => askResponders(world.context, [about.der, root.der], { judgedBy: [] });
const atHand = (about: Certificate) => answersFor(world.database, [about.sha256], [], new Date());

test('T25 an answer that is at hand is judged by for every message, not for the first one alone', async () => {
  await listPoint('responder', '/ocsp');
  const revoked = person(0x2001);
  published.set('/ocsp', answer(revoked, rootKey));
  assert.equal(await ask(revoked), true);
  assert.equal(await ask(revoked), true, 'the next message is judged by it, too');
  assert.deepEqual(asked, ['/ocsp'], 'nobody is asked twice');
});

test('T25 a forged answer does not keep the responder from being asked again', async () => {
  await listPoint('responder', '/ocsp');
  const revoked = person(0x2002);
  published.set('/ocsp', answer(revoked, forgeKey(), new Date('9999-01-01T00:00:00Z')));
  assert.equal(await ask(revoked), false);
  assert.deepEqual(await atHand(revoked), []);
  published.set('/ocsp', answer(revoked, rootKey));
  assert.equal(await ask(revoked), true);
  assert.equal((await atHand(revoked)).length, 1);
});

test('T25 checking again loses no answer, whether the responder gives it from stock or is silent', async () => {
  await listPoint('responder', '/ocsp');
  const revoked = person(0x2003);
  published.set('/ocsp', answer(revoked, rootKey));
  await ask(revoked);
  assert.equal(await askResponders(world.context, [revoked.der, root.der], { anew: true, judgedBy: [] }), true);
  assert.equal((await atHand(revoked)).length, 1);
  published.clear();
  assert.equal(await askResponders(world.context, [revoked.der, root.der], { anew: true, judgedBy: [] }), false);
  assert.equal((await atHand(revoked)).length, 1);
  assert.equal(asked.length, 3);
});

test('T25 lists that many ask for at once are held once, and none is left out of a judgement', async () => {
  const { database, alain } = world;
  const keep = (name: string, bytes: Uint8Array<ArrayBuffer>) =>
    database.prisma.revocationList.create({
      data: { sha256: name, issuer: name, bytes, thisUpdate: inDays(-1), nextUpdate: inDays(1) },
    });
  const store = new RevocationStore(database, 50_000);
  const lists = async () =>
    (await store.evidence(alain.id, { certificates: [], earlier: [] }, new Date())).lists.length;
  await keep('large', new Uint8Array(10_000));
  await Promise.all(Array.from({ length: 32 }, lists));
  await keep('b', new Uint8Array(10));
  await keep('c', new Uint8Array(10));
  assert.equal(await lists(), 3);
  assert.equal(await lists(), 3);
  await keep('too large to be held', new Uint8Array(60_000));
  assert.equal(await lists(), 4);
  assert.equal(await lists(), 4);
});

test('T16 a contact below an authority that a responder took back is not encrypted to', async () => {
  const { database, alain } = world;
  await database.prisma.trustAnchor.create({
    data: {
      accountId: alain.id,
      certificate: new Uint8Array(root.der),
      subject: root.subject,
      sha1: root.sha1,
      sha256: root.sha256,
      notAfter: root.notAfter,
      state: 'trusted',
      source: 'file',
      offeredAt: inDays(-1),
      decidedAt: inDays(-1),
    },
  });
  const name = forgeName('Issuing');
  const key = forgeKey();
  const responder = sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName(6, `${base}/ocsp`)));
  const issuing = parseCertificate(
    forgeCertificate({
      serial: 0x3001,
      issuer: ROOT,
      subject: name,
      ...LIFE,
      spki: key.spki,
      extensions: [basicConstraints(true), keyUsage(5, 6), { oid: '1.3.6.1.5.5.7.1.1', value: responder }],
      signer: rootKey,
    }),
  );
  const address = 'anna@partner.example';
  const certificate = parseCertificate(
    forgeCertificate({
      serial: 1,
      issuer: name,
      subject: forgeName('Anna'),
      ...LIFE,
      spki: personKey.spki,
      extensions: [keyUsage(0, 4), subjectAltName(generalName(1, address))],
      signer: key,
    }),
  );
  const mark = async () => {
    const subjects = [{ certificate, chain: [issuing.der], address }];
    return (await markCertificates(world.context, subjects, { account: alain, at: new Date() }))[0]?.reason;
  };
  assert.equal(await mark(), null);
  await listPoint('responder', '/ocsp');
  published.set('/ocsp', answer(issuing, rootKey));
  assert.equal(await ask(issuing), true);
  assert.equal(await mark(), 'revoked');
});

test('security.md no certificate names an address outside of the listed ones with dots or slashes in disguise', async () => {
  await listPoint('responder', '/ocsp');
  const below = [`${base}/ocsp`, `${base}/ocsp/a?b`];
  const outside = ['/ocsp/../admin', '/ocsp/%2e%2e/admin', '/ocsp/..%2fadmin', '/ocsp/%2E%2E%5Cadmin', '/ocspadmin'];
  const uris = [
    ...below,
    ...outside.map((place) => `${base}${place}`),
    base.replace('//', '//user@'),
    `${base}@x/ocsp`,
  ];
  assert.deepEqual(await allowedResponders(world.database, uris), below);
});
