import assert from 'node:assert/strict';
import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Account } from '../../src/generated/prisma/client.ts';
import { readCertificates, toPem } from '../../src/pki/certificate-bundle.ts';
import {
  type Authority,
  createIssuingAuthority,
  createRootAuthority,
  issuePersonalCertificate,
  type PersonalUsage,
} from '../../src/pki/issue.ts';
import { readPkcs12 } from '../../src/pki/pkcs12-read.ts';
import { encryptionIdentity, sealedKeysOf, signingIdentity } from '../../src/services/identities/own-keys.ts';
import { changePassphrase, openVault } from '../../src/services/sessions/vault.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { type Answer, Clerk } from '../support/clerk.ts';
import { openssl, PFX_FORMS, type PfxContents, writePfx } from '../support/openssl.ts';
import { wholeQuarter } from '../support/whole-quarter.ts';

const DAY_MS = 86_400_000;
const PASSPHRASE = 'quatre vaches au bord du canal';
const PFX_PASSWORD = 'opens the file';

let world: TestApp;
let root: Authority;
let issuing: Authority;
let clerk: Clerk;

before(async () => {
  world = await startTestApp();
  const life = { notBefore: new Date(Date.now() - 400 * DAY_MS), notAfter: new Date(Date.now() + 400 * DAY_MS) };
  root = await createRootAuthority({ name: 'Elsewhere Root', keyAlgorithm: 'P-256', ...life });
  issuing = await createIssuingAuthority({
    issuer: root,
    name: 'Elsewhere Issuing',
    keyAlgorithm: 'P-256',
    domains: ['.eu-admin.net'],
    ...life,
  });
});
after(() => world.stop());

beforeEach(async () => {
  const { prisma } = world.database;
  await prisma.attemptWindow.deleteMany();
  await prisma.digitalId.deleteMany();
  await prisma.trustAnchor.deleteMany();
  await prisma.vault.deleteMany();
  await prisma.account.updateMany({ data: { signingIdentityId: null, encryptionIdentityId: null } });
  clerk = await Clerk.signIn(world, world.alain);
  await clerk.choosePassphrase(PASSPHRASE);
});

type Wanted = { address?: string; usage?: PersonalUsage; bits?: number; fromDays?: number; toDays?: number };

async function makeIdentity({
  address = world.alain.address,
  usage = 'both',
  bits = 2048,
  fromDays = -1,
  toDays = 30,
}: Wanted = {}): Promise<PfxContents> {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits });
  const certificate = await issuePersonalCertificate({
    issuer: issuing,
    name: 'Alain Dupont',
    address,
    usage,
    publicKey: pair.publicKey.export({ type: 'spki', format: 'der' }),
    policyOid: '2.25.1',
    notBefore: new Date(Date.now() + fromDays * DAY_MS),
    notAfter: new Date(Date.now() + toDays * DAY_MS),
  });
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'der' });
  return { privateKey, certificate, chain: [issuing.certificate, root.certificate] };
}

function importFile(bytes: Buffer, password = PFX_PASSWORD, by = clerk): Promise<Answer> {
  return by.upload(
    '/digital-ids/import',
    '/digital-ids/import',
    { password },
    { field: 'file', name: 'Alain.Dupont.pfx', bytes },
  );
}

async function imported(wanted: Wanted = {}): Promise<{ id: string; contents: PfxContents }> {
  const contents = await makeIdentity(wanted);
  const answer = await importFile(writePfx(contents, PFX_PASSWORD));
  assert.equal(answer.status, 200, answer.body.slice(0, 2000));
  const row = await world.database.prisma.digitalId.findFirstOrThrow({
    where: { sha256: contents.certificate.sha256 },
  });
  return { id: row.id, contents };
}

const account = (): Promise<Account> =>
  world.database.prisma.account.findUniqueOrThrow({ where: { id: world.alain.id } });

for (const form of Object.keys(PFX_FORMS) as (keyof typeof PFX_FORMS)[]) {
  test(`T14 a .pfx of OpenSSL protected by ${form} is imported`, async () => {
    const contents = await makeIdentity();
    const answer = await importFile(writePfx(contents, PFX_PASSWORD, form));
    assert.equal(answer.status, 200);
    assert.match(answer.body, /Digital ID imported/);
    const row = await world.database.prisma.digitalId.findFirstOrThrow();
    assert.equal(row.sha256, contents.certificate.sha256);
    assert.equal(row.state, 'active');
    assert.deepEqual(
      row.chain.map((der) => createHash('sha256').update(der).digest('hex')),
      [issuing.certificate.sha256, root.certificate.sha256],
    );
    assert.equal(
      Buffer.from(row.sealedPrivateKey).includes(contents.privateKey.subarray(40, 90)),
      false,
      'the key stands there in clear',
    );
  });
}

