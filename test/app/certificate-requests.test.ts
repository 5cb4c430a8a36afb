import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { readCertificateRequest, verifyCertificateRequest } from '../../src/pki/certificate-request.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { signingIdentity } from '../../src/services/identities/own-keys.ts';
import { identityData } from '../../src/services/identities/stored-identity.ts';
import { enteredAdministrator } from '../support/administrator.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { openssl } from '../support/openssl.ts';
import {
  bundleOf,
  type CertificateWishes,
  derOf,
  makeOutsideAuthority,
  type OutsideAuthority,
  thumbprintOf,
} from '../support/outside-authority.ts';

const DAY_MS = 86_400_000;
const PASSPHRASE = 'quatre vaches au bord du canal';
const REQUESTS = '/digital-ids/requests';
const ONE = { algorithm: 'P-256', keyPairs: 'one', organisation: 'Service public de la Mobilité', withCountry: 'on' };
const TWO = { ...ONE, keyPairs: 'two' };

let world: TestApp;
let authority: OutsideAuthority;
let clerk: Clerk;
let now: Date;

before(async () => {
  world = await startTestApp();
  authority = makeOutsideAuthority(world.alain.address);
});
after(() => world?.stop());

beforeEach(async () => {
  const { prisma } = world.database;
  // Certificates that OpenSSL makes during the test have begun by then.
  now = new Date(Date.now() + 60_000);
  world.setNow(now);
  await prisma.attemptWindow.deleteMany();
  await prisma.certificateRequest.deleteMany();
  await prisma.digitalId.deleteMany();
  await prisma.trustAnchor.deleteMany();
  await prisma.vault.deleteMany();
  await prisma.account.updateMany({ data: { signingIdentityId: null, encryptionIdentityId: null } });
  await inPhase('production');
  clerk = await Clerk.signIn(world, world.alain);
  await clerk.choosePassphrase(PASSPHRASE);
});

const inPhase = (phase: 'test' | 'production') => world.database.prisma.programme.updateMany({ data: { phase } });
const rows = () => world.database.prisma.digitalId.findMany({ orderBy: { importedAt: 'asc' } });
const openRequest = () =>
  world.database.prisma.certificateRequest.findFirstOrThrow({ where: { state: 'open' }, include: { keys: true } });

/** So many days later, signed in again and with open keys. */
async function comeBack(days: number): Promise<void> {
  now = new Date(now.getTime() + days * DAY_MS);
  world.setNow(now);
  clerk = await Clerk.signIn(world, world.alain);
  await clerk.post('/keys/unlock', '/keys/unlock', { passphrase: PASSPHRASE });
}

/** Makes a request through the pages; gives its address. */
async function ask(wishes: Record<string, string> = ONE, by = clerk): Promise<string> {
  const answer = await by.post(REQUESTS, REQUESTS, wishes);
  assert.equal(answer.status, 302, answer.body.slice(0, 3000));
  return answer.location ?? '';
}

async function fileOf(page: string, use = 'both', form = 'pem', by = clerk): Promise<Buffer> {
  const file = await by.get(`${page}/${use}/${form}`);
  assert.equal(file.status, 200, page);
  return file.bytes;
}

function bring(page: string, bytes: Buffer | string, by = clerk): Promise<Answer> {
  const file = { field: 'files', name: 'from-the-authority.cer', bytes: Buffer.from(bytes) };
  return by.upload(page, `${page}/certificate`, { pasted: '' }, file);
}

/** A request and its certificate installed. */
async function settle(wishes: CertificateWishes = {}): Promise<string> {
  const page = await ask();
  const pem = authority.certify(await fileOf(page), { keyUsage: 'digitalSignature,keyAgreement', ...wishes });
  const answer = await bring(page, bundleOf([pem, authority.issuing, authority.root]));
  assert.equal(answer.status, 200, answer.body.slice(0, 3000));
  return thumbprintOf(pem);
}

const FORMS: Record<string, (pem: string) => Buffer> = {
  PEM: (pem) => Buffer.from(pem),
  DER: (pem) => derOf(pem),
  'a .p7b with the whole path': (pem) => bundleOf([authority.root, pem, authority.issuing]),
};

