import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, test } from 'node:test';
import { Clamd, readScanAnswer, readVersion, type ScannerBounds } from '../../../src/mail/clamd.ts';
import { EICAR } from '../../support/eicar.ts';
import { type FakeScanner, startFakeScanner } from '../../support/fake-scanner.ts';

const KiB = 1024;
const BOUNDS: ScannerBounds = { timeoutMs: 10_000, maxBytes: 1024 * KiB, atOnce: 2 };

let fake: FakeScanner | null = null;
afterEach(async () => {
  await fake?.stop();
  fake = null;
});

function clamdAt(port: number, bounds: Partial<ScannerBounds> = {}): Clamd {
  return new Clamd({ kind: 'tcp', host: '127.0.0.1', port }, { ...BOUNDS, ...bounds });
}

/** A scanner whose every connection goes to `misbehave`. */
async function hostile(misbehave: (received: Buffer, socket: net.Socket) => void, bounds: Partial<ScannerBounds> = {}) {
  fake = await startFakeScanner(misbehave);
  return clamdAt(fake.port, bounds);
}

test('T30 a content arrives at the scanner byte for byte, in pieces of 64 KiB at most', async () => {
  fake = await startFakeScanner();
  const content = Buffer.alloc(300 * KiB, 'abc');
  const answer = await clamdAt(fake.port).scan([
    content.subarray(0, 200 * KiB),
    Buffer.alloc(0),
    content.subarray(200 * KiB),
  ]);
  assert.deepEqual(answer, { ok: true, finding: null });
  assert.deepEqual(fake.scanned, [content]);
});

test('T30 what is found is told by its name', async () => {
  fake = await startFakeScanner();
  const answer = await clamdAt(fake.port).scan([Buffer.from(EICAR)]);
  assert.deepEqual(answer, { ok: true, finding: 'Test.EICAR' });
});

test('T30 an empty content is scanned too', async () => {
  fake = await startFakeScanner();
  assert.deepEqual(await clamdAt(fake.port).scan([]), { ok: true, finding: null });
});

test('T30 version and date of the signatures are read, and a scanner without signatures of its own is one', () => {
  const full = readVersion('ClamAV 1.4.3/27824/Thu Nov 26 09:41:02 2026');
  assert.equal(full?.program, 'ClamAV 1.4.3');
  assert.equal(full?.signatures, '27824');
  assert.equal(full?.signedAt?.getFullYear(), 2026);
  const bare = readVersion('ClamAV 1.4.3');
  assert.deepEqual([bare?.signatures, bare?.signedAt], [null, null]);
  for (const text of ['', 'Postfix', 'ClamAV 1.4\n', `ClamAV 1${'x'.repeat(300)}`])
    assert.equal(readVersion(text), null);
});

test('T30 only an answer of clamd counts as one', () => {
  assert.deepEqual(readScanAnswer('stream: OK'), { ok: true, finding: null });
  assert.deepEqual(readScanAnswer('stream: a\u00e9 b<script> FOUND'), { ok: true, finding: 'a_b<script>' });
  assert.deepEqual(readScanAnswer('INSTREAM size limit exceeded. ERROR'), { ok: false, reason: 'too-large' });
  for (const text of [
    '',
    'OK',
    'stream: OK ',
    'stream: ok',
    'stream:  FOUND',
    'x stream: OK',
    'stream: OK\nstream: OK',
  ])
    assert.deepEqual(readScanAnswer(text), { ok: false, reason: 'broken' }, text);
  const long = readScanAnswer(`stream: ${'x'.repeat(900)} FOUND`);
  assert.equal(long.ok && long.finding?.length, 120);
});

test('T30 a scanner that says nothing is not waited for longer than was said', async () => {
  const clamd = await hostile(() => {}, { timeoutMs: 100 });
  assert.deepEqual(await clamd.scan([Buffer.from('x')]), { ok: false, reason: 'timeout' });
  assert.deepEqual(await clamd.version(), { ok: false, reason: 'timeout' });
});

test('T30 a scanner that reads nothing does not hold up who sends to it', async () => {
  const clamd = await hostile((_, socket) => socket.pause(), { timeoutMs: 200, maxBytes: 1024 ** 3 });
  async function* endless() {
    for (;;) yield Buffer.alloc(256 * KiB);
  }
  assert.deepEqual(await clamd.scan(endless()), { ok: false, reason: 'timeout' });
});

test('T30 a scanner that answers a letter at a time is given up', async () => {
  const timers: NodeJS.Timeout[] = [];
  const clamd = await hostile(
    (received, socket) => {
      if (received.length === 0) timers.push(setInterval(() => socket.write('s'), 20));
    },
    { timeoutMs: 200 },
  );
  assert.deepEqual(await clamd.scan([Buffer.from('x')]), { ok: false, reason: 'timeout' });
  for (const timer of timers) clearInterval(timer);
});

