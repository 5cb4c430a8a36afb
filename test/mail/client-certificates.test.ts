import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Certificate } from '../../src/pki/certificate.ts';
import { createRootAuthority } from '../../src/pki/issue.ts';
import type { Node } from '../../src/server.ts';
import { storeFetchedLists } from '../../src/services/revocation/revocation-lists.ts';
import { recheckCertificates } from '../../src/services/sessions/recheck-certificates.ts';
import { makeCertificates } from '../../testbed/certificates.ts';
import type { World, WorldPerson } from '../../testbed/world.ts';
import { type ClientTls, certificateFetch, plainFetch } from '../support/certificate-fetch.ts';
import { certify, issueForTest, pemOf, type WantedCertificate } from '../support/certificate-for-test.ts';
import { startNginx } from '../support/nginx.ts';
import { makePartnerAuthority } from '../support/partner-authority.ts';
import { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';

const DAY_MS = 86_400_000;
const NODE_HOST = '127.149.0.10';
const PROXY_HOST = '127.149.0.11';
const HIDDEN_HOST = '127.149.0.12';
const PROXY_PORT = 8443;
const HIDDEN_PORT = 8460;

let world: World;
let ca: string;
/** Speaks TLS itself */
let node: Node;
before(async () => {
  world = await startTestWorld({ network: 149 });
  const { caPem, servers } = await makeCertificates(path.join(world.folder, 'web-tls'), [
    { hostName: 'node.eu-admin.net', address: NODE_HOST },
    { hostName: 'proxy.eu-admin.net', address: PROXY_HOST },
  ]);
  ca = caPem;
  const files = servers.get('node.eu-admin.net');
  assert.ok(files);
  node = await startTestNode(world, {
    HOST: NODE_HOST,
    PUBLIC_URL: `https://${NODE_HOST}`,
    TLS_CERTIFICATE_FILE: files.certificateFile,
    TLS_PRIVATE_KEY_FILE: files.privateKeyFile,
    CLIENT_CERTIFICATES: 'node',
    SIGN_IN_LIMIT: '1000',
  });
});
after(async () => {
  await node?.stop();
  await world?.stop();
});
beforeEach(async () => {
  const { prisma } = node.context.database;
  await prisma.programme.updateMany({ data: { clientCertificates: 'off', clientCertificatesFrom: null } });
  await prisma.account.updateMany({
    data: { certificateOnly: false, certificateSeenAt: null, certificateWaivedUntil: null },
  });
  await prisma.issuedCertificate.updateMany({ data: { revokedAt: null } });
});

const own = (person: WorldPerson): ClientTls => ({
  ca,
  pfx: fs.readFileSync(person.pfxFile),
  passphrase: person.pfxPassword,
});
const accountOf = (person: WorldPerson) =>
  node.context.database.prisma.account.findUniqueOrThrow({ where: { addressKey: person.address.toLowerCase() } });
const alertOf = (html: string) => /role="alert">(?:<svg.*?<\/svg>)?\s*<p>([^<]*)</s.exec(html)?.[1]?.trim() ?? '';

/** Requires certificates since yesterday; accounts are old enough. */
async function requireCertificates(): Promise<void> {
  const { prisma } = node.context.database;
  const from = new Date(Date.now() - DAY_MS);
  await prisma.programme.updateMany({ data: { clientCertificates: 'required', clientCertificatesFrom: from } });
  await prisma.account.updateMany({ data: { createdAt: new Date(Date.now() - 30 * DAY_MS) } });
}

async function attempt(person: WorldPerson, tls: ClientTls, base = node.url) {
  const visitor = new Visitor(base, certificateFetch(tls));
  await visitor.get('/sign-in');
  const answer = await visitor.post('/sign-in', { address: person.address, password: person.password });
  return { visitor, ...answer, alert: alertOf(answer.text) };
}

/** Gives the id of the anchor. */
async function trustAtProgramme(root: Certificate): Promise<string> {
  const { prisma } = node.context.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const { subject, sha1, sha256, notAfter } = root;
  const decided = { state: 'trusted', source: 'file' } as const;
  const { id } = await prisma.trustAnchor.create({
    data: {
      ...{ programmeId: programme.id, certificate: new Uint8Array(root.der) },
      ...{ subject, sha1, sha256, notAfter, ...decided },
    },
  });
  return id;
}

/** As its holder imports one from outside. */
async function bringDigitalId(accountId: string, certificate: Certificate): Promise<void> {
  const { issuer, serialNumber, keyLabel, sha1, sha256, notBefore, notAfter, addresses } = certificate;
  await node.context.database.prisma.digitalId.create({
    data: {
      ...{ accountId, certificate: new Uint8Array(certificate.der), chain: [], sealedPrivateKey: new Uint8Array(1) },
      ...{ canSign: true, canEncrypt: false, addresses: [...addresses], commonName: 'Alain Dupont' },
      ...{ issuer, serialNumber, keyLabel, sha1, sha256, notBefore, notAfter },
    },
  });
}

const issue = (wanted: WantedCertificate) =>
  issueForTest(node.context.database, world.authorityPassphrase, { ca }, wanted);

test('T22 a Digital ID issued here opens its account together with the password, and the session is worth nothing without it', async () => {
  const { alain } = world.people;
  const { visitor, status } = await attempt(alain, own(alain));
  assert.equal(status, 200);
  for (let turn = 0; turn < 3; turn += 1) assert.equal((await visitor.get('/mail')).status, 200, 'resumed TLS too');
  const account = await accountOf(alain);
  assert.ok(account.certificateSeenAt);
  const session = await node.context.database.prisma.session.findFirstOrThrow({
    where: { accountId: account.id },
    orderBy: { createdAt: 'desc' },
  });
  assert.match(session.certificateSha256 ?? '', /^[0-9a-f]{64}$/);
  assert.ok(session.endsAt.getTime() > Date.now());
  // A thief has the cookie, and a certificate of their own at best.
  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  for (const thief of [{ ca }, own(world.people.marta)]) {
    const stolen = await certificateFetch(thief)(`${node.url}/mail`, { headers: { cookie } });
    assert.equal(stolen.status, 302);
    assert.match(stolen.headers.get('location') ?? '', /^\/sign-in/);
  }
  assert.match((await visitor.get('/mail')).url, /^\/sign-in/, 'it ended when somebody else came with it');
  const entry = await node.context.database.prisma.auditEntry.findFirst({
    where: { accountId: account.id, reason: 'certificate-differs' },
  });
  assert.equal(entry?.result, 'refused');
});

test('T22 where it is required the password alone does not suffice, and each certificate that does not fit is told why', async () => {
  const { alain, marta } = world.people;
  await requireCertificates();
  const cases: [string, ClientTls, RegExp][] = [
    ['none', { ca }, /showed none/],
    ['of somebody else', own(marta), /for another address/],
    ['of another authority', await issue({ address: alain.address, authority: 'other' }), /did not issue/],
    ['expired', await issue({ address: alain.address, notAfter: new Date(Date.now() - 60_000) }), /has expired/],
    [
      'not yet valid',
      await issue({ address: alain.address, notBefore: new Date(Date.now() + 3_600_000) }),
      /not valid yet/,
    ],
    ['for encryption', await issue({ address: alain.address, usage: 'encrypt' }), /not made for signing/],
  ];
  for (const [name, tls, said] of cases) {
    const refused = await attempt(alain, tls);
    assert.equal(refused.status, 403, name);
    assert.match(refused.alert, said, name);
    assert.match(refused.text, new RegExp(`value="${alain.address}"`), 'the address is kept');
  }
  const wrong = await attempt({ ...alain, password: 'wrong password' }, { ca });
  assert.equal(wrong.status, 401);
  assert.doesNotMatch(wrong.alert, /certificate/i, 'whoever does not know the password learns nothing');
  assert.equal((await attempt(alain, own(alain))).status, 200);
  assert.equal((await attempt(alain, await issue({ address: alain.address.toUpperCase() }))).status, 200);
});

test('T22 a root that the programme believes for mail does not make keys to its accounts', async () => {
  const { alain } = world.people;
  await requireCertificates();
  const { prisma } = node.context.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const life = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const partner = await createRootAuthority({ name: 'Partner Root', keyAlgorithm: 'P-256', ...life });
  const { certificate: root } = partner;
  const id = await trustAtProgramme(root);
  const { certificate, tls } = await certify(partner, { ca }, { address: alain.address, ...life });
  const refused = await attempt(alain, tls);
  assert.equal(refused.status, 403);
  assert.match(refused.alert, /did not issue/);
  // Also where an authority of ours stands below that root: others do too.
  const above = { programmeId: programme.id, kind: 'root' as const, sha256: root.sha256 };
  const row = await prisma.authority.create({ data: { ...above, certificate: new Uint8Array(root.der), chain: [] } });
  assert.match((await attempt(alain, tls)).alert, /did not issue/);
  await prisma.authority.delete({ where: { id: row.id } });
  // In production Digital IDs come from outside (T21): then it is the holder who brought it here.
  const account = await accountOf(alain);
  await bringDigitalId(account.id, certificate);
  assert.equal((await attempt(alain, tls)).status, 200);
  await prisma.digitalId.deleteMany({ where: { accountId: account.id, sha256: certificate.sha256 } });
  await prisma.trustAnchor.delete({ where: { id } });
});

test('T22 a certificate that is revoked ends the session at the next click and opens no other', async () => {
  const { alain } = world.people;
  await requireCertificates();
  const { visitor } = await attempt(alain, own(alain));
  assert.equal((await visitor.get('/mail')).status, 200);
  const { prisma } = node.context.database;
  const revoked = (revokedAt: Date | null) =>
    prisma.authority.updateMany({ where: { kind: 'issuing' }, data: { revokedAt } });
  await revoked(new Date());
  assert.match((await visitor.get('/mail')).url, /^\/sign-in/, 'with the authority everything below it is taken back');
  await revoked(null);
  const second = (await attempt(alain, own(alain))).visitor;
  assert.equal((await second.get('/mail')).status, 200);
  const account = await accountOf(alain);
  await prisma.issuedCertificate.updateMany({
    where: { accountId: account.id },
    data: { revokedAt: new Date(), revocationReason: 'keyCompromise' },
  });
  assert.match((await second.get('/mail')).url, /^\/sign-in/);
  const again = await attempt(alain, own(alain));
  assert.equal(again.status, 403);
  assert.match(again.alert, /was revoked/);
});

test('T22 a certificate that an authority elsewhere took back ends the session while it lasts', async () => {
  const { alain } = world.people;
  const { context } = node;
  const { prisma } = context.database;
  await requireCertificates();
  const partner = makePartnerAuthority('Carte Racine', 'Agence des cartes');
  const person = partner.person('Alain Dupont', alain.address);
  const anchor = await trustAtProgramme(partner.root);
  const account = await accountOf(alain);
  await bringDigitalId(account.id, person.certificate);
  const key = person.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const outside = await attempt(alain, { ca, cert: pemOf(person.certificate.der), key });
  const inside = await attempt(alain, own(alain));
  const staysIn = async () => assert.equal((await outside.visitor.get('/mail')).status, 200);
  await staysIn();
  let minutes = 0;
  const recheck = () => {
    minutes += 6;
    return recheckCertificates({ ...context, now: () => new Date(Date.now() + minutes * 60_000) });
  };
  assert.equal(await recheckCertificates(context), 0, 'judged a moment ago');
  assert.ok((await recheck()) >= 2);
  await staysIn();
  const point = await prisma.revocationPoint.create({
    data: { kind: 'list', url: 'http://lists.example/cartes.crl', dueAt: new Date(Date.now() + DAY_MS) },
  });
  await storeFetchedLists(context.database, point.id, partner.list([person.certificate]), new Date());
  await staysIn();
  await recheck();
  assert.match((await outside.visitor.get('/mail')).url, /^\/sign-in/);
  assert.equal((await inside.visitor.get('/mail')).status, 200, 'the other one goes on');
  const entry = await prisma.auditEntry.findFirst({ where: { accountId: account.id }, orderBy: { id: 'desc' } });
  assert.equal(`${entry?.action} ${entry?.reason}`, 'sign-out certificate-revoked');
  await prisma.digitalId.deleteMany({ where: { accountId: account.id, sha256: person.certificate.sha256 } });
  await prisma.trustAnchor.delete({ where: { id: anchor } });
});

test('T22 new accounts have a week, the rule begins on its day, and an administrator can waive it for one account', async () => {
  const { alain } = world.people;
  const { prisma } = node.context.database;
  await requireCertificates();
  const { id } = await accountOf(alain);
  const change = (data: Parameters<typeof prisma.account.update>[0]['data']) =>
    prisma.account.update({ where: { id }, data });
  await change({ createdAt: new Date(Date.now() - 2 * DAY_MS) });
  assert.equal((await attempt(alain, { ca })).status, 200, 'a new account');
  await attempt(alain, own(alain));
  assert.equal((await attempt(alain, { ca })).status, 403, 'once it had one there is no more time');
  await change({ certificateWaivedUntil: new Date(Date.now() + DAY_MS) });
  assert.equal((await attempt(alain, { ca })).status, 200, 'waived');
  await change({ certificateWaivedUntil: new Date(Date.now() - 1000) });
  assert.equal((await attempt(alain, { ca })).status, 403, 'the waiver is over');
  await prisma.programme.updateMany({ data: { clientCertificatesFrom: new Date(Date.now() + DAY_MS) } });
  assert.equal((await attempt(alain, { ca })).status, 200, 'it begins tomorrow');
});

test('T22 a holder insists on the certificate, which only a session with it can do', async () => {
  const { marta } = world.people;
  const without = await attempt(marta, { ca });
  assert.match((await without.visitor.get('/settings')).text, /signed in without your certificate/);
  await without.visitor.post('/settings/certificate', { only: 'on' });
  assert.equal((await accountOf(marta)).certificateOnly, false);
  const withOne = await attempt(marta, own(marta));
  await withOne.visitor.get('/settings');
  const saved = await withOne.visitor.post('/settings/certificate', { only: 'on' });
  assert.match(saved.text, /name="only" checked/);
  assert.equal((await attempt(marta, { ca })).status, 403);
  assert.equal((await attempt(marta, own(marta))).status, 200);
});

describe('T22 nginx in front, as in deploy/nginx', () => {
  let nginx: ChildProcess;
  let hidden: Node;
  const base = `https://${PROXY_HOST}:${PROXY_PORT}`;
  before(async () => {
    hidden = await startTestNode(world, {
      HOST: HIDDEN_HOST,
      PORT: String(HIDDEN_PORT),
      PUBLIC_URL: base,
      CLIENT_CERTIFICATES: 'proxy',
      TRUSTED_PROXIES: '127.0.0.1',
      NODE_NAME: 'hidden',
      SIGN_IN_LIMIT: '1000',
    });
    const tls = path.join(world.folder, 'web-tls', 'proxy.eu-admin.net');
    nginx = await startNginx(path.join(world.folder, 'nginx'), {
      NODE: `${HIDDEN_HOST}:${HIDDEN_PORT}`,
      LISTEN: `${PROXY_HOST}:${PROXY_PORT}`,
      SERVER_NAME: 'proxy.eu-admin.net',
      CERTIFICATE_FILE: `${tls}.pem`,
      PRIVATE_KEY_FILE: `${tls}.key`,
    });
  });
  after(async () => {
    nginx?.kill('SIGTERM');
    await hidden?.stop();
  });

  test('T22 the browser’s certificate reaches the node through it, on every page', async () => {
    const { alain } = world.people;
    await requireCertificates();
    const refused = await attempt(alain, { ca }, base);
    assert.equal(refused.status, 403);
    const { visitor, status } = await attempt(alain, own(alain), base);
    assert.equal(status, 200);
    assert.equal(await statusOfEvents(visitor, own(alain)), 200);
    assert.doesNotMatch((await visitor.get('/mail')).url, /sign-in/);
  });

  /** The answer of a connection that stays open. */
  function statusOfEvents({ cookies }: Visitor, tls: ClientTls): Promise<number | undefined> {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    return new Promise((resolve, reject) => {
      const request = https.get(`${base}/events`, { ...tls, headers }, (answer) => {
        resolve(answer.statusCode);
        request.destroy();
      });
      request.on('error', reject);
    });
  }

  test('T22 a certificate that expired gets the page of the node, not one of nginx', async () => {
    const { alain } = world.people;
    await requireCertificates();
    const old = await issue({ address: alain.address, notAfter: new Date(Date.now() - 60_000) });
    const refused = await attempt(alain, old, base);
    assert.equal(refused.status, 403);
    assert.match(refused.alert, /has expired/);
  });

  test('T22 a header that the browser wrote itself counts neither through nginx nor past it', async () => {
    const { alain } = world.people;
    await requireCertificates();
    const row = await node.context.database.prisma.issuedCertificate.findFirstOrThrow({
      where: { address: alain.address },
    });
    const forged = { 'x-client-certificate': encodeURIComponent(pemOf(row.certificate)) };
    const through = certificateFetch({ ca });
    const forging: typeof fetch = (url, init) =>
      through(url, { ...init, headers: { ...(init?.headers as Record<string, string>), ...forged } });
    const visitor = new Visitor(base, forging);
    await visitor.get('/sign-in');
    const answer = await visitor.post('/sign-in', { address: alain.address, password: alain.password });
    assert.equal(answer.status, 403);
    assert.match(alertOf(answer.text), /showed none/);
    // Past it, from an address that is no proxy: the node listens on loopback only, so another loopback address stands for it.
    const from = { localAddress: '127.149.0.99', headers: { ...forged, 'x-forwarded-for': '127.0.0.1, 127.0.0.1' } };
    const beside = new Visitor(`http://${HIDDEN_HOST}:${HIDDEN_PORT}`, plainFetch(from, base));
    await beside.get('/sign-in');
    const past = await beside.post('/sign-in', { address: alain.address, password: alain.password });
    assert.equal(past.status, 403);
    assert.match(alertOf(past.text), /showed none/);
  });
});