test('T14 a wrong password, a file without key, another file and a broken one each have their own message', async () => {
  const contents = await makeIdentity();
  const pfx = writePfx(contents, PFX_PASSWORD);
  const withoutKey = openssl(['pkcs12', '-export', '-nokeys', '-in', 'leaf.pem', '-passout', 'pass:opens the file'], {
    'leaf.pem': toPem([contents.certificate]),
  });
  const cases: [string, Buffer, string, RegExp, number][] = [
    ['wrong password', pfx, 'not it', /password does not open this file/, 400],
    ['no key', withoutKey.stdout, PFX_PASSWORD, /no private key in this file/, 400],
    ['a certificate', contents.certificate.der, PFX_PASSWORD, /not a \.pfx or \.p12 file/, 400],
    ['cut off', pfx.subarray(0, 700), PFX_PASSWORD, /not a \.pfx or \.p12 file/, 400],
    ['larger than 1 MB', Buffer.alloc(1024 * 1024 + 10, 48), PFX_PASSWORD, /larger than 1 MB/, 413],
  ];
  for (const [what, bytes, password, message, status] of cases) {
    const answer = await importFile(bytes, password);
    assert.equal(answer.status, status, what);
    assert.match(answer.body, message, what);
    assert.equal(answer.body.includes(password), false, `${what}: the password stands on the page`);
  }
  const nothing = await clerk.upload('/digital-ids/import', '/digital-ids/import', { password: 'x' }, null);
  assert.match(nothing.body, /No file was chosen/);
  assert.equal(await world.database.prisma.digitalId.count(), 0);
});

test('T14 an expired Digital ID is kept for reading old mail, and so is one with a 1024-bit key', async () => {
  for (const [wanted, message] of [
    [{ fromDays: -60, toDays: -5 }, /has expired\. It was kept/],
    [{ bits: 1024 }, /too short to be safe/],
  ] as const) {
    const contents = await makeIdentity(wanted);
    const answer = await importFile(writePfx(contents, PFX_PASSWORD));
    assert.equal(answer.status, 200);
    assert.match(answer.body, message);
    const row = await world.database.prisma.digitalId.findFirstOrThrow({
      where: { sha256: contents.certificate.sha256 },
    });
    assert.equal(row.state, 'retired');
    const back = await clerk.post(`/digital-ids/${row.id}`, `/digital-ids/${row.id}/reactivate`, {});
    assert.equal(back.status, 302);
    assert.match((await clerk.get(back.location ?? '')).body, /can only open old mail/);
  }
  assert.equal((await sealedKeysOf(world.database, world.alain.id)).length, 2);
  assert.equal(await signingIdentity(world.database, await account(), new Date()), null);
});

test('T02 a certificate for another address is refused with both addresses; case does not count', async () => {
  const other = await importFile(
    writePfx(await makeIdentity({ address: 'Elise.Maes@tcn.b.eu-admin.net' }), PFX_PASSWORD),
  );
  assert.equal(other.status, 422);
  assert.match(other.body, /Elise\.Maes@tcn\.b\.eu-admin\.net/);
  assert.match(other.body, /Alain\.Dupont@tcn\.b\.eu-admin\.net/);
  assert.equal(await world.database.prisma.digitalId.count(), 0);
  assert.equal(await world.database.prisma.trustAnchor.count({ where: { accountId: world.alain.id } }), 0);
  const same = await importFile(
    writePfx(await makeIdentity({ address: 'alain.dupont@TCN.B.EU-ADMIN.NET' }), PFX_PASSWORD),
  );
  assert.equal(same.status, 200);
});

test('T14 the same Digital ID again changes nothing and says so', async () => {
  const pfx = writePfx(await makeIdentity(), PFX_PASSWORD);
  await importFile(pfx);
  const before = await world.database.prisma.digitalId.findFirstOrThrow();
  const again = await importFile(pfx);
  assert.equal(again.status, 422);
  assert.match(again.body, /in your list already/);
  assert.deepEqual(await world.database.prisma.digitalId.findMany(), [before]);
});

