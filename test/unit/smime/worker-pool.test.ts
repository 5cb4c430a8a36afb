import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { detachBytes, type Job, type OpenJob, type SealedKey } from '../../../src/smime/worker-jobs.ts';
import { createWorkerPool, type WorkerPool } from '../../../src/smime/worker-pool.ts';
import { sealUnder } from '../../../src/vault/seal.ts';
import { makePeople, type People, type Person } from '../../support/smime-people.ts';

const MiB = 1024 * 1024;
const MASTER = randomBytes(32);
const ENTITY = Buffer.from('Content-Type: text/plain\r\n\r\nhello\r\n');

let people: People;
let pool: WorkerPool;
before(() => {
  people = makePeople();
  pool = createWorkerPool({ workers: 2 });
});
after(async () => {
  await pool.close();
  people.remove();
});

function sealedKey(person: Person): SealedKey {
  const context = `test:${person.address}`;
  const pkcs8 = person.privateKey.export({ type: 'pkcs8', format: 'der' });
  return { sealedKey: sealUnder(MASTER, pkcs8, context), certificateDer: person.certificate.der, context };
}

async function sealed(mime: Buffer = ENTITY): Promise<Uint8Array> {
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const answer = await pool.run({
    kind: 'seal',
    mime,
    headers: Buffer.from(`From: alice@example.org\r\nDate: ${date}\r\n`),
    sign: { ...sealedKey(people.alice), chain: [] },
    masterKey: new Uint8Array(MASTER),
    encryptTo: [people.bob.certificate.der],
    at: new Date(),
  });
  assert.ok(answer.ok, 'sealing failed');
  assert.ok(answer.value.bytes instanceof Uint8Array);
  return answer.value.bytes;
}

function openJob(bytes: Uint8Array, masterKey: Uint8Array | null = new Uint8Array(MASTER)): OpenJob {
  const trust = {
    anchors: [people.root.der],
    intermediates: [],
    explicitlyTrusted: [],
    anchorDomains: new Map(),
    revocation: { lists: [], responses: [], now: new Date() },
  };
  return { kind: 'open', bytes, keys: [sealedKey(people.bob)], masterKey, trust, at: new Date() };
}

