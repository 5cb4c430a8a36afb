import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { createIssuingAuthority, createRootAuthority } from '../../src/pki/issue.ts';
import { writePkcs12 } from '../../src/pki/pkcs12-write.ts';
import { openAuthority } from '../../src/services/identities/authorities.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import type { Clerk } from '../support/clerk.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const DAY_MS = 86_400_000;
const PAGE = '/administration/authorities';
const ROOT_PASSPHRASE = 'kept in the safe of Brussels';
const PASSPHRASE = 'asked for when issuing';
const life = (days: number) => ({
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + days * DAY_MS),
});

let world: TestApp;
let central: Clerk;
before(async () => {
  world = await startTestApp();
});
after(() => world?.stop());
beforeEach(async () => {
  central = await enteredAdministrator(world, world.alain, 'central');
});
afterEach(async () => {
  const { prisma } = world.database;
  await prisma.evidenceSigner.deleteMany();
  // What they published while their keys were open
  await prisma.publishedList.deleteMany();
  await prisma.statusSigner.deleteMany();
  await prisma.issuedCertificate.deleteMany();
  await prisma.authority.deleteMany();
  await prisma.authorityRequest.deleteMany();
  await prisma.trustAnchor.deleteMany();
  await prisma.attemptWindow.deleteMany();
});

const setUp = () => ({
  nonce: randomUUID(),
  ...{ rootName: 'TACHOnet Root CA', issuingName: 'TACHOnet EC CA', keyAlgorithm: 'P-256' },
  ...{ rootPassphrase: ROOT_PASSPHRASE, rootRepeated: ROOT_PASSPHRASE, passphrase: PASSPHRASE, repeated: PASSPHRASE },
});

const authorities = () => world.database.prisma.authority.findMany({ orderBy: { createdAt: 'desc' } });
const idIn = (text: string | undefined) => /[0-9a-f-]{36}/.exec(text ?? '')?.[0] ?? '';

test('T12 the guided set-up makes a Root CA and an issuing CA below it, each under its own passphrase', async () => {
  const begin = await central.get(PAGE);
  assert.match(begin.body, /There is none yet/);
  const form = setUp();
  const made = await central.post(`${PAGE}/set-up`, `${PAGE}/set-up`, form);
  assert.equal(made.location, PAGE, made.body);
  assert.equal((await central.post(`${PAGE}/set-up`, `${PAGE}/set-up`, form)).location, PAGE, 'sent twice');
  const rows = await authorities();
  assert.equal(rows.length, 2);
  const [root, issuing] = ['root', 'issuing'].map((kind) => rows.find((row) => row.kind === kind));
  assert.ok(root && issuing);
  assert.equal(parseCertificate(issuing.certificate).issuer, 'CN=TACHOnet Root CA');
  assert.ok(await openAuthority(root, ROOT_PASSPHRASE));
  assert.ok(await openAuthority(issuing, PASSPHRASE));
  assert.equal(await openAuthority(root, PASSPHRASE), null, 'who issues cannot make authorities');
  const page = await central.get(PAGE);
  assert.match(page.body, /TACHOnet EC CA/);
  assert.match(page.body, /Key kept here, sealed/);
  const anchor = await world.database.prisma.trustAnchor.findFirstOrThrow({ where: { sha256: root.sha256 } });
  assert.equal(anchor.state, 'trusted', 'the programme stands behind what it made itself');
});

test('T12 a set-up that cannot be done says why at each field, keeps the names, and makes nothing', async () => {
  const form = setUp();
  for (const [over, expected] of [
    [{ rootPassphrase: 'short', rootRepeated: 'short' }, /At least 12 characters/],
    [{ repeated: 'something else' }, /The two are not the same/],
    [{ passphrase: ROOT_PASSPHRASE, repeated: ROOT_PASSPHRASE }, /another one than the root/],
    [{ issuingName: ' \u202e ' }, /A name of at most 64 characters/],
    [{ keyAlgorithm: 'RSA-512' }, /Choose one of the list/],
  ] as const) {
    const refused = await central.post(`${PAGE}/set-up`, `${PAGE}/set-up`, { ...form, ...over });
    assert.equal(refused.status, 400);
    assert.match(refused.body, expected);
    assert.match(refused.body, /value="TACHOnet Root CA"/);
    assert.ok(
      !refused.body.includes(PASSPHRASE) && !refused.body.includes(ROOT_PASSPHRASE),
      'no passphrase comes back',
    );
  }
  assert.equal((await authorities()).length, 0);
});

