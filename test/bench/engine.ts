// `npm run bench:engine`: the S/MIME engine beside `openssl cms`, in the same run. Processor time and peak memory of whole
// jobs in processes of their own; what starting costs is taken off on both sides.
import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { free } from '../../src/bytes/byte-source.ts';
import { encodeBase64Lines } from '../../src/mime/encode.ts';
import type { EngineAnswer, EngineQuestion } from '../support/engine-job.ts';
import { makePeople, type Person } from '../support/smime-people.ts';
import { figuresOf } from './measure.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const SIZES = { '10 KB': 10 * KiB, '1 MB': MiB, '25 MB': 25 * MiB, '100 MB': 100 * MiB };
/** As the engine's own (`SLICE_BYTES`). */
const SLICE = 64 * KiB;
const RECIPIENTS = 20;
const RUNS = 5;
const PEER_RUNS = 3;
/** Ratios of processor time that the project set itself, at 25 MB. */
const GOALS: Record<string, number> = { decrypt: 0.2, verify: 0.12, 'encrypt, CBC': 0.6, 'encrypt, GCM': 0.5, sign: 1 };

const people = makePeople();
const { alice, bob, folder } = people;

type Row = { name: string; what: EngineQuestion['what']; person: Person; file: string; to?: Person[]; peer: string };

/** The openssl command line of each, with the names of files in the folder. */
function rowsOf(recipients: Person[]): Row[] {
  const to = recipients.map((one) => one.certificateFile).join(' ');
  const rows: Row[] = [
    {
      name: 'sign',
      what: 'sign',
      person: alice,
      file: 'entity',
      peer: 'cms -sign -binary -in entity -signer alice.pem -inkey alice.key',
    },
    {
      name: 'verify',
      what: 'open',
      person: bob,
      file: 'signed.eml',
      peer: 'cms -verify -in signed.eml -CAfile root.pem',
    },
    {
      name: 'encrypt, CBC',
      what: 'encrypt-cbc',
      person: alice,
      file: 'entity',
      to: recipients,
      peer: `cms -encrypt -binary -aes-256-cbc -in entity ${to}`,
    },
    {
      name: 'encrypt, GCM',
      what: 'encrypt-gcm',
      person: alice,
      file: 'entity',
      to: recipients,
      peer: `cms -encrypt -binary -aes-256-gcm -in entity ${to}`,
    },
    {
      name: 'decrypt',
      what: 'open',
      person: bob,
      file: 'encrypted.eml',
      peer: 'cms -decrypt -in encrypted.eml -inkey bob.key -recip bob.pem',
    },
    {
      // Opening deciphers what is shown; this all of it, and decodes the attachment, which the command leaves in base64.
      name: 'decrypt, attachment read out',
      what: 'attachment',
      person: bob,
      file: 'encrypted.eml',
      peer: 'cms -decrypt -in encrypted.eml -inkey bob.key -recip bob.pem',
    },
  ];
  return recipients.length === 1 ? rows : rows.filter((row) => row.what !== 'sign' && row.file !== 'signed.eml');
}

try {
  console.log(
    `${os.cpus()[0]?.model}, ${os.cpus().length} cores, Node ${process.version}, ${new Date().toISOString()}`,
  );
  console.log(execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim());
  console.log('\nProcessor time in milliseconds, median of the runs; memory above the idle process in MiB.\n');
  console.log(
    '| size | recipients | what | Sealpost | floor | openssl cms | ratio | goal | Sealpost, memory | openssl, memory |',
  );
  console.log('| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [label, size] of Object.entries(SIZES)) {
    await writeEntity(size);
    for (const count of [1, RECIPIENTS]) measure(label, count);
  }
  small();
} finally {
  people.remove();
}

async function writeEntity(size: number): Promise<void> {
  const out = createWriteStream(join(folder, 'entity'));
  out.write('Content-Type: application/pdf; name="large.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n');
  const piece = 57 * 18_000;
  for (let left = Math.ceil((size * 57) / 78); left > 0; left -= piece) {
    if (!out.write(encodeBase64Lines(randomBytes(Math.min(left, piece))))) await once(out, 'drain');
  }
  out.end();
  await once(out, 'finish');
}

function measure(label: string, count: number): void {
  const recipients = Array.from({ length: count }, (_, n) => (n === 0 ? bob : alice));
  openssl(
    'cms -sign -binary -in entity -signer alice.pem -inkey alice.key -from alice@example.org -subject x -out signed.eml',
  );
  openssl(
    `cms -encrypt -binary -aes-256-cbc -in entity -out encrypted.eml ${recipients.map((one) => one.certificateFile).join(' ')}`,
  );
  const floors = floorsOf(readFileSync(join(folder, 'entity')));
  for (const row of rowsOf(recipients)) {
    const ours = engine(row);
    const peer = openssl(row.peer);
    const ratio = figuresOf(ours.cpuMs).median / peer.cpuMs;
    const goal = label === '25 MB' && count === 1 ? (GOALS[row.name]?.toFixed(2) ?? '') : '';
    const floor = ms(floors[row.name] ?? Number.NaN);
    const cells = [
      label,
      count,
      row.name,
      ms(figuresOf(ours.cpuMs).median),
      floor,
      ms(peer.cpuMs),
      ratio.toFixed(2),
      goal,
    ];
    console.log(`| ${[...cells, mib(ours.peakBytes), mib(peer.peakBytes)].join(' | ')} |`);
  }
}

/**
 * What each job takes at least: the ciphers, hashes and base64 of Node alone, over the same bytes in slices of the same size,
 * with one encrypted spool to read from and, where something is written, one to write into.
 */
