import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { InjectOptions } from 'fastify';
import type { Account } from '../../src/generated/prisma/client.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { toPem, writeCertificateBundle } from '../../src/pki/certificate-bundle.ts';
import { createIssuingAuthority, createRootAuthority, issuePersonalCertificate } from '../../src/pki/issue.ts';
import { generateKeyPair, type KeyPair } from '../../src/pki/key-pair.ts';
import { recipientMarks } from '../../src/services/contacts/contact-marks.ts';
import { trustOf } from '../../src/services/trust/trust-of.ts';
import { startTestApp, type TestApp, tokenOf } from '../support/app.ts';

const DAY = 24 * 3600 * 1000;
const NOW = new Date('2026-11-24T09:00:00Z');
const POLICY = '1.3.6.1.4.1.99999.1';
const MARJA = 'Marja.Virtanen@tcn.fin.eu-admin.net';
const origin = 'http://localhost:8460';

type Hierarchy = {
  root: Certificate;
  issuing: Certificate;
  issue(address: string, options?: Options): Promise<Certificate>;
};
type Options = { from?: number; to?: number; usage?: 'both' | 'sign' | 'encrypt'; name?: string };

let world: TestApp;
let ours: Hierarchy;
let registry: Hierarchy;

before(async () => {
  world = await startTestApp();
  world.setNow(NOW);
  ours = await hierarchy('Programme');
  registry = await hierarchy('Registry');
});
after(() => world.stop());

test('T16 S01 a contact without Digital ID has an X that says so, and the page says what to do', async () => {
  const alain = await clerk(world.alain);
  const added = await alain.post('/contacts', { name: 'Marja Virtanen', address: MARJA });
  assert.equal(added.status, 302);
  const list = await alain.get('/contacts');
  assert.match(list.body, /Marja Virtanen/);
  assert.match(list.body, /No Digital ID stored/);
  const page = await alain.get(added.location);
  assert.match(page.body, /Ask Marja Virtanen for a signed message/);
  const again = await alain.post('/contacts', { name: 'x', address: MARJA.toUpperCase() });
  assert.equal(again.location, added.location, 'the same address in capitals is the same contact');
});

test('an address that is none is refused with what was typed', async () => {
  const alain = await clerk(world.alain);
  const answer = await alain.post('/contacts', { name: 'Nobody <b>', address: 'not an address' });
  assert.equal(answer.status, 400);
  assert.match(answer.body, /value="Nobody &lt;b&gt;"/);
  assert.match(answer.body, /value="not an address"/);
  assert.match(answer.body, /aria-invalid="true"/);
});

test('T16 .cer and .p7b in DER and PEM are imported; untrusted ones get their X until the root is confirmed', async () => {
  const alain = await clerk(world.alain);
  const files: [string, Buffer, string][] = [
    ['p1@tcn.fin.eu-admin.net', (await ours.issue('p1@tcn.fin.eu-admin.net')).der, 'one.cer'],
    ['p2@tcn.fin.eu-admin.net', Buffer.from(toPem([await ours.issue('p2@tcn.fin.eu-admin.net')])), 'two.crt'],
    ['p3@tcn.fin.eu-admin.net', bundle(ours, await ours.issue('p3@tcn.fin.eu-admin.net')), 'three.p7b'],
  ];
  for (const [address, bytes, name] of files) {
    const contact = await alain.post('/contacts', { name: '', address });
    const imported = await alain.upload(`${contact.location}/import`, [[name, bytes]], contact.location);
    assert.equal(imported.status, 302, imported.body);
    const page = await alain.get(contact.location);
    assert.match(page.body, /Issuer not trusted/, name);
    assert.match(page.body, /SHA-256/);
  }
  const offered = await anchorsOf(world.alain, 'offered');
  assert.deepEqual(
    offered.map((row) => row.sha256),
    [ours.root.sha256],
    'T13 the root in the .p7b waits and grants nothing',
  );
  await trustRoot(world.alain, ours.root);
  const marks = await marksOf(
    world.alain,
    files.map(([address]) => address),
  );
  // The chain that came with the .p7b completes the paths of all three.
  assert.deepEqual(
    marks.map((mark) => [mark.usable, mark.reason]),
    files.map(() => [true, null]),
  );
  assert.ok(marks[0]?.until);
});