describe('worker pool', () => {
  it('S14 what one worker seals another opens, keys crossing the thread sealed only', async () => {
    const answer = await pool.run(openJob(await sealed()));
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.equal(answer.value.signature.status, 'trusted');
    assert.equal(answer.value.encryption.status, 'encrypted');
    assert.equal(answer.value.text, 'hello\n');
    const der = answer.value.signature.signers[0]?.certificate?.der;
    assert.deepEqual(Buffer.from(der ?? []), people.alice.certificate.der);
    assert.equal(der?.byteLength, der?.buffer.byteLength, 'no window into the pool of the worker');
  });

  it('locked keys leave the message closed, a wrong master key is told apart', async () => {
    const bytes = await sealed();
    const locked = await pool.run(openJob(Uint8Array.from(bytes), null));
    assert.ok(locked.ok && locked.value.encryption.status === 'failed');
    const wrong = await pool.run(openJob(Uint8Array.from(bytes), new Uint8Array(32)));
    assert.equal(wrong.ok ? 'ok' : wrong.code, 'seal-broken');
  });

  it('one attachment is read by its index', async () => {
    const file = randomBytes(300_000);
    const head = 'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nhi\r\n--q\r\n';
    const part =
      'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="ä.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    const bytes = await sealed(Buffer.from(`${head}${part}${file.toString('base64')}\r\n--q--\r\n`));
    const answer = await pool.run({ ...openJob(bytes), kind: 'attachment', index: 0 });
    assert.ok(answer.ok && answer.value !== null);
    assert.equal(answer.value.name, 'ä.pdf');
    assert.ok(answer.value.bytes instanceof Uint8Array);
    assert.deepEqual(Buffer.from(answer.value.bytes), file);
  });

  it('T14 a PKCS#12 file is imported and exported with its key sealed outside the worker', async () => {
    people.openssl(
      'pkcs12',
      '-export',
      '-inkey',
      'alice.key',
      '-in',
      'alice.pem',
      '-passout',
      'pass:secret',
      '-out',
      'alice.p12',
    );
    const bytes = readFileSync(join(people.folder, 'alice.p12'));
    const masterKey = () => new Uint8Array(MASTER);
    const common = { kind: 'pkcs12-read', contextPrefix: 'user:1:' } as const;
    const read = await pool.run({ ...common, bytes, password: 'secret', masterKey: masterKey() });
    assert.ok(read.ok && read.value.ok, JSON.stringify(read));
    const [key] = read.value.identities;
    assert.ok(key);
    assert.equal(key.context, `user:1:${people.alice.certificate.sha256}`);
    const form = { kind: 'pkcs12-write', password: 'next', form: 'modern', friendlyName: 'Alice', chain: [] } as const;
    const written = await pool.run({ ...form, key, masterKey: masterKey() });
    assert.ok(written.ok, JSON.stringify(written));
    const again = await pool.run({ ...common, bytes: written.value, password: 'next', masterKey: masterKey() });
    assert.ok(again.ok && again.value.ok);
    const wrong = await pool.run({ ...common, bytes, password: 'nope', masterKey: masterKey() });
    assert.ok(wrong.ok && !wrong.value.ok && wrong.value.code === 'wrong-password');
  });

  it('a job that passes its time is ended, the next is served by a new worker', async () => {
    const strict = createWorkerPool({ workers: 1, baseMs: 1, msPerMiB: 0 });
    const part = '--b\r\nContent-Type: text/plain\r\n\r\n';
    const hostile = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(400_000)}`);
    const [slow, other] = await Promise.all([
      strict.run(openJob(hostile), 'mallory'),
      pool.run(openJob(await sealed()), 'alice'),
    ]);
    assert.equal(slow.ok ? 'ok' : slow.code, 'too-complex');
    assert.ok(other.ok);
    await strict.close();
  });

  it('S14 buffers beyond the memory limit end the job, and what was given to it counts', async () => {
    // Without a folder for spools what a part holds is decoded into memory, beside the message itself of 149 MiB: at most
    // 540 MiB in all, which would be within a limit that the message does not count for.
    const small = createWorkerPool({ workers: 1, memoryBytes: 410 * MiB, baseMs: 60_000 });
    const lines = `${'MIIB'.repeat(19)}\r\n`.repeat(2_000_000);
    const head = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    const answer = await small.run(openJob(Buffer.from(head + lines)));
    assert.equal(answer.ok ? 'ok' : answer.code, 'too-complex');
    const after = await small.run(openJob(Buffer.from('Subject: x\r\n\r\nhi')));
    assert.ok(after.ok && after.value.text === 'hi');
    await small.close();
  });

  it('S14 a job that is given more than the memory limit is refused before it starts', async () => {
    const small = createWorkerPool({ workers: 1, memoryBytes: 24 * MiB, baseMs: 60_000 });
    const head = Buffer.from('Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n');
    const answer = await small.run(openJob(Buffer.concat([head, Buffer.alloc(25 * MiB, `${'AAAA'.repeat(19)}\r\n`)])));
    assert.equal(answer.ok ? 'ok' : answer.code, 'too-complex');
    const after = await small.run(openJob(Buffer.from('Subject: x\r\n\r\nhi')));
    assert.ok(after.ok && after.value.text === 'hi');
    await small.close();
  });

  it('S14 what one job leaves behind does not count for the next one', async () => {
    const single = createWorkerPool({ workers: 1, memoryBytes: 330 * MiB, baseMs: 60_000 });
    const head = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n';
    const lines = `${'MIIB'.repeat(19)}\r\n`.repeat(900_000);
    for (let round = 0; round < 6; round += 1) {
      const answer = await single.run(openJob(Buffer.from(head + lines)));
      assert.ok(answer.ok, `round ${round}: ${JSON.stringify(answer)}`);
    }
    await single.close();
  });

  it('a full disk of the spools is told as such, and the pool goes on', async () => {
    const full = openSync('/dev/full', 'r+');
    const part =
      'Content-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nhi\r\n--q\r\nContent-Type: a/b\r\n\r\nfile\r\n--q--';
    const answer = await pool.run({ ...openJob(Buffer.from(part)), kind: 'attachment', index: 0, into: full });
    assert.equal(answer.ok ? 'ok' : answer.code, 'no-room');
    closeSync(full);
    assert.ok((await pool.run(openJob(Buffer.from('Subject: x\r\n\r\nhi')))).ok);
  });

  it('what an answer names many times crosses the thread once', () => {
    const certificate = { der: new Uint8Array(3), addresses: ['a@x.example'] };
    const { data, transfer } = detachBytes({ first: [certificate, certificate], second: { certificate } });
    assert.equal(data.first[0], data.first[1]);
    assert.equal(data.first[0], data.second.certificate);
    assert.notEqual(data.first[0], certificate);
    assert.equal(transfer.length, 1);
  });

  it('a buffer given away before is answered, and the pool goes on', async () => {
    const bytes = new Uint8Array(200_000);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    const answer = await pool.run(openJob(bytes));
    assert.ok(!answer.ok || answer.value.signature.status === 'none');
    assert.ok((await pool.run(openJob(Buffer.from('Subject: x\r\n\r\nhi')))).ok);
  });

  it('owners take turns, and a closed pool says so', async () => {
    const single = createWorkerPool({ workers: 1 });
    const order: string[] = [];
    const job = (): Job => openJob(Buffer.from('Subject: x\r\n\r\nhi'));
    const ask = (owner: string) => single.run(job(), owner).then(() => order.push(owner));
    await Promise.all([ask('a'), ask('a'), ask('a'), ask('b')]);
    assert.ok(order.indexOf('b') < 3, order.join());
    await single.close();
    const late = await single.run(job());
    assert.equal(late.ok ? 'ok' : late.code, 'closed');
  });
});