test('T30 an answer without an end is not kept', async () => {
  const clamd = await hostile((_, socket) => void socket.write('x'.repeat(100 * KiB)));
  assert.deepEqual(await clamd.scan([Buffer.from('x')]), { ok: false, reason: 'broken' });
  assert.deepEqual(await clamd.version(), { ok: false, reason: 'broken' });
});

test('T30 a connection that closes half-way is no result, before, during and after the content', async () => {
  for (const [after, words] of [
    [0, ''],
    [20, ''],
    [20, 'stream: O'],
    [100 * KiB, 'stream: OK'],
  ] as const) {
    const clamd = await hostile((received, socket) => {
      if (received.length >= after) socket.end(words);
    });
    const answer = await clamd.scan([Buffer.alloc(90 * KiB), Buffer.alloc(20 * KiB)]);
    assert.deepEqual(answer, { ok: false, reason: 'broken' }, `${after} ${words}`);
    await fake?.stop();
  }
});

test('T30 nothing is clean before all of it was read, and a finding counts at any time', async () => {
  async function* slow() {
    yield Buffer.from('beginning');
    await answered;
    yield Buffer.from('end');
  }
  let told = () => {};
  const answered = new Promise<void>((resolve) => {
    told = resolve;
  });
  const early = (words: string) => (received: Buffer, socket: net.Socket) => {
    if (received.includes('beginning')) socket.end(words, () => setTimeout(told, 50));
  };
  assert.deepEqual(await (await hostile(early('stream: OK\0'))).scan(slow()), { ok: false, reason: 'broken' });
  await fake?.stop();
  const found = await (await hostile(early('stream: Bad FOUND\0'))).scan(slow());
  assert.deepEqual(found, { ok: true, finding: 'Bad' });
});

test('T30 more than is scanned is not sent, and clamd’s own limit is told apart', async () => {
  fake = await startFakeScanner();
  const answer = await clamdAt(fake.port, { maxBytes: 10 }).scan([Buffer.alloc(11)]);
  assert.deepEqual(answer, { ok: false, reason: 'too-large' });
  assert.deepEqual(fake.scanned, []);
  await fake.stop();
  const strict = await hostile((received, socket) => {
    if (received.includes('zINSTREAM\0')) socket.end('INSTREAM size limit exceeded. ERROR\0');
  });
  assert.deepEqual(await strict.scan([Buffer.from('x')]), { ok: false, reason: 'too-large' });
});

test('T30 where nobody listens is said, on a socket and on loopback', async () => {
  const nobody = await startFakeScanner();
  await nobody.stop();
  assert.deepEqual(await clamdAt(nobody.port).scan([Buffer.from('x')]), { ok: false, reason: 'unreachable' });
  const none = new Clamd({ kind: 'unix', path: '/nonexistent/clamd.sock' }, BOUNDS);
  assert.deepEqual(await none.version(), { ok: false, reason: 'unreachable' });
});

test('T30 a socket of the file system is spoken to as well', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-clamd-'));
  const file = path.join(folder, 'clamd.sock');
  const server = net.createServer((socket) => socket.once('data', () => socket.end('ClamAV 1.4.3\0')));
  await new Promise<void>((resolve) => server.listen(file, resolve));
  const answer = await new Clamd({ kind: 'unix', path: file }, BOUNDS).version();
  assert.equal(answer.ok && answer.version.program, 'ClamAV 1.4.3');
  await new Promise((resolve) => server.close(resolve));
  fs.rmSync(folder, { recursive: true });
});

test('T30 no more conversations are open at once than was said, and who waits too long is told', async () => {
  fake = await startFakeScanner();
  const clamd = clamdAt(fake.port);
  const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => clamd.scan([Buffer.from(`content ${at}`)])));
  assert.ok(answers.every((answer) => answer.ok));
  assert.equal(fake.scanned.length, 12);
  assert.ok(fake.most <= 2, `${fake.most} at once`);
  await fake.stop();
  const stuck = await hostile(() => {}, { timeoutMs: 150, atOnce: 1 });
  const [first, second] = await Promise.all([stuck.scan([Buffer.from('x')]), stuck.scan([Buffer.from('y')])]);
  assert.deepEqual(first, { ok: false, reason: 'timeout' });
  assert.ok(!second.ok && ['busy', 'timeout'].includes(second.reason));
});

test('T30 what goes wrong while a content is read is not taken for a result', async () => {
  fake = await startFakeScanner();
  async function* broken() {
    yield Buffer.from('x');
    throw new Error('the spool is gone');
  }
  await assert.rejects(clamdAt(fake.port).scan(broken()), /the spool is gone/);
});