for (const [form, write] of Object.entries(FORMS)) {
  test(`T21 a key is made here, and the certificate of an outside authority comes back as ${form}`, async () => {
    const page = await ask({ ...ONE, algorithm: 'RSA-3072' });
    const shown = await clerk.get(page);
    assert.match(shown.body, /-----BEGIN CERTIFICATE REQUEST-----/);
    const request = await fileOf(page);
    assert.deepEqual(
      readCertificateRequest(await fileOf(page, 'both', 'der')).der,
      readCertificateRequest(request).der,
    );
    const checked = openssl(['req', '-in', 'r.csr', '-verify', '-noout', '-subject'], { 'r.csr': request });
    assert.match(`${checked.stdout}${checked.stderr}`, /verify OK/i);
    assert.match(checked.stdout.toString(), /BE.*Mobilit.*Alain Dupont/);
    const pem = authority.certify(request);
    const answer = await bring(page, write(pem));
    assert.equal(answer.status, 200, answer.body.slice(0, 3000));
    assert.match(answer.body, /Certificate installed/);
    const [row] = await rows();
    assert.equal(row?.sha256, thumbprintOf(pem));
    assert.equal(row?.state, 'active');
    assert.equal((await signingIdentity(world.database, world.alain, now))?.id, row?.id);
    const kept = await world.database.prisma.certificateRequest.findFirstOrThrow({ include: { keys: true } });
    assert.equal(kept.state, 'done');
    assert.deepEqual(
      kept.keys.map((key) => [key.digitalIdId, key.sealedPrivateKey]),
      [[row?.id, null]],
    );
    await assertKeyFits(row?.id ?? '', thumbprintOf(pem));
  });
}

/** The backup opens with the key that fits the certificate: what was sealed anew is the key that was made. */
async function assertKeyFits(id: string, sha256: string): Promise<void> {
  const password = 'opens the backup file';
  const page = `/digital-ids/${id}/backup`;
  const fields = { passphrase: PASSPHRASE, password, repeated: password, form: 'modern' };
  const file = await clerk.post(page, page, fields);
  assert.equal(file.headers['content-type'], 'application/x-pkcs12', file.body.slice(0, 2000));
  const read = readPkcs12(file.bytes, password);
  assert.ok(read.ok);
  assert.deepEqual(
    read.identities.map((each) => each.certificate.sha256),
    [sha256],
  );
}

test('T21 the certificate can be pasted, and a root that comes along is offered and not trusted', async () => {
  const page = await ask();
  const pem = authority.certify(await fileOf(page), { keyUsage: 'digitalSignature,keyAgreement' });
  const pasted = [pem, authority.issuing, authority.root].join('');
  const answer = await clerk.upload(page, `${page}/certificate`, { pasted }, null);
  assert.equal(answer.status, 200, answer.body.slice(0, 3000));
  assert.match(answer.body, /Above it is the root “<bdi>Official Root<\/bdi>”/);
  const anchors = await world.database.prisma.trustAnchor.findMany({ where: { accountId: world.alain.id } });
  assert.deepEqual(
    anchors.map((anchor) => [anchor.sha256, anchor.state]),
    [[thumbprintOf(authority.root), 'offered']],
  );
  assert.deepEqual(
    (await rows())[0]?.chain.map((der) => parseCertificate(der).sha256),
    [thumbprintOf(authority.issuing), thumbprintOf(authority.root)],
  );
});

const MISFITS: [string, CertificateWishes, RegExp][] = [
  ['another address', { address: 'alain@example.org' }, /issued for alain@example\.org, but your mailbox is/],
  ['no address', { address: null }, /names no mail address, but must name/],
  ['a web server', { extendedKeyUsage: 'serverAuth' }, /was not made for mail/],
  ['encryption only', { keyUsage: 'keyEncipherment,keyAgreement' }, /may not be used for signing/],
  ['signing only', { keyUsage: 'digitalSignature' }, /may not be used for encryption/],
  ['an authority', { isAuthority: true }, /was made for an authority, not for a person/],
  ['an unsafe signature', { digest: 'sha1' }, /no longer safe/],
];