test('T13 a root that comes with a .pfx is offered and trusted by nobody', async () => {
  const answer = await importFile(writePfx(await makeIdentity(), PFX_PASSWORD));
  const anchors = await world.database.prisma.trustAnchor.findMany();
  assert.equal(anchors.length, 1);
  assert.deepEqual(
    [anchors[0]?.state, anchors[0]?.source, anchors[0]?.sha256],
    ['offered', 'pfx', root.certificate.sha256],
  );
  assert.match(answer.body, new RegExp(`/trust/anchors/${anchors[0]?.id}/confirm`));
  assert.match(answer.body, /Elsewhere Root/);
  const identity = await world.database.prisma.digitalId.findFirstOrThrow();
  const page = await clerk.get(`/digital-ids/${identity.id}`);
  const shown = (hex: string) => (hex.toUpperCase().match(/.{4}/g) ?? []).join(' ');
  assert.ok(page.body.includes(shown(issuing.certificate.sha256)));
  assert.equal(
    page.body.includes(shown(root.certificate.sha256)),
    false,
    'the root’s thumbprint can be copied from the page',
  );
});

test('T15 the .p7b has the whole path and never the key', async () => {
  const { id, contents } = await imported();
  const answer = await clerk.get(`/digital-ids/${id}/export/p7b`);
  assert.equal(answer.headers['content-type'], 'application/x-pkcs7-certificates');
  assert.match(String(answer.headers['content-disposition']), /^attachment; filename="Alain\.Dupont\.p7b"$/);
  const listed = openssl(['pkcs7', '-inform', 'DER', '-in', 'path.p7b', '-print_certs'], { 'path.p7b': answer.bytes });
  assert.ok(listed.ok, listed.stderr);
  const subjects = listed.stdout.toString().match(/^subject=.*$/gm) ?? [];
  assert.equal(subjects.length, 3);
  assert.doesNotMatch(listed.stdout.toString(), /PRIVATE KEY/);
  const found = readCertificates(answer.bytes).map((each) => each.sha256);
  for (const each of [contents.certificate, issuing.certificate, root.certificate])
    assert.ok(found.includes(each.sha256));
  const keyBytes = contents.privateKey.subarray(contents.privateKey.length - 100);
  assert.equal(answer.bytes.includes(keyBytes), false);
});

test('T15 the .cer is the certificate alone in DER', async () => {
  const { id, contents } = await imported();
  const answer = await clerk.get(`/digital-ids/${id}/export/cer`);
  assert.equal(answer.headers['content-type'], 'application/pkix-cert');
  assert.ok(answer.bytes.equals(contents.certificate.der));
  assert.ok(openssl(['x509', '-inform', 'DER', '-in', 'a.cer', '-noout'], { 'a.cer': answer.bytes }).ok);
});

test('T26 security.md a backup that was under way when the passphrase was changed is not given out', async (t) => {
  const { id } = await imported();
  const { database, config, context } = world;
  const run = context.workers.run.bind(context.workers);
  t.mock.method(context.workers, 'run', async (...[job, owner]: Parameters<typeof run>) => {
    const written = await run(job, owner);
    const by = { kind: 'passphrase', secret: PASSPHRASE } as const;
    const opened = await openVault(database, config, world.alain.id, by, new Date());
    assert.ok(opened.ok);
    assert.ok(await changePassphrase(database, config, world.alain.id, opened, 'another one of mine', new Date()));
    return written;
  });
  const answer = await clerk.post(`/digital-ids/${id}/backup`, `/digital-ids/${id}/backup`, {
    ...{ passphrase: PASSPHRASE, password: 'backup of mine', repeated: 'backup of mine', form: 'modern' },
  });
  assert.equal(answer.status, 401, answer.body);
  assert.match(answer.body, /not the passphrase of your keys/);
  const row = await database.prisma.digitalId.findUniqueOrThrow({ where: { id } });
  assert.equal(row.backedUpAt, null);
  const entry = await database.prisma.auditEntry.findFirst({
    where: { action: 'identity-export' },
    orderBy: { id: 'desc' },
  });
  assert.equal(entry?.result, 'refused');
});