test('T12 a further issuing CA asks for the root’s passphrase, which is counted, and issues from then on', async () => {
  await wholeQuarter();
  await central.post(`${PAGE}/set-up`, `${PAGE}/set-up`, setUp());
  const root = (await authorities()).find((row) => row.kind === 'root');
  const form = {
    ...{ nonce: randomUUID(), root: root?.id ?? '', issuingName: 'TACHOnet EC CA 2', keyAlgorithm: 'P-256' },
    ...{ passphrase: 'another passphrase', repeated: 'another passphrase' },
  };
  const ask = (rootPassphrase: string) =>
    central.post(`${PAGE}/issuing`, `${PAGE}/issuing`, { ...form, rootPassphrase });
  const wrong = await ask('a wild guess that fails');
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /does not open the key/);
  assert.match(wrong.body, /value="TACHOnet EC CA 2"/);
  assert.equal((await ask(ROOT_PASSPHRASE)).location, PAGE);
  const page = await central.get(PAGE);
  assert.match(page.body, /A newer one issues/);
  const newest = (await authorities()).find((row) => row.id === form.nonce);
  await central.post(PAGE, `${PAGE}/${newest?.id}/retire`, {});
  const retired = await central.get(PAGE);
  assert.match(retired.body, /Issues no more/);
  assert.doesNotMatch(retired.body, /A newer one issues/, 'the older one issues again');
  await central.post(PAGE, `${PAGE}/${newest?.id}/resume`, {});
  for (let attempt = 0; attempt < 10; attempt += 1) await ask('a wild guess that fails');
  const locked = await ask(ROOT_PASSPHRASE);
  assert.equal(locked.status, 429);
  assert.match(locked.body, /Too many wrong passphrases/);
});

test('T12 an issuing CA is imported from PKCS#12; its root waits for its thumbprint', async () => {
  const root = await createRootAuthority({ name: 'Ministry Root', keyAlgorithm: 'P-256', ...life(900) });
  const issuing = await createIssuingAuthority({
    ...{ issuer: root, name: 'Ministry EC CA', keyAlgorithm: 'P-256', domains: ['.eu-admin.net'], ...life(800) },
  });
  const pfx = (authority: typeof root, chain: (typeof root)[]) =>
    writePkcs12({
      ...{ privateKey: authority.privateKey, certificate: authority.certificate, password: 'of the file' },
      ...{ chain: chain.map((each) => each.certificate), form: 'modern', friendlyName: 'CA' },
    });
  const send = (bytes: Buffer, over: Record<string, string> = {}) =>
    central.upload(
      `${PAGE}/import`,
      `${PAGE}/import`,
      { issuingPassword: 'of the file', passphrase: PASSPHRASE, repeated: PASSPHRASE, ...over },
      { field: 'issuing', name: 'ca.p12', bytes },
    );
  for (const [bytes, over, expected] of [
    [pfx(issuing, [root]), { issuingPassword: 'wrong' }, /password does not open this file/],
    [pfx(issuing, []), {}, /certificates above it are missing/],
    [pfx(root, []), {}, /not of such an authority/],
    [Buffer.from('no file'), {}, /not a .pfx or .p12 file/],
    [pfx(issuing, [root]), { repeated: 'x' }, /The two are not the same/],
  ] as const) {
    const refused = await send(bytes, over);
    assert.ok([400, 422].includes(refused.status), String(refused.status));
    assert.match(refused.body, expected);
    assert.equal((await authorities()).length, 0, 'nothing half done');
  }
  const done = await send(pfx(issuing, [root]));
  assert.match(done.location ?? '', /^\/administration\/trust\/roots\/[0-9a-f-]+\/confirm$/, done.body);
  const rows = await authorities();
  assert.deepEqual(rows.map((row) => [row.kind, row.sealedPrivateKey !== null]).sort(), [
    ['issuing', true],
    ['root', false],
  ]);
  const anchor = await world.database.prisma.trustAnchor.findFirstOrThrow({
    where: { sha256: root.certificate.sha256 },
  });
  assert.equal(anchor.state, 'offered', 'no root becomes trusted by itself');
  assert.match((await send(pfx(issuing, [root]))).body, /in the list already/);
  assert.match((await central.get(PAGE)).body, /Key kept elsewhere/);
});