test('T21 each certificate that does not fit is refused with its own reason, and the request stays open', async () => {
  const page = await ask();
  const request = await fileOf(page);
  for (const [what, wishes, message] of MISFITS) {
    const pem = authority.certify(request, { keyUsage: 'digitalSignature,keyAgreement', ...wishes });
    const answer = await bring(page, pem);
    assert.equal(answer.status, 400, what);
    assert.match(answer.body, message, what);
    assert.match(answer.body, /Nothing was installed\. The request is still open\./, what);
  }
  const others: [string, Buffer | string, RegExp][] = [
    ['for another key', authority.certify(authority.strangersRequest()), /for another key than the one made here/],
    ['only authorities', `${authority.issuing}${authority.root}`, /only certificates of authorities/],
    ['the request itself', request, /This is the request that went out/],
    ['no certificate', Buffer.from('Dear Alain, please find attached'), /no certificate in what you gave/],
    ['nothing', Buffer.alloc(0), /Choose the files of the authority/],
    ['far too large', Buffer.alloc(3 * 1024 * 1024, 48), /larger than any with certificates/],
  ];
  for (const [what, bytes, message] of others) {
    const answer = await bring(page, bytes);
    assert.ok([400, 413].includes(answer.status), what);
    assert.match(answer.body, message, what);
  }
  const pem = authority.certify(request, { keyUsage: 'digitalSignature,keyAgreement', days: 10 });
  await comeBack(11);
  assert.match((await bring(page, pem)).body, /expired on/);
  await comeBack(-13);
  assert.match((await bring(page, pem)).body, /is valid from .* on\. Install it then/);
  assert.deepEqual(await rows(), []);
  assert.equal(
    (await openRequest()).keys.every((key) => key.sealedPrivateKey !== null),
    true,
  );
});

test('T21 what was pasted stays in the form when it is refused', async () => {
  const page = await ask();
  const pasted = authority.certify(authority.strangersRequest());
  const answer = await clerk.upload(page, `${page}/certificate`, { pasted }, null);
  assert.equal(answer.status, 400);
  assert.ok(answer.body.includes(pasted.trim()), 'the pasted text is gone');
});

test('T21 two windows at the same moment make one request', async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => clerk.post(REQUESTS, REQUESTS, ONE)));
  const places = new Set(answers.map((answer) => answer.location));
  assert.equal(places.size, 1, [...places].join(' '));
  assert.equal(await world.database.prisma.certificateRequest.count(), 1);
  assert.equal(await world.database.prisma.requestedKey.count(), 1);
});

test('T21 two windows install one certificate once', async () => {
  const page = await ask();
  const pem = authority.certify(await fileOf(page), { keyUsage: 'digitalSignature,keyAgreement' });
  const answers = await Promise.all(Array.from({ length: 4 }, () => bring(page, pem)));
  assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
  for (const answer of answers.filter((each) => each.status !== 200))
    assert.match(answer.body, /This request is closed|was installed already/);
  assert.equal((await rows()).length, 1);
});

test('T21 there is one Digital ID per clerk: it is renewed towards its end, and the old one is kept for reading', async () => {
  const first = await settle({ days: 100 });
  const refused = await clerk.post(REQUESTS, REQUESTS, ONE);
  assert.equal(refused.status, 409);
  assert.match(refused.body, /in production each person has one\. You can renew it from/);
  await comeBack(75);
  const second = await settle({ days: 400 });
  assert.deepEqual(
    (await rows()).map((row) => [row.sha256, row.state]),
    [
      [first, 'retired'],
      [second, 'active'],
    ],
  );
  const [old] = await rows();
  const page = `/digital-ids/${old?.id}`;
  const again = await clerk.post(page, `${page}/reactivate`, {});
  assert.match((await clerk.get(again.location ?? '')).body, /In production one Digital ID is in use at a time/);
  await assertKeyFits(old?.id ?? '', first);
});