test('T16 the mark names each reason: expired, not yet valid, other address, no encryption key, not trusted, revoked', async () => {
  const cases: [string, Certificate, string | null][] = [
    ['fine@tcn.fin.eu-admin.net', await ours.issue('FINE@tcn.fin.eu-admin.net'), null],
    ['over@tcn.fin.eu-admin.net', await ours.issue('over@tcn.fin.eu-admin.net', { from: -20, to: -1 }), 'expired'],
    ['soon@tcn.fin.eu-admin.net', await ours.issue('soon@tcn.fin.eu-admin.net', { from: 1, to: 20 }), 'not-yet-valid'],
    ['mine@tcn.fin.eu-admin.net', await ours.issue('other@tcn.fin.eu-admin.net'), 'address-differs'],
    ['strange@tcn.fin.eu-admin.net', await registry.issue('strange@tcn.fin.eu-admin.net'), 'not-trusted'],
    ['gone@tcn.fin.eu-admin.net', await ours.issue('gone@tcn.fin.eu-admin.net'), 'revoked'],
  ];
  await trustRoot(world.alain, ours.root);
  for (const [address, certificate] of cases) await contactWith(world.alain, address, certificate, [ours.issuing]);
  await ownIdentity(world.elise, cases.at(-1)?.[1], 'revoked');
  const signing = await ours.issue('pen@tcn.fin.eu-admin.net', { usage: 'sign' });
  await contactWith(world.alain, 'pen@tcn.fin.eu-admin.net', signing, [ours.issuing]);
  const addresses = [...cases.map(([address]) => address), 'pen@tcn.fin.eu-admin.net', 'stranger@elsewhere.example'];
  const marks = await marksOf(world.alain, addresses);
  const expected = [...cases.map(([, , reason]) => reason), 'no-encryption-key', 'no-contact'];
  assert.deepEqual(
    marks.map((mark) => mark.reason),
    expected,
  );
  assert.deepEqual(
    marks.map((mark) => mark.certificate !== null),
    expected.map((reason) => reason === null),
  );
});

test('T16 a file for another address is kept with its X; wrong files are named and nothing else is lost', async () => {
  const alain = await clerk(world.alain);
  const contact = await alain.post('/contacts', { name: 'Jan', address: 'jan@tcn.cz.eu-admin.net' });
  const other = await alain.upload(
    `${contact.location}/import`,
    [['other.cer', (await ours.issue('eva@tcn.cz.eu-admin.net')).der]],
    contact.location,
  );
  assert.equal(other.status, 302);
  assert.match((await alain.get(contact.location)).body, /Made for another address/);
  const wrong = await alain.upload(
    `${contact.location}/import`,
    [
      ['notes.txt', Buffer.from('hello')],
      ['jan.key', Buffer.from('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')],
      ['jan.cer', (await ours.issue('jan@tcn.cz.eu-admin.net')).der],
    ],
    contact.location,
  );
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /notes\.txt holds no certificate/);
  assert.match(wrong.body, /jan\.key is a private key/);
  assert.match(wrong.body, /1 Digital ID was stored/);
});

