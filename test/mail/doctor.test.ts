import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CheckLine } from '../../src/services/setup-check/check-line.ts';
import type { World } from '../../testbed/world.ts';
import { startTestWorld } from '../support/world.ts';

const NETWORK = 152;
const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

type Told = { ok: boolean; lines: (CheckLine & { tried: string; result: string; advice: string })[] };

let world: World;
let folder: string;
before(async () => {
  world = await startTestWorld({ network: NETWORK, relays: 'all', dnsTtlSeconds: 1 });
  folder = await mkdtemp(path.join(os.tmpdir(), 'sp-doctor-'));
});
after(async () => {
  await world?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function doctor(args: string[] = [], settings: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = { PATH: process.env['PATH'], ...world.environment, ...settings };
  const { stdout } = await run(process.execPath, ['src/cli.ts', 'doctor', ...args], { cwd: root, env });
  return stdout;
}

async function told(args: string[] = [], settings: NodeJS.ProcessEnv = {}): Promise<Told> {
  return JSON.parse(await doctor(['--json', ...args], settings)) as Told;
}

const lineOf = ({ lines }: Told, subject: string, about: RegExp = /./) =>
  lines.find((line) => line.subject === subject && (about.test(line.about) || line.about === '')) ??
  assert.fail(`no line ${subject}`);

/** Subject, name and code of what is not well. */
const troubles = ({ lines }: Told) =>
  lines.filter(({ state }) => state === 'failed').map(({ subject, about, code }) => `${subject} ${about} ${code}`);

test('T08 doctor finds everything in order on a network that is', async () => {
  const marta = path.join(folder, 'marta');
  await writeFile(marta, `${world.people.marta.password}\n`);
  const answer = await told(['--login', world.people.marta.address, '--password-file', marta]);
  assert.deepEqual(troubles(answer), []);
  assert.equal(answer.ok, true);
  const greetings = answer.lines.filter(({ subject }) => subject === 'relay').map(({ said }) => said);
  // at the address of the first one answers whichever of the next two has its turn
  const names = ['relay[23]', 'relay2', 'relay3', 'relay4'];
  assert.equal(greetings.length, names.length);
  for (const [index, name] of names.entries()) {
    assert.match(greetings[index] ?? '', new RegExp(`^220 ${name}\\.eu-admin\\.net ESMTP`));
  }
  assert.match(
    lineOf(answer, 'names', /tcn\.b/).result,
    /^1 relay\.eu-admin\.net \(127\.152\.0\.17\), 2 relay2\.eu-admin/,
  );
  for (const subject of ['imap', 'submission']) {
    const line = lineOf(answer, subject, /tcn\.b/);
    assert.match(
      line.result,
      /TLSv1\.3, TLS_AES_256_GCM_SHA384\. Certificate for mail\.tcn\.b\.eu-admin\.net, from Test bed/,
    );
    assert.equal(lineOf(answer, `${subject}-login`, /tcn\.b/).state, 'ok');
    assert.match(lineOf(answer, `${subject}-login`, /tcn\.d/).result, new RegExp(world.people.marta.address, 'i'));
  }
  assert.match(lineOf(answer, 'incoming', /tcn\.d/).said, /^220 mail\.tcn\.d\.eu-admin\.net ESMTP/);
  for (const subject of ['clock', 'database', 'queue']) assert.equal(lineOf(answer, subject).state, 'ok');
});

test('T05 T24 doctor says when reports of the relays would not be believed, and which relays are meant', async () => {
  const listed = lineOf(await told(), 'reports');
  assert.equal(`${listed.state} ${listed.code}`, 'ok balanced');
  assert.match(
    listed.result,
    /relay\.eu-admin\.net \(127\.152\.0\.17\) is not among them, which is right for a balancer/,
  );
  assert.deepEqual(troubles(await told([], { REPORT_SERVERS: '' })), ['reports  empty']);
  const primary = await told([], { REPORT_SERVERS: '127.152.0.17' });
  assert.deepEqual(troubles(primary), ['reports  missing']);
  const { result, advice } = lineOf(primary, 'reports');
  for (const name of ['relay2', 'relay3', 'relay4'])
    assert.match(result, new RegExp(`${name}\\.eu-admin\\.net \\(127`));
  assert.match(advice, /REPORT_SERVERS in the settings of every node.*Of a balancer, enter the relays behind it/);
  assert.deepEqual(troubles(await told([], { REPORT_SERVERS: '127.152.0.16/28,127.152.0.241' })), []);
});

test('T23 doctor looks at POP3 where hosted mailboxes are offered by it, and nowhere else', async () => {
  const { lines } = await told();
  const pop3 = lines.filter(({ subject }) => subject === 'pop3');
  assert.deepEqual(
    pop3.map(({ about, state, said }) => [about, state, /^\+OK/.test(said)]),
    [['mail.tcn.b.eu-admin.net', 'ok', true]],
  );
});

test('T08 doctor tells people the same in sentences: what was tried, what came back, what to do', async () => {
  await world.testbed.stopServer('relay4');
  try {
    const text = await doctor();
    assert.match(text, /\[FAIL\] Relays, port 25 \(relay4\.eu-admin\.net\)\n +tried +Connection from here to relay4/);
    assert.match(text, /came back +The connection was refused: nothing listens there\. \(\d+ ms\)/);
    assert.match(text, /to do +Ask the operator of this server whether it runs/);
    assert.match(text, /\[ -- \] IMAP, signing in \(mail\.tcn\.d/);
    assert.match(text, /\n1 of \d+ lines failed\.\n$/);
  } finally {
    await world.testbed.startServer('relay4');
  }
});

test('T08 doctor names the one thing that is wrong, whatever it is', async () => {
  const { environment, testbed } = world;
  const relays = String(environment['RELAYS']);
  const moved = relays.replace('0.241', '0.249');
  assert.deepEqual(troubles(await told([], { RELAYS: moved })), [
    'names tcn.b.eu-admin.net address',
    'names tcn.d.eu-admin.net address',
    'relay relay4.eu-admin.net refused',
    // nor would its reports be believed
    'reports  missing',
  ]);
  const swapped = relays.split(',').reverse().join(',');
  assert.deepEqual(troubles(await told([], { RELAYS: swapped })), [
    'names tcn.b.eu-admin.net order',
    'names tcn.d.eu-admin.net order',
  ]);
  const wrong = await told([], { SERVICE_MAIL_PASSWORD: 'wrong' });
  assert.deepEqual(troubles(wrong), [
    'imap-login mail.tcn.b.eu-admin.net refused',
    'submission-login mail.tcn.b.eu-admin.net refused',
  ]);
  await testbed.stopServer('dns');
  try {
    const direct = { DNS_SERVERS: testbed.dns.address };
    assert.deepEqual(troubles(await told([], direct)), [
      'names tcn.b.eu-admin.net no-answer',
      'names tcn.d.eu-admin.net no-answer',
    ]);
    // the resolvers have kept the answers (T07)
    assert.deepEqual(troubles(await told()), []);
  } finally {
    await testbed.startServer('dns');
  }
  await testbed.stopServer('dovecot-b');
  try {
    assert.deepEqual(troubles(await told()), [
      'imap mail.tcn.b.eu-admin.net refused',
      'imap-login mail.tcn.b.eu-admin.net unreachable',
      'submission-login mail.tcn.b.eu-admin.net unreachable',
      'pop3 mail.tcn.b.eu-admin.net refused',
    ]);
  } finally {
    await testbed.startServer('dovecot-b');
  }
});

test('T08 doctor goes on without a database, and says what it needs', async () => {
  const answer = await told([], { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' });
  assert.deepEqual(troubles(answer), ['database  no-answer']);
  assert.equal(answer.lines.filter(({ subject }) => subject === 'relay').length, 4);
  assert.equal(lineOf(answer, 'clock').code, 'no-database');
});

test('doctor is told apart from wrong use', async () => {
  for (const args of [['--login', 'x@y'], ['--wrong'], ['more']]) {
    await assert.rejects(doctor(args), (error: { code?: number; stderr?: string }) => {
      assert.equal(error.code, 2);
      assert.match(error.stderr ?? '', /usage: sealpost doctor/);
      return true;
    });
  }
  const missing = ['--login', 'x@y', '--password-file', path.join(folder, 'nothing')];
  await assert.rejects(doctor(missing), (error: { code?: number }) => error.code === 1);
});