test('T21 with two keys the first certificate replaces nothing that is still needed until the other one is here', async () => {
  const first = await settle({ days: 20 });
  const page = await ask(TWO);
  assert.equal((await openRequest()).keys.length, 2);
  const signing = authority.certify(await fileOf(page, 'sign'), { keyUsage: 'digitalSignature' });
  const partial = await bring(page, signing);
  assert.match(partial.body, /The other certificate is still missing/);
  assert.equal((await signingIdentity(world.database, world.alain, now))?.sha256, first);
  const encrypting = authority.certify(await fileOf(page, 'encrypt'), { keyUsage: 'keyAgreement' });
  assert.doesNotMatch((await bring(page, encrypting)).body, /still missing/);
  const active = (await rows()).filter((row) => row.state === 'active').map((row) => row.sha256);
  assert.deepEqual(active.sort(), [thumbprintOf(signing), thumbprintOf(encrypting)].sort());
  assert.equal(await world.database.prisma.certificateRequest.count({ where: { state: 'open' } }), 0);
});

test('T21 the database lets one Digital ID be in use in production, whatever comes at once', async () => {
  const { prisma } = world.database;
  const made = Array.from({ length: 12 }, () => {
    const certificate = parseCertificate(derOf(authority.certify(authority.strangersRequest())));
    return identityData(world.alain.id, {
      ...{ certificate, chain: [], sealedKey: Buffer.from('sealed'), state: 'active', at: now },
    });
  });
  const results = await Promise.allSettled(made.map((data) => prisma.digitalId.create({ data })));
  assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1);
  await prisma.digitalId.updateMany({ data: { state: 'retired' } });
  await prisma.digitalId.createMany({
    data: made.map((data) => ({ ...data, state: 'retired' as const })),
    skipDuplicates: true,
  });
  const ids = (await rows()).map((row) => row.id);
  const turns = ids.map((id) => prisma.digitalId.update({ where: { id }, data: { state: 'active' } }));
  assert.equal((await Promise.allSettled(turns)).filter((result) => result.status === 'fulfilled').length, 1);
  await inPhase('test');
  await prisma.digitalId.updateMany({ data: { state: 'active' } });
});

test('T21 in production a .pfx is imported as before and takes the place of what ends sooner', async () => {
  const first = await settle({ days: 100 });
  const later = await importPfx(200);
  assert.match(later.answer.body, /Digital ID imported/);
  const sooner = await importPfx(50);
  assert.match(sooner.answer.body, /the one that you use lasts longer/);
  const states = Object.fromEntries((await rows()).map((row) => [row.sha256, row.state]));
  assert.deepEqual(states, { [first]: 'retired', [later.sha256]: 'active', [sooner.sha256]: 'retired' });
});

async function importPfx(days: number): Promise<{ answer: Answer; sha256: string }> {
  const key = openssl(['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']).stdout;
  const request = openssl(['req', '-new', '-key', 'k.pem', '-subj', '/CN=Alain Dupont'], { 'k.pem': key }).stdout;
  const pem = authority.certify(request, { days });
  const password = `file ${randomUUID()}`;
  const args = ['pkcs12', '-export', '-in', 'leaf.pem', '-inkey', 'k.pem', '-passout', 'file:password'];
  const bytes = openssl(args, { 'leaf.pem': pem, 'k.pem': key, password }).stdout;
  const page = '/digital-ids/import';
  const answer = await clerk.upload(page, page, { password }, { field: 'file', name: 'me.pfx', bytes });
  return { answer, sha256: thumbprintOf(pem) };
}

test('T21 a request that is withdrawn has its key erased, and its certificate can no longer be installed', async () => {
  const page = await ask();
  const pem = authority.certify(await fileOf(page), { keyUsage: 'digitalSignature,keyAgreement' });
  assert.match((await clerk.get(`${page}/withdraw`)).body, /The keys that still wait for their certificate are erased/);
  await clerk.post(`${page}/withdraw`, `${page}/withdraw`, {});
  const keys = await world.database.prisma.requestedKey.findMany();
  assert.deepEqual(
    keys.map((key) => key.sealedPrivateKey),
    [null],
  );
  assert.match((await bring(page, pem)).body, /This request is closed/);
  const next = await ask();
  assert.match((await bring(next, pem)).body, /belongs to an earlier request of yours/);
});

test('T21 in the test phase no request is made, and the page says who issues', async () => {
  await inPhase('test');
  assert.doesNotMatch((await clerk.get('/digital-ids')).body, /Request a certificate/);
  assert.match((await clerk.get(REQUESTS)).body, /Your programme is in its test phase/);
  const answer = await clerk.post('/settings', REQUESTS, ONE);
  assert.equal(answer.status, 409);
  assert.equal(await world.database.prisma.certificateRequest.count(), 0);
});