test('T20 S02 a second Digital ID never replaces the default before the clerk decides; the page shows both', async () => {
  const alain = await clerk(world.alain);
  await trustRoot(world.alain, ours.root);
  const address = 'lars@tcn.dk.eu-admin.net';
  const [first, second] = [
    await ours.issue(address, { name: 'Lars Old' }),
    await ours.issue(address, { name: 'Lars New' }),
  ];
  const contact = await alain.post('/contacts', { name: 'Lars', address });
  await alain.upload(`${contact.location}/import`, [['a.p7b', bundle(ours, first)]], contact.location);
  const second_ = await alain.upload(`${contact.location}/import`, [['b.p7b', bundle(ours, second)]], contact.location);
  assert.match(second_.location, /\/replace$/);
  const asked = await alain.get(second_.location);
  assert.match(asked.body, /Lars Old/);
  assert.match(asked.body, /Lars New/);
  assert.equal((await marksOf(world.alain, [address]))[0]?.sha256, first.sha256);
  await alain.post(second_.location.replace(/replace$/, 'default'), {}, second_.location);
  assert.equal((await marksOf(world.alain, [address]))[0]?.sha256, second.sha256);
});

test('T20 removing the default stops encryption to the contact, and the page says so before', async () => {
  const alain = await clerk(world.alain);
  await trustRoot(world.alain, ours.root);
  const address = 'ines@tcn.p.eu-admin.net';
  const id = await contactWith(world.alain, address, await ours.issue(address), [ours.issuing]);
  const stored = await world.database.prisma.contactCertificate.findFirstOrThrow({ where: { contactId: id } });
  const url = `/contacts/${id}/ids/${stored.id}/remove`;
  const before = await alain.get(url);
  assert.match(before.body, /Without it nothing can be encrypted/);
  assert.equal((await alain.post(url, {}, url)).status, 302);
  assert.equal((await marksOf(world.alain, [address]))[0]?.reason, 'no-digital-id');
});

test("another account's contacts, Digital IDs and roots are not found", async () => {
  const elise = await clerk(world.elise);
  const address = 'hidden@tcn.e.eu-admin.net';
  const certificate = await ours.issue(address);
  const id = await contactWith(world.alain, address, certificate, []);
  const stored = await world.database.prisma.contactCertificate.findFirstOrThrow({ where: { contactId: id } });
  const anchor = await offer(world.alain, registry.root);
  const explicit = await world.database.prisma.explicitTrust.create({
    data: {
      accountId: world.alain.id,
      certificate: new Uint8Array(certificate.der),
      subject: 'x',
      sha256: certificate.sha256,
    },
  });
  const pages = [
    `/contacts/${id}`,
    `/contacts/${id}/remove`,
    `/contacts/${id}/ids/${stored.id}/replace`,
    `/contacts/${id}/ids/${stored.id}/remove`,
    `/contacts/${id}/ids/${stored.id}/certificate.cer`,
    `/trust/anchors/${anchor}/confirm`,
    `/trust/anchors/${anchor}/withdraw`,
    `/trust/certificates/${explicit.id}/withdraw`,
    `/trust/confirm?certificate=${stored.id}`,
    `/trust/certificates/confirm?certificate=${stored.id}`,
    '/contacts/not-a-uuid',
    '/trust/anchors/1/confirm',
  ];
  for (const url of pages) assert.equal((await elise.get(url)).status, 404, url);
  const posts = [
    `/contacts/${id}`,
    `/contacts/${id}/remove`,
    `/contacts/${id}/ids/${stored.id}/default`,
    `/contacts/${id}/ids/${stored.id}/remove`,
    `/trust/anchors/${anchor}/confirm`,
    `/trust/anchors/${anchor}/withdraw`,
    `/trust/anchors/${anchor}/dismiss`,
    `/trust/certificates/${explicit.id}/withdraw`,
  ];
  for (const url of posts) {
    const answer = await elise.post(url, { name: 'x', note: '', thumbprint: registry.root.sha256 }, '/contacts');
    assert.equal(answer.status, 404, url);
  }
  assert.equal((await elise.get('/contacts')).body.includes(address), false);
  assert.ok(await world.database.prisma.contactCertificate.findUnique({ where: { id: stored.id } }));
  await world.database.prisma.explicitTrust.delete({ where: { id: explicit.id } });
});

