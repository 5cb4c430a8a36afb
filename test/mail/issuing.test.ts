/** A country's Digital IDs on the real servers: the node is killed in the middle, and other programs take the files. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { parseCertificate } from '../../src/pki/certificate.ts';
import { toPem } from '../../src/pki/certificate-bundle.ts';
import { createHostedAccount } from '../../src/services/accounts/accounts.ts';
import { connectDatabase, type Database } from '../../src/services/database/connect.ts';
import type { World } from '../../testbed/world.ts';
import { openssl } from '../support/openssl.ts';
import { openTools, type Tools } from '../support/pkcs12-tools.ts';
import { until } from '../support/ready-clerk.ts';
import { signInAs, type Visitor } from '../support/visitor.ts';
import { type SpawnedNode, spawnTestNode, startTestWorld } from '../support/world.ts';

const PEOPLE = ['Anna', 'Bea', 'Cleo', 'Dora', 'Eva', 'Fay'];
const PASSWORD = 'for the post office';
const PAGE = '/administration/issuing';
const INSTALL = '/digital-ids/install';

let world: World;
let database: Database;
let node: SpawnedNode;
let tools: Tools;
before(async () => {
  world = await startTestWorld({ network: 139 });
  database = connectDatabase(world.postgres.connectionString);
  const { prisma } = database;
  // One pair for signing and one for encrypting, of the size that is usual: each person takes a while.
  await prisma.programme.updateMany({ data: { accountLimit: 20, keyAlgorithm: 'RSA-3072', keyPairs: 'two' } });
  const country = await prisma.country.findFirstOrThrow({ where: { code: 'B' } });
  for (const firstName of PEOPLE) {
    const made = await createHostedAccount(database, country, { firstName, surname: 'Lambert', password: PASSWORD });
    assert.ok(made.ok);
  }
  node = await spawnTestNode(world);
  tools = openTools();
});
after(async () => {
  tools?.remove();
  await node?.kill();
  await database?.close();
  await world?.stop();
});

/** Carla at her desk with open keys and inside the administration; the second factor is set up anew each time. */
async function enteredCarla(): Promise<Visitor> {
  const { prisma } = database;
  await prisma.totpFactor.deleteMany();
  const carla = await signInAs(node.url, world.people.carla);
  const passphrase = 'the keys of carla peeters';
  const keys = (await prisma.vault.count()) === 0 ? '/keys/passphrase' : '/keys/unlock';
  await carla.get(keys);
  await carla.post(keys, { passphrase, repeated: passphrase });
  const factor = '/administration/second-factor';
  const { password } = world.people.carla;
  await carla.get(factor);
  const shown = await carla.post(factor, { password });
  const secret = /<dd class="mono">([A-Z2-7 ]+)<\/dd>/.exec(shown.text)?.[1]?.replaceAll(' ', '') ?? '';
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
  const entered = await carla.post(factor, { code, password });
  assert.equal(entered.url, '/administration', entered.text);
  return carla;
}

/** How many had their turn, and that each of them has exactly one of everything. */
async function assertNobodyHasTwo(): Promise<number> {
  const { prisma } = database;
  const tasks = await prisma.issuingTask.findMany({
    include: { account: { include: { issuances: { include: { certificates: true, files: true, shares: true } } } } },
  });
  for (const { account, outcome } of tasks) {
    assert.equal(account.issuances.length, outcome === null ? 0 : 1, `${account.address}: ${outcome}`);
    for (const { certificates, files, shares } of account.issuances)
      assert.deepEqual([certificates.length, files.length, shares.length], [2, 2, 1], account.address);
  }
  return tasks.filter((task) => task.outcome === 'issued').length;
}

test('T10 a node that is killed while it issues leaves nobody with two and nobody with half, and another one goes on', async () => {
  const { prisma } = database;
  const carla = await enteredCarla();
  const { id } = await prisma.country.findFirstOrThrow({ where: { code: 'B' } });
  const country = `${PAGE}/countries/${id}`;
  const page = await carla.get(country);
  const accounts = [...page.text.matchAll(/name="accounts" value="([^"]+)" checked/g)].map((match) => match[1] ?? '');
  assert.equal(accounts.length, PEOPLE.length);
  const passphrase = world.authorityPassphrase;
  const started = await carla.post(country, { accounts, passphrase });
  assert.match(started.url, new RegExp(`^${PAGE}/jobs/`), started.text);
  await until(
    'two of them',
    async () => (await prisma.issuingTask.count({ where: { outcome: 'issued' } })) >= 2,
    120_000,
  );
  const port = new URL(node.url).port;
  await node.kill('SIGKILL');
  const done = await assertNobodyHasTwo();
  assert.ok(done >= 2 && done < PEOPLE.length, `${done} when it was killed`);

  node = await spawnTestNode(world, { PORT: port });
  // A minute without a sign of life, without waiting for it.
  await database.pool.query("update issuing_job set beat_at = beat_at - interval '2 minutes'");
  const seen = await carla.get(started.url);
  assert.match(seen.text, /nobody gets two/);
  const resumed = await carla.post(`${started.url}/resume`, { passphrase });
  assert.equal(resumed.url, started.url);
  await until(
    'the rest',
    async () => (await prisma.issuingJob.count({ where: { endedAt: { not: null } } })) === 1,
    240_000,
  );
  assert.equal(await assertNobodyHasTwo(), PEOPLE.length);
  assert.match((await carla.get(started.url)).text, /All had their turn/);
});