test('T26 a backup needs the passphrase again and opens in OpenSSL, in the modern and in the old form', async () => {
  const { id, contents } = await imported();
  const fields = { passphrase: PASSPHRASE, password: 'backup of mine', repeated: 'backup of mine' };
  const save = (changed: Record<string, string>) =>
    clerk.post(`/digital-ids/${id}/backup`, `/digital-ids/${id}/backup`, { ...fields, ...changed });
  for (const [form, args] of [
    ['modern', []],
    ['legacy', ['-legacy']],
  ] as const) {
    const answer = await save({ form });
    assert.equal(answer.headers['content-type'], 'application/x-pkcs12', form);
    const opened = openssl(['pkcs12', '-in', 'a.pfx', '-passin', 'pass:backup of mine', '-nodes', ...args], {
      'a.pfx': answer.bytes,
    });
    assert.ok(opened.ok, opened.stderr);
    const read = readPkcs12(answer.bytes, 'backup of mine');
    assert.ok(read.ok && read.identities[0]?.privateKey.equals(contents.privateKey), form);
    assert.deepEqual(
      read.identities[0]?.chain.map((each) => each.sha256),
      [issuing.certificate.sha256, root.certificate.sha256],
    );
  }
  const cases: [Record<string, string>, number, RegExp][] = [
    [{ passphrase: 'not the passphrase' }, 401, /not the passphrase of your keys/],
    [{ password: 'short', repeated: 'short' }, 400, /at least 10 characters/],
    [{ repeated: 'something else' }, 400, /not the same/],
    [{ password: PASSPHRASE, repeated: PASSPHRASE }, 400, /another one than your key passphrase/],
    [{ password: 'größer als zehn', repeated: 'größer als zehn' }, 400, /without accents/],
  ];
  for (const [changed, status, message] of cases) {
    const answer = await save(changed);
    assert.equal(answer.status, status);
    assert.match(answer.body, message);
  }
  const trail = await world.database.prisma.auditEntry.findMany({
    where: { action: 'identity-export', object: contents.certificate.sha256 },
    orderBy: { id: 'asc' },
  });
  assert.deepEqual(
    trail.map((each) => each.result),
    ['done', 'done', 'refused'],
  );
});

test('S09 the first that fits the address is used for signing and encrypting; the user may choose others', async () => {
  const at = new Date();
  const sign = await imported({ usage: 'sign', toDays: 40 });
  const encrypt = await imported({ usage: 'encrypt', toDays: 40 });
  const both = await imported({ toDays: 10 });
  const used = async () => {
    const chooser = await account();
    return [
      (await signingIdentity(world.database, chooser, at))?.id,
      (await encryptionIdentity(world.database, chooser, at))?.id,
    ];
  };
  assert.deepEqual(await used(), [sign.id, encrypt.id]);
  const choose = (id: string, purpose: string) =>
    clerk.post(`/digital-ids/${id}`, `/digital-ids/${id}/use`, { purpose });
  assert.equal((await choose(both.id, 'sign')).status, 302);
  assert.deepEqual(await used(), [both.id, encrypt.id]);
  const unfit = await choose(encrypt.id, 'sign');
  assert.match((await clerk.get(unfit.location ?? '')).body, /cannot be used for that/);
  assert.deepEqual(await used(), [both.id, encrypt.id]);
  await clerk.post(`/digital-ids/${both.id}`, `/digital-ids/${both.id}/retire`, {});
  assert.deepEqual(await used(), [sign.id, encrypt.id], 'a retired one is not used although it was chosen');
});

test('S09 a pair for signing and another for encryption are both in use', async () => {
  await imported({ usage: 'sign' });
  await imported({ usage: 'encrypt' });
  const list = await clerk.get('/digital-ids');
  assert.match(list.body, /Signs your mail/);
  assert.match(list.body, /Encrypts your copies/);
});

test('S10 the list shows name, address, key, life, serial number, issuer and both thumbprints', async () => {
  const { contents } = await imported();
  const { body } = await clerk.get('/digital-ids');
  const shown = (hex: string) => (hex.toUpperCase().match(/.{1,4}/g) ?? []).join(' ');
  for (const text of [
    'Alain Dupont',
    world.alain.address,
    'RSA-2048',
    contents.certificate.serialNumber,
    'Elsewhere Issuing',
    shown(contents.certificate.sha1),
    shown(contents.certificate.sha256),
  ]) {
    assert.ok(body.includes(text), text);
  }
});

test('another person’s Digital ID is not found, whatever is asked of it', async () => {
  const { id } = await imported();
  const elise = await Clerk.signIn(world, world.elise);
  for (const url of [
    `/digital-ids/${id}`,
    `/digital-ids/${id}/export/p7b`,
    `/digital-ids/${id}/export/cer`,
    `/digital-ids/${id}/backup`,
    '/digital-ids/nonsense',
  ]) {
    assert.equal((await elise.get(url)).status, 404, url);
  }
  for (const action of ['use', 'retire', 'reactivate', 'backup']) {
    const fields = { purpose: 'sign', passphrase: PASSPHRASE, password: 'backup of mine', repeated: 'backup of mine' };
    assert.equal((await elise.post('/settings', `/digital-ids/${id}/${action}`, fields)).status, 404, action);
  }
});