test('S03 T13 a root is trusted only by its read-out thumbprint, which the page never shows before', async () => {
  const elise = await clerk(world.elise);
  const anchor = await offer(world.elise, registry.root);
  const url = `/trust/anchors/${anchor}/confirm`;
  const page = await elise.get(url);
  assert.match(page.body, /Registry Root/);
  assert.match(page.body, /by phone/);
  const digits = registry.root.sha256.toUpperCase().match(/.{4}/g) ?? [];
  const attempts: [string, RegExp][] = [
    ['', /Type the thumbprint/],
    ['zz', /only the digits/],
    [registry.root.sha256.slice(0, 30), /30 characters so far/],
    [`${registry.root.sha256}00`, /66 characters/],
    [ours.root.sha256, /not the thumbprint of this certificate/],
    [ours.root.sha1, /not the thumbprint of this certificate/],
  ];
  for (const [typed, said] of attempts) {
    const answer = await elise.post(url, { thumbprint: typed, source: 'Irene, +352 1' }, url);
    assert.equal(answer.status, 400, typed);
    assert.match(answer.body, said);
    assert.ok(typed === '' || answer.body.includes(typed), 'what was typed is kept');
    assert.match(answer.body, /value="Irene, \+352 1"/);
    if (typed !== registry.root.sha256.slice(0, 30))
      assert.equal(answer.body.includes(digits.slice(0, 4).join(' ')), false);
    assert.equal((await trustOf(world.database, world.elise.id)).anchors.length, 0);
  }
  for (const body of [page.body, (await elise.get('/trust')).body]) {
    assert.equal(body.replace(/\s/g, '').includes(digits.join('')), false, 'folded until it was compared');
  }
  const done = await elise.post(url, { thumbprint: digits.join(':').toLowerCase(), source: 'Irene, +352 1' }, url);
  assert.equal(done.status, 302);
  assert.equal((await trustOf(world.database, world.elise.id)).anchors.length, 1);
  const decision = await world.database.prisma.trustDecision.findFirstOrThrow({ where: { accountId: world.elise.id } });
  assert.deepEqual(
    [decision.decision, decision.sha256, decision.comparedBy, decision.toldBy, decision.at.getTime()],
    ['root-trusted', registry.root.sha256, 'sha256', 'Irene, +352 1', NOW.getTime()],
  );
  assert.match((await elise.get('/trust')).body, /Irene, \+352 1/);
  const trail = await world.database.prisma.auditEntry.findMany({
    where: { action: 'trust', accountId: world.elise.id },
  });
  assert.deepEqual(trail.map((entry) => entry.result).sort(), ['done', 'refused', 'refused']);
});

test('S03 SHA-1 counts where the partner’s program shows no other', async () => {
  const elise = await clerk(world.elise);
  const { root } = await hierarchy('Sha1');
  const url = `/trust/anchors/${await offer(world.elise, root)}/confirm`;
  assert.equal((await elise.post(url, { thumbprint: root.sha1, source: '' }, url)).status, 302);
  const decision = await world.database.prisma.trustDecision.findFirstOrThrow({ where: { sha256: root.sha256 } });
  assert.equal(decision.comparedBy, 'sha1');
});

test('T13 the programme’s root counts after the clerk accepted it, and only while the programme stands behind it', async () => {
  const elise = await clerk(world.elise);
  const { root } = await hierarchy('Accepted');
  const { programmeId } = await world.database.prisma.country.findFirstOrThrow();
  const standing = await world.database.prisma.trustAnchor.create({
    data: { programmeId, ...rowOf(root), state: 'trusted', source: 'programme' },
  });
  const believes = async () =>
    (await trustOf(world.database, world.elise.id)).anchors.some((der) => root.der.equals(Buffer.from(der)));
  assert.equal(await believes(), false);
  const url = `/trust/programme/${standing.id}/accept`;
  assert.match((await elise.get(url)).body, /Every certificate issued under this root/);
  assert.equal((await elise.post(url, { back: 'https://evil.example' }, url)).location, '/trust');
  assert.equal(await believes(), true);
  await world.database.prisma.trustAnchor.update({ where: { id: standing.id }, data: { state: 'withdrawn' } });
  assert.equal(await believes(), false);
});