/** An outside root as OpenSSL keeps it. */
function signOutside(request: string, extensions: string): { certificate: string; root: string } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-outside-'));
  const run = (...args: string[]) => {
    const done = spawnSync('openssl', args, { cwd: folder });
    assert.equal(done.status, 0, done.stderr.toString());
  };
  try {
    fs.writeFileSync(path.join(folder, 'ca.csr'), request);
    fs.writeFileSync(path.join(folder, 'ca.ext'), extensions);
    const subject = ['-subj', '/O=Outside/CN=Outside Root', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
    run(
      'req',
      '-x509',
      '-newkey',
      'rsa:3072',
      '-nodes',
      '-keyout',
      'root.key',
      '-out',
      'root.pem',
      '-days',
      '900',
      ...subject,
    );
    run(
      'x509',
      '-req',
      '-in',
      'ca.csr',
      '-CA',
      'root.pem',
      '-CAkey',
      'root.key',
      '-CAcreateserial',
      '-days',
      '800',
      '-extfile',
      'ca.ext',
      '-out',
      'ca.pem',
    );
    const read = (name: string) => fs.readFileSync(path.join(folder, name), 'utf8');
    return { certificate: read('ca.pem'), root: read('root.pem') };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

test('T12 an outside root signs an issuing CA by a request that was made here', async () => {
  const asked = await central.post(`${PAGE}/request`, `${PAGE}/request`, {
    ...{ nonce: randomUUID(), name: 'TACHOnet EC CA', keyAlgorithm: 'RSA-3072' },
    ...{ passphrase: PASSPHRASE, repeated: PASSPHRASE },
  });
  const page = asked.location ?? '';
  assert.match(page, new RegExp(`^${PAGE}/requests/`), asked.body);
  assert.match((await central.get(PAGE)).body, /Waiting for their certificate/);
  const file = await central.get(`${page}/file`);
  assert.equal(file.headers['content-type'], 'application/pkcs10');
  const common =
    'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n';
  const answer = (text: string, passphrase = PASSPHRASE) =>
    central.upload(
      page,
      `${page}/answer`,
      { passphrase },
      { field: 'files', name: 'ca.pem', bytes: Buffer.from(text) },
    );
  const good = signOutside(file.body, `${common}extendedKeyUsage=emailProtection`);
  for (const [text, expected] of [
    ['nothing', /no certificate in this file|No file was chosen/],
    [good.root, /No certificate among these fits the key/],
    [good.certificate, /certificates above it are missing/],
  ] as const) {
    const refused = await answer(text);
    assert.ok([400, 422].includes(refused.status));
    assert.match(refused.body, expected);
  }
  for (const [extensions, expected] of [
    ['basicConstraints=critical,CA:FALSE', /may not issue to persons/],
    [`${common}extendedKeyUsage=serverAuth`, /is not for mail/],
    [`${common}nameConstraints=critical,permitted;email:.elsewhere.example`, /name constraints forbid/],
  ] as const) {
    const unfit = signOutside(file.body, extensions);
    assert.match((await answer(unfit.certificate + unfit.root)).body, expected);
  }
  const wrong = await answer(good.certificate + good.root, 'a wild guess that fails');
  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /does not open the key/);
  assert.equal((await authorities()).length, 0, 'nothing half done');
  const done = await answer(good.certificate + good.root);
  assert.match(done.location ?? '', /\/administration\/trust\/roots\//, done.body);
  assert.equal(await world.database.prisma.authorityRequest.count(), 0);
  const issuing = (await authorities()).find((row) => row.kind === 'issuing');
  assert.ok(issuing && (await openAuthority(issuing, PASSPHRASE)));
  const published = await central.get(`/certificates/${issuing.sha256}.crt`);
  assert.ok(published.body.includes(toPem([parseCertificate(issuing.certificate)]).trim()));
});

test('T12 a request that is given up takes its key along, and is nobody else’s', async () => {
  const asked = await central.post(`${PAGE}/request`, `${PAGE}/request`, {
    ...{ nonce: randomUUID(), name: 'TACHOnet EC CA', keyAlgorithm: 'P-256' },
    ...{ passphrase: PASSPHRASE, repeated: PASSPHRASE },
  });
  const page = asked.location ?? '';
  const { prisma } = world.database;
  const other = await prisma.programme.create({
    data: { code: 'other', name: 'Other', domainPattern: 'x.{cc}.other.example' },
  });
  await prisma.authorityRequest.update({ where: { id: idIn(page) }, data: { programmeId: other.id } });
  assert.equal((await central.get(page)).status, 404);
  const { programmeId } = await prisma.country.findFirstOrThrow();
  await prisma.authorityRequest.update({ where: { id: idIn(page) }, data: { programmeId } });
  assert.equal((await central.post(page, `${page}/discard`, {})).location, PAGE);
  assert.equal(await prisma.authorityRequest.count(), 0);
});