test('locked keys lead to the unlock page and back to the import', async () => {
  await clerk.post('/settings', '/keys/lock', {});
  const answer = await clerk.get('/digital-ids/import');
  assert.equal(answer.location, '/keys/unlock?next=%2Fdigital-ids%2Fimport');
});

/** As NSS and GnuTLS protect their files: some seconds of work. */
function slowPfx(contents: PfxContents, iterations = 500_000): Buffer {
  const key = createPrivateKey({ key: contents.privateKey, format: 'der', type: 'pkcs8' });
  const files = {
    'leaf.pem': toPem([contents.certificate]),
    'key.pem': key.export({ format: 'pem', type: 'pkcs8' }),
    password: PFX_PASSWORD,
  };
  const options = ['-in', 'leaf.pem', '-inkey', 'key.pem', '-passout', 'file:password', '-iter', String(iterations)];
  const made = openssl(['pkcs12', '-export', ...options], files);
  assert.ok(made.ok, made.stderr);
  return made.stdout;
}

test('T14 a file that takes seconds shows how far it is, and then what came of it, on one page and without a script', async () => {
  const contents = await makeIdentity();
  const answer = await importFile(slowPfx(contents));
  assert.equal(answer.status, 200);
  const percents = [...answer.body.matchAll(/<progress max="100" value="(\d+)"/g)].map(([, value]) => Number(value));
  assert.deepEqual(
    percents,
    [...new Set(percents)].sort((a, b) => a - b),
    'rising',
  );
  assert.ok(percents.length > 1 && percents.every((each) => each < 100), percents.join());
  const [before, after = ''] = answer.body.split('<div class="opened">');
  assert.match(before ?? '', /Opening the file/);
  assert.match(after, /Digital ID imported/);
  assert.equal(answer.body.match(/<main /g)?.length, 1);
  assert.match(answer.body.trimEnd(), /<\/html>$/);
  assert.equal(answer.headers['x-accel-buffering'], 'no');
  const { sha256 } = contents.certificate;
  assert.equal(await world.database.prisma.digitalId.count({ where: { sha256 } }), 1);
});

test('T14 a wrong password of such a file is said at the end of the same page', async () => {
  const answer = await importFile(slowPfx(await makeIdentity()), 'another');
  const [, after = ''] = answer.body.split('<div class="opened">');
  assert.match(after, /The password does not open this file/);
  assert.match(after, /action="\/digital-ids\/import"/);
});

/** Whether the lock is taken that keeps a person's second import out. */
async function someoneImports(): Promise<boolean> {
  const [row] = await world.database.prisma.$queryRaw<{ taken: boolean }[]>`
    select exists (select from pg_locks where locktype = 'advisory' and granted
      and database = (select oid from pg_database where datname = current_database())) as taken`;
  return row?.taken ?? false;
}

test('S09 an import that takes seconds is one at a time for its owner, and nobody else waits for it', async () => {
  const [longest, quick] = [slowPfx(await makeIdentity(), 660_000), writePfx(await makeIdentity(), PFX_PASSWORD)];
  const other = writePfx(await makeIdentity({ address: world.elise.address }), PFX_PASSWORD);
  const elise = await Clerk.signIn(world, world.elise);
  await elise.choosePassphrase(PASSPHRASE);
  const order: string[] = [];
  const slow = importFile(longest).finally(() => order.push('slow'));
  while (!(await someoneImports())) await wait(20);
  const answers = await Promise.all([
    slow,
    importFile(quick).finally(() => order.push('second of the same person')),
    importFile(other, PFX_PASSWORD, elise).finally(() => order.push('other person')),
  ]);
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [200, 503, 200],
  );
  assert.equal(order.at(-1), 'slow');
  assert.match(answers[2]?.body ?? '', /Digital ID imported/);
});

test('imports are limited for the account, and one runs at a time', async () => {
  await wholeQuarter();
  const pfx = writePfx(await makeIdentity(), PFX_PASSWORD);
  const at = new Date();
  const answers = await Promise.all([importFile(pfx), importFile(pfx)]);
  assert.equal(
    answers.filter((each) => each.status === 200).length,
    1,
    `${answers.map((each) => each.status)} from ${at.toISOString()}`,
  );
  let last = 0;
  for (let attempt = 0; attempt < 25 && last !== 429; attempt++)
    last = (await importFile(Buffer.from('nothing'))).status;
  assert.equal(last, 429);
});