test('S04 a root from a file is offered, in DER and PEM; other certificates are refused in words', async () => {
  const elise = await clerk(world.elise);
  const fresh = await hierarchy('File');
  const offered = await elise.upload('/trust/import', [['root.crt', Buffer.from(toPem([fresh.root]))]], '/trust');
  assert.match(offered.location, /^\/trust\/anchors\/[0-9a-f-]+\/confirm/);
  assert.equal(
    (await anchorsOf(world.elise, 'offered')).some((row) => row.sha256 === fresh.root.sha256),
    true,
  );
  const issuing = await elise.upload('/trust/import', [['ca.cer', fresh.issuing.der]], '/trust');
  assert.equal(issuing.status, 400);
  assert.match(issuing.body, /ca\.cer is an issuing CA, not a root/);
  const person = await elise.upload(
    '/trust/import',
    [['irene.cer', (await fresh.issue('irene@registry.example')).der]],
    '/trust',
  );
  assert.match(person.body, /certificate of a person, not a root/);
  const nothing = await elise.upload('/trust/import', [], '/trust');
  assert.match(nothing.body, /Choose a file first/);
});

test('withdrawing a root says how many contacts turn to X, and they do; confirming it anew makes them V', async () => {
  const elise = await clerk(world.elise);
  const partner = await hierarchy('Partner');
  const addresses = ['a@registry.example', 'b@registry.example'];
  for (const address of addresses)
    await contactWith(world.elise, address, await partner.issue(address), [partner.issuing]);
  await trustRoot(world.elise, partner.root);
  assert.deepEqual(
    (await marksOf(world.elise, addresses)).map((mark) => mark.usable),
    [true, true],
  );
  const anchor = (await anchorsOf(world.elise, 'trusted')).find((row) => row.sha256 === partner.root.sha256);
  const url = `/trust/anchors/${anchor?.id}/withdraw`;
  const page = await elise.get(url);
  assert.match(page.body, /2 contacts will turn to X/);
  assert.match(page.body, /a@registry\.example/);
  assert.equal((await elise.post(url, {}, url)).status, 302);
  assert.deepEqual(
    (await marksOf(world.elise, addresses)).map((mark) => mark.reason),
    ['not-trusted', 'not-trusted'],
  );
  const again = `/trust/anchors/${anchor?.id}/confirm`;
  await elise.post(again, { thumbprint: partner.root.sha256, source: '' }, again);
  assert.deepEqual(
    (await marksOf(world.elise, addresses)).map((mark) => mark.usable),
    [true, true],
  );
  const decisions = await world.database.prisma.trustDecision.findMany({ where: { sha256: partner.root.sha256 } });
  assert.deepEqual(decisions.map((row) => row.decision).sort(), ['root-trusted', 'root-withdrawn']);
});