function floorsOf(entity: Buffer): Record<string, number> {
  const base64Bytes = Math.ceil(entity.length / 57) * 78;
  const key = randomBytes(32);
  const iv = randomBytes(16);
  const file = openSync(join(folder, 'floor'), 'w+');
  const slice = Buffer.allocUnsafeSlow(SLICE);
  const ciphering = (cipher: { update(bytes: Buffer): Buffer }) => over(entity, (bytes) => free(cipher.update(bytes)));
  const cost = {
    hash: cpuOf(() => {
      const hash = createHash('sha256');
      over(entity, (bytes) => hash.update(bytes));
    }),
    spool: cpuOf(() => ciphering(createCipheriv('aes-256-ctr', key, iv))),
    write: cpuOf(() => over(entity, (bytes, at) => writeSync(file, bytes, 0, bytes.length, at))),
    read: cpuOf(() => over(entity, (bytes, at) => readSync(file, slice, 0, bytes.length, at))),
    cbc: cpuOf(() => ciphering(createCipheriv('aes-256-cbc', key, iv))),
    cbcOpen: cpuOf(() => ciphering(createDecipheriv('aes-256-cbc', key, iv))),
    gcm: cpuOf(() => ciphering(createCipheriv('aes-256-gcm', key, iv))),
    toBase64: cpuOf(() => over(entity, (bytes) => void slice.write(bytes.toString('base64'), 0, 'latin1'), 57 * 1024)),
    fromBase64: 0,
  };
  const text = Buffer.from(entity.toString('base64'), 'latin1');
  cost.fromBase64 = cpuOf(() => over(text, (bytes) => void slice.write(bytes.toString('latin1'), 0, 'base64')));
  closeSync(file);
  const reading = cost.spool + cost.read;
  const writing = cost.spool + cost.write;
  const growth = base64Bytes / entity.length;
  const sealed = reading + cost.toBase64 + growth * writing;
  return {
    sign: reading + cost.hash + writing,
    verify: reading + cost.hash,
    'encrypt, CBC': sealed + cost.cbc,
    'encrypt, GCM': sealed + cost.gcm,
    decrypt: growth * reading + cost.fromBase64 + cost.write,
    'decrypt, attachment read out':
      growth * reading + cost.fromBase64 + cost.write + cost.read + cost.cbcOpen + cost.fromBase64 / growth,
  };
}

function over(bytes: Buffer, each: (slice: Buffer, at: number) => unknown, size = SLICE): void {
  for (let at = 0; at < bytes.length; at += size) each(bytes.subarray(at, at + size), at);
}

function cpuOf(work: () => void): number {
  const samples = Array.from({ length: RUNS }, () => {
    const started = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  });
  return figuresOf(samples).median;
}

/** A letter as clerks open it all day: decrypted and verified. */
function small(): void {
  writeFileSync(
    join(folder, 'entity'),
    `Content-Type: text/plain\r\n\r\n${'A line of a letter, as clerks write it.\r\n'.repeat(250)}`,
  );
  const seal: EngineQuestion = {
    ...filesOf(alice),
    what: 'seal',
    file: join(folder, 'entity'),
    recipientFiles: [bob.certificateFile],
    runs: 1,
  };
  run({ ...seal, out: join(folder, 'small.eml') });
  const opened = run({ ...filesOf(bob), what: 'open', file: join(folder, 'small.eml'), runs: 200 });
  const { median, min } = figuresOf(opened.cpuMs);
  console.log(
    `\nOpening 10 KB, RSA-2048, decrypted and verified (${opened.encryption}, ${opened.signature}): ${ms(median)} ms (${ms(min)}), goal 4`,
  );
}

function engine({ what, person, file, to = [] }: Row): EngineAnswer {
  return run({
    ...filesOf(person),
    what,
    file: join(folder, file),
    recipientFiles: to.map((one) => one.certificateFile),
    runs: RUNS,
  });
}

function filesOf({ keyFile, certificateFile }: Person) {
  return { keyFile, certificateFile, rootFile: people.rootFile };
}

function run(question: EngineQuestion): EngineAnswer {
  const file = join(folder, 'question.json');
  writeFileSync(file, JSON.stringify(question));
  const script = join(import.meta.dirname, '../support/engine-job.ts');
  return JSON.parse(execFileSync(process.execPath, ['--max-semi-space-size=1', script, file], { encoding: 'utf8' }));
}

/** Median processor time and memory of the command, without what `openssl version` takes. */
function openssl(args: string): { cpuMs: number; peakBytes: number } {
  const [start, done] = ['version', args].map((command) => {
    const runs = Array.from({ length: PEER_RUNS }, () => resources(command));
    return {
      cpuMs: figuresOf(runs.map((one) => one.cpuMs)).median,
      peakBytes: figuresOf(runs.map((one) => one.peakBytes)).median,
    };
  }) as [ReturnType<typeof resources>, ReturnType<typeof resources>];
  return { cpuMs: done.cpuMs - start.cpuMs, peakBytes: done.peakBytes - start.peakBytes };
}

function resources(args: string): { cpuMs: number; peakBytes: number } {
  const script = `import resource,subprocess,sys
subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL,check=True)
used=resource.getrusage(resource.RUSAGE_CHILDREN)
print((used.ru_utime+used.ru_stime)*1000,used.ru_maxrss*1024)`;
  const done = spawnSync('python3', ['-c', script, 'openssl', ...args.split(' ')], { cwd: folder, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`openssl ${args}: ${done.stderr}`);
  const [cpuMs = 0, peakBytes = 0] = done.stdout.trim().split(' ').map(Number);
  return { cpuMs, peakBytes };
}

function ms(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

function mib(bytes: number): string {
  return (bytes / MiB).toFixed(0);
}