test('T12 every certificate verifies strictly in OpenSSL up to the programme’s root, and no serial number comes twice', async () => {
  const rows = await database.prisma.issuedCertificate.findMany({
    where: { accountId: { not: null } },
    include: { authority: true },
  });
  assert.equal(new Set(rows.map((row) => row.serialNumber)).size, rows.length);
  const root = await database.prisma.authority.findFirstOrThrow({ where: { kind: 'root' } });
  const pem = (der: Uint8Array) => toPem([parseCertificate(der)]);
  for (const { certificate, authority, usage, address } of rows) {
    const purpose = usage === 'encrypt' ? 'smimeencrypt' : 'smimesign';
    const verified = openssl(
      ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', 'root.pem', '-untrusted', 'ca.pem', 'leaf.pem'],
      { 'root.pem': pem(root.certificate), 'ca.pem': pem(authority.certificate), 'leaf.pem': pem(certificate) },
    );
    assert.ok(verified.ok, `${address}: ${verified.stderr}`);
    const addresses = parseCertificate(certificate).addresses;
    assert.deepEqual(addresses, [address]);
  }
});

test('T12 the holder’s files open what was encrypted to them in OpenSSL, in NSS, and in gpgsm in the old form', async () => {
  const { prisma } = database;
  const account = await prisma.account.findFirstOrThrow({ where: { firstName: 'Anna' } });
  const anna = await signInAs(node.url, { address: account.address, password: PASSWORD });
  const offered = await anna.get(INSTALL);
  assert.match(offered.text, /Issued for you, in two parts/);
  await anna.post(`${INSTALL}/ask`);
  const issuance = await prisma.issuance.findFirstOrThrow({
    where: { accountId: account.id },
    include: { certificates: true },
  });
  const carla = await enteredCarla();
  await carla.get(`${PAGE}/passwords/${issuance.id}`);
  const shown = await carla.post(`${PAGE}/passwords/${issuance.id}`);
  const password = /<p class="code">([A-Z0-9-]+)<\/p>/.exec(shown.text)?.[1] ?? assert.fail(shown.text);

  const encryption = issuance.certificates.find((each) => each.usage === 'encrypt');
  assert.ok(encryption);
  const file = async (form: string) => {
    await anna.get(INSTALL);
    const answer = await anna.post(`${INSTALL}/file`, { file: encryption.id, form, password });
    assert.equal(answer.headers.get('content-type'), 'application/x-pkcs12', answer.text.slice(0, 500));
    return answer.bytes;
  };
  const modern = await file('modern');
  tools.write('anna.pem', toPem([parseCertificate(encryption.certificate)]));
  tools.write('letter.txt', 'Card 0417 was withdrawn.\n');
  tools.write('anna.pfx', modern);
  tools.run('openssl', [
    'cms',
    '-encrypt',
    '-aes256',
    '-binary',
    '-outform',
    'DER',
    '-in',
    'letter.txt',
    '-out',
    'letter.p7m',
    'anna.pem',
  ]);

  tools.run('openssl', [
    'pkcs12',
    '-in',
    'anna.pfx',
    '-nodes',
    '-nocerts',
    '-passin',
    `pass:${password}`,
    '-out',
    'anna.key',
  ]);
  tools.run('openssl', [
    'cms',
    '-decrypt',
    '-inform',
    'DER',
    '-in',
    'letter.p7m',
    '-inkey',
    'anna.key',
    '-recip',
    'anna.pem',
    '-out',
    'openssl.txt',
  ]);
  assert.equal(tools.read('openssl.txt').toString(), 'Card 0417 was withdrawn.\n');

  tools.run('certutil', ['-N', '-d', 'sql:.', '--empty-password']);
  tools.run('pk12util', ['-i', 'anna.pfx', '-d', 'sql:.', '-W', password]);
  assert.match(tools.run('certutil', ['-L', '-d', 'sql:.']), /Anna\.Lambert@tcn\.b\.eu-admin\.net +u,u,u/);
  tools.run('cmsutil', ['-D', '-d', 'sql:.', '-i', 'letter.p7m', '-o', 'nss.txt']);
  assert.equal(tools.read('nss.txt').toString(), 'Card 0417 was withdrawn.\n');

  // gpgsm 2.2 drops leading zeros in its key derivation, so about one salt in a hundred fails: a new file has another.
  const gpgsm = (...args: string[]) =>
    tools.run('gpgsm', ['--batch', '--pinentry-mode', 'loopback', '--passphrase-fd', '0', ...args], `${password}\n`);
  const importOld = async () => {
    tools.write('old.pfx', await file('legacy'));
    return gpgsm('--import', 'old.pfx');
  };
  await importOld().catch(importOld);
  gpgsm('--output', 'gpgsm.txt', '--decrypt', 'letter.p7m');
  assert.equal(tools.read('gpgsm.txt').toString(), 'Card 0417 was withdrawn.\n');
});