test('S11 one certificate is trusted by its own thumbprint, for its address only, and can be withdrawn', async () => {
  const elise = await clerk(world.elise);
  const { issue } = await hierarchy('Single');
  const address = 'solo@registry.example';
  const certificate = await issue(address);
  const id = await contactWith(world.elise, address, certificate, []);
  await contactWith(world.elise, 'else@registry.example', certificate, []);
  const stored = await world.database.prisma.contactCertificate.findFirstOrThrow({ where: { contactId: id } });
  const url = `/trust/certificates/confirm?certificate=${stored.id}`;
  const page = await elise.get(url);
  assert.match(page.body, /Not recommended/);
  assert.equal(page.body.replace(/\s/g, '').toLowerCase().includes(certificate.sha256), false);
  const typed = { certificate: stored.id, thumbprint: certificate.sha1.slice(1), source: '' };
  assert.equal((await elise.post('/trust/certificates/confirm', typed, url)).status, 400);
  const done = await elise.post('/trust/certificates/confirm', { ...typed, thumbprint: certificate.sha256 }, url);
  assert.equal(done.location, `/contacts/${id}`);
  const marks = await marksOf(world.elise, [address, 'else@registry.example']);
  assert.deepEqual(
    marks.map((mark) => mark.reason),
    [null, 'address-differs'],
  );
  assert.match((await elise.get(`/contacts/${id}`)).body, /You trusted this one certificate/);
  const trust = await world.database.prisma.explicitTrust.findFirstOrThrow({ where: { sha256: certificate.sha256 } });
  const withdraw = `/trust/certificates/${trust.id}/withdraw`;
  assert.match((await elise.get(withdraw)).body, /1 contact will turn to X/);
  await elise.post(withdraw, {}, withdraw);
  assert.equal((await marksOf(world.elise, [address]))[0]?.reason, 'not-trusted');
});

test('S03 S04 the page of an untrusted Digital ID shows its chain with the root folded, or asks for the missing root', async () => {
  const elise = await clerk(world.elise);
  const partner = await hierarchy('Chain');
  const page = async (address: string, chain: Certificate[]) => {
    const id = await contactWith(world.elise, address, await partner.issue(address), chain);
    const stored = await world.database.prisma.contactCertificate.findFirstOrThrow({ where: { contactId: id } });
    return elise.get(`/trust/confirm?certificate=${stored.id}`);
  };
  const missing = await page('m@registry.example', [partner.issuing]);
  assert.match(missing.body, /The root did not come along/);
  const whole = await page('w@registry.example', [partner.issuing, partner.root]);
  assert.match(whole.body, /Chain Root/);
  assert.match(whole.body, /What did the partner read out/);
  const shown = whole.body.replace(/\s/g, '').toLowerCase();
  assert.equal(shown.includes(partner.root.sha256), false);
  assert.equal(shown.includes(partner.issuing.sha256), true);
  assert.equal(
    (await anchorsOf(world.elise, 'offered')).some((row) => row.sha256 === partner.root.sha256),
    true,
  );
});

test('T19 the form for a list keeps what was typed and names what is no address', async () => {
  const alain = await clerk(world.alain);
  const page = await alain.get('/contacts/link?in=de');
  assert.match(page.body, /Sehr geehrte Kollegin/);
  const locked = await alain.post('/contacts/link', { recipients: 'x', subject: 's', text: 't' }, '/contacts/link');
  assert.equal(locked.location, '/first-steps', 'nothing is signed without a key');
});

// What the tests are made of.

async function hierarchy(name: string): Promise<Hierarchy> {
  const life = { notBefore: new Date(NOW.getTime() - 400 * DAY), notAfter: new Date(NOW.getTime() + 4000 * DAY) };
  const root = await createRootAuthority({ name: `${name} Root`, keyAlgorithm: 'P-256', ...life });
  const issuing = await createIssuingAuthority({
    ...{ issuer: root, name: `${name} Issuing`, keyAlgorithm: 'P-256', ...life },
    domains: ['.eu-admin.net', 'registry.example'],
  });
  const keys: KeyPair = await generateKeyPair('P-256');
  const issue = (address: string, { from = -1, to = 30, usage = 'both', name: person = address }: Options = {}) =>
    issuePersonalCertificate({
      ...{ issuer: issuing, address, name: person, publicKey: keys.publicKey, usage, policyOid: POLICY },
      notBefore: new Date(NOW.getTime() + from * DAY),
      notAfter: new Date(NOW.getTime() + to * DAY),
    });
  return { root: root.certificate, issuing: issuing.certificate, issue };
}