test('T21 a request that cannot be read keeps what was typed', async () => {
  for (const [wrong, message] of [
    [{ ...ONE, organisation: 'x'.repeat(65) }, /At most 64 characters in one line/],
    [{ ...ONE, organisation: 'Two\nlines' }, /At most 64 characters in one line/],
    [{ ...ONE, algorithm: 'RSA-1024' }, /Choose one of these kinds/],
    [{ ...ONE, keyPairs: 'three' }, /Choose one certificate or two/],
  ] as const) {
    const answer = await clerk.post(REQUESTS, REQUESTS, wrong);
    assert.equal(answer.status, 400);
    assert.match(answer.body, message);
    if (wrong.algorithm === 'RSA-1024') assert.match(answer.body, /value="Service public de la Mobilité"/);
  }
});

test('T21 another clerk finds none of it', async () => {
  const page = await ask();
  const other = await Clerk.signIn(world, world.elise);
  await other.choosePassphrase(PASSPHRASE);
  for (const url of [page, `${page}/both/pem`, `${page}/withdraw`, `${page}/sign/pem`, `${REQUESTS}/nothing`])
    assert.equal((await other.get(url)).status, 404, url);
  for (const url of [`${page}/withdraw`]) assert.equal((await other.post(REQUESTS, url, {})).status, 404, url);
  const pem = authority.certify(await fileOf(page));
  const stolen = await other.upload(REQUESTS, `${page}/certificate`, { pasted: pem }, null);
  assert.equal(stolen.status, 404);
  assert.equal((await openRequest()).state, 'open');
});

test('T21 the private key of a request stands nowhere in clear, and needs the open vault', async () => {
  const page = await ask();
  const { keys } = await openRequest();
  const sealed = Buffer.from(keys[0]?.sealedPrivateKey ?? []);
  assert.ok(sealed.length > 60);
  assert.equal(
    sealed.includes(Buffer.from('06082a8648ce3d030107', 'hex')),
    false,
    'the name of its curve stands in it',
  );
  const request = readCertificateRequest(await fileOf(page));
  assert.equal(verifyCertificateRequest(request), 'valid');
  const pem = authority.certify(await fileOf(page), { keyUsage: 'digitalSignature,keyAgreement' });
  await clerk.post(page, '/keys/lock', {});
  const locked = await bring(page, pem);
  assert.match(locked.location ?? '', /^\/keys\/unlock/);
  const entries = await world.database.prisma.auditEntry.findMany({ where: { action: 'certificate-request' } });
  assert.match(entries.at(-1)?.reason ?? '', /request made both/);
});

test('T21 administrators see where each request stands, those of a country their own only', async () => {
  const { prisma } = world.database;
  const programme = await prisma.programme.findFirstOrThrow();
  const server = await prisma.mailServer.findFirstOrThrow();
  const other = await prisma.country.upsert({
    where: { domain: 'tcn.l.eu-admin.net' },
    update: {},
    create: {
      ...{ code: 'L', isoCode: 'LU', domain: 'tcn.l.eu-admin.net' },
      ...{ programmeId: programme.id, mailServerId: server.id },
    },
  });
  const address = 'Lucie.Weber@tcn.l.eu-admin.net';
  await prisma.account.upsert({
    where: { addressKey: address.toLowerCase() },
    update: {},
    create: { countryId: other.id, address, addressKey: address.toLowerCase(), firstName: 'Lucie', surname: 'Weber' },
  });
  await ask();
  const national = await enteredAdministrator(world, world.elise, 'country');
  const own = (await national.get('/administration/requests')).body;
  assert.match(own, /Alain Dupont[\s\S]*Waits for the certificate[\s\S]*P-256, since/);
  assert.doesNotMatch(own, /Lucie Weber/);
  const central = await enteredAdministrator(world, world.elise, 'central');
  assert.match((await central.get('/administration/requests')).body, /Lucie Weber/);
  await prisma.account.update({ where: { id: world.elise.id }, data: { role: 'clerk' } });
});