function bundle(of: Hierarchy, person: Certificate): Buffer {
  return writeCertificateBundle([person, of.issuing, of.root]);
}

function rowOf(root: Certificate) {
  const { sha1, sha256, notAfter } = root;
  return { certificate: new Uint8Array(root.der), subject: root.commonName ?? '', sha1, sha256, notAfter };
}

async function offer(account: Account, root: Certificate): Promise<string> {
  const row = await world.database.prisma.trustAnchor.create({
    data: { accountId: account.id, ...rowOf(root), state: 'offered', source: 'message' },
  });
  return row.id;
}

async function trustRoot(account: Account, root: Certificate): Promise<void> {
  const decided = { state: 'trusted' as const, decidedAt: NOW };
  await world.database.prisma.trustAnchor.upsert({
    where: { accountId_sha256: { accountId: account.id, sha256: root.sha256 } },
    update: decided,
    create: { accountId: account.id, ...rowOf(root), ...decided, source: 'file' },
  });
}

function anchorsOf(account: Account, state: 'offered' | 'trusted') {
  return world.database.prisma.trustAnchor.findMany({ where: { accountId: account.id, state } });
}

function marksOf(account: Account, addresses: string[]) {
  return recipientMarks(world.context, account, addresses, NOW);
}

async function contactWith(
  account: Account,
  address: string,
  certificate: Certificate,
  chain: Certificate[],
): Promise<string> {
  const contact = await world.database.prisma.contact.create({
    data: {
      ...{ accountId: account.id, name: address, address, addressKey: address.toLowerCase() },
      certificates: {
        create: {
          certificate: new Uint8Array(certificate.der),
          chain: chain.map((one) => new Uint8Array(one.der)),
          ...{ sha256: certificate.sha256, isDefault: true, source: 'file' },
        },
      },
    },
  });
  return contact.id;
}

async function ownIdentity(account: Account, certificate: Certificate | undefined, state: 'revoked'): Promise<void> {
  if (!certificate) return;
  const { sha1, sha256, notBefore, notAfter, issuer, serialNumber, keyLabel } = certificate;
  await world.database.prisma.digitalId.create({
    data: {
      ...{
        accountId: account.id,
        certificate: new Uint8Array(certificate.der),
        chain: [],
        state,
        sha1,
        sha256,
        issuer,
      },
      ...{ sealedPrivateKey: new Uint8Array(1), canSign: true, canEncrypt: true, addresses: [], commonName: 'x' },
      ...{ serialNumber, keyLabel, notBefore, notAfter },
    },
  });
}

type Answer = { status: number; location: string; body: string };

async function clerk(account: Account) {
  const cookie = await world.cookieFor(account);
  const headers = { origin, cookie };
  const send = async (options: InjectOptions): Promise<Answer> => {
    const answer = await world.app.inject(options);
    return { status: answer.statusCode, location: String(answer.headers.location ?? ''), body: answer.body };
  };
  const get = (url: string) => send({ url, headers: { cookie } });
  const token = async (page: string) => tokenOf((await get(page)).body);
  return {
    get,
    post: async (url: string, fields: Record<string, string>, page = '/contacts') => {
      const payload = new URLSearchParams({ _csrf: await token(page), ...fields }).toString();
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      return send({ method: 'POST', url, headers: { ...headers, ...type }, payload });
    },
    upload: async (url: string, files: [string, Buffer][], page: string) => {
      const form = new FormData();
      form.set('_csrf', await token(page));
      for (const [name, bytes] of files) form.append('files', new File([new Uint8Array(bytes)], name));
      const request = new Request(origin, { method: 'POST', body: form });
      const type = { 'content-type': request.headers.get('content-type') ?? '' };
      const payload = Buffer.from(await request.arrayBuffer());
      return send({ method: 'POST', url, headers: { ...headers, ...type }, payload });
    },
  };
}
