// `npm run bench`: what a clerk waits for, beside a bare IMAP loop and the openssl command in the same run.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { ImapFlow } from 'imapflow';
import type { World } from '../../testbed/world.ts';
import { sendThroughPages } from '../support/compose.ts';
import { readyClerk, until } from '../support/ready-clerk.ts';
import type { Visitor } from '../support/visitor.ts';
import { startTestNode, startTestWorld } from '../support/world.ts';
import { REQUESTING_CLIENT, SENDING_CLIENT } from './clients.ts';
import { fillFolder } from './fill-mailbox.ts';
import { type Stall, stallNote, watchLoop } from './loop-watch.ts';
import { type Figures, figuresOf, line, measurePair } from './measure.ts';

const SIZES = [1_000, 100_000];
const PAGE_RUNS = 40;
const OPEN_RUNS = 60;
const LARGE_RUNS = 5;
const SAVE_RUNS = 4;
const MiB = 1024 * 1024;

// A network of its own with NETWORK=93, where tests run on the same machine.
const network = Number(process.env['NETWORK'] ?? 71);
const world = await startTestWorld({ keyAlgorithm: 'RSA-3072', network });
const node = await startTestNode(world, { LOG_LEVEL: 'silent' });
try {
  console.log(
    `${os.cpus()[0]?.model}, ${os.cpus().length} cores, Node ${process.version}, ${new Date().toISOString()}`,
  );
  console.log(
    `\n${''.padEnd(58)}${'median'.padStart(9)}${'min'.padStart(9)}${'max'.padStart(9)}  runs   (milliseconds)`,
  );
  const marta = await readyClerk(node.url, world, world.people.marta);
  await mailboxPages(marta);
  const letter = await exchange(marta);
  await openings(marta, letter);
  await largeLetter(marta);
  await saveAttachment(marta);
} finally {
  await node.stop();
  await world.stop();
}

/** Time in the node from request to answer: a client in another thread, so that it does not compete for the loop. */
async function timeRequests(clerk: Visitor, url: string, runs: number): Promise<{ figures: Figures; stall: Stall }> {
  const cookie = [...clerk.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const stop = watchLoop();
  const samples = await new Promise<number[]>((resolve, reject) => {
    const worker = new Worker(REQUESTING_CLIENT, { eval: true, workerData: { url: node.url + url, cookie, runs } });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return { figures: figuresOf(samples), stall: stop() };
}

async function mailboxPages(clerk: Visitor): Promise<void> {
  const medians = new Map<number, number>();
  for (const size of SIZES) {
    const folder = `Bench${size}`;
    await createFolder(folder);
    fillFolder(world.testbed.mailboxFolder(world.people.marta.address), folder, size);
    const url = `/mail/${Buffer.from(folder).toString('base64url')}`;
    await clerk.get(url);
    const page = await timeRequests(clerk, url, PAGE_RUNS);
    const bare = await bareLoop(world, folder);
    medians.set(size, page.figures.median);
    console.log(line(`mailbox page of 50, ${size.toLocaleString('en')} messages`, page.figures, stallNote(page.stall)));
    console.log(
      line('  bare imapflow: the same 50 rows', bare, `ratio ${(page.figures.median / bare.median).toFixed(2)}`),
    );
  }
  const [small = 1, large = 1] = SIZES.map((size) => medians.get(size));
  console.log(`  100,000 to 1,000 messages: ${(large / small).toFixed(2)} (goal 1.5; goal of a page 40 ms)`);
}

/** By IMAP, since Dovecot keeps an index of folders and does not notice one that appears on the disk. */
async function createFolder(folder: string): Promise<void> {
  const client = martasClient(world);
  await client.connect();
  await client.mailboxCreate(folder);
  await client.logout();
}

function martasClient({ testbed, people }: World): ImapFlow {
  const { mailServer } = testbed.countries.d;
  return new ImapFlow({
    host: mailServer.imapHost,
    port: mailServer.imapPort,
    secure: true,
    tls: { ca: mailServer.caPem ?? '', servername: mailServer.serverName ?? '' },
    auth: { user: people.marta.address, pass: people.marta.password },
    logger: false,
    disableCompression: true,
  });
}

/** What IMAP itself costs: one connection, the same FETCH, nothing else. */
async function bareLoop(world: World, folder: string): Promise<Figures> {
  const client = martasClient(world);
  await client.connect();
  await client.mailboxOpen(folder);
  const total = client.mailbox ? client.mailbox.exists : 0;
  const samples: number[] = [];
  for (let n = 0; n < PAGE_RUNS + 3; n++) {
    const startedMs = performance.now();
    const query = { uid: true, flags: true, envelope: true, internalDate: true, size: true, bodyStructure: true };
    for await (const _ of client.fetch(`${total - 49}:${total}`, query)) void _;
    if (n >= 3) samples.push(performance.now() - startedMs);
  }
  await client.logout();
  return figuresOf(samples);
}

/** Marta writes to herself, signed and encrypted, with a text that makes about 10 KB on the wire. */
async function exchange(clerk: Visitor): Promise<string> {
  const text = Array.from({ length: 25 }, (_, n) => `Line ${n}: the card was issued in Ghent and is still valid.`).join(
    '\n',
  );
  const before = await newestLetter(clerk);
  await sendThroughPages(clerk, { to: world.people.marta.address, subject: 'Ten kilobytes', text });
  return until('the letter arrives', async () => {
    const newest = await newestLetter(clerk);
    return newest !== before && newest;
  });
}

/** Address of the newest encrypted message: reports about it arrive beside it and are filed elsewhere. */
async function newestLetter(clerk: Visitor): Promise<string | null> {
  const page = await clerk.get(`/mail/${Buffer.from('INBOX').toString('base64url')}`);
  const row = page.text.split('<tr role="row"').find((one) => one.includes('Encrypted'));
  return /<a class="subject" href="([^"]+)"/.exec(row ?? '')?.[1] ?? null;
}

async function openings(clerk: Visitor, letter: string): Promise<void> {
  const page = await timeRequests(clerk, letter, OPEN_RUNS);
  const eml = (await clerk.get(`${letter}/message.eml`)).bytes;
  console.log(
    line(
      `open a message of ${(eml.length / 1024).toFixed(0)} KB: decrypt, verify, page`,
      page.figures,
      `goal 20 ms; ${stallNote(page.stall)}`,
    ),
  );
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-bench-'));
  const at = (name: string) => path.join(folder, name);
  fs.writeFileSync(at('letter.eml'), eml);
  keysFor(folder);
  const openssl = (...args: string[]) => {
    const done = spawnSync('openssl', args, { stdio: 'ignore' });
    if (done.status !== 0) throw new Error(`openssl ${args.join(' ')} ended with ${done.status}`);
  };
  const peer = () => {
    openssl(
      'cms',
      '-decrypt',
      '-in',
      at('letter.eml'),
      '-inkey',
      at('key.pem'),
      '-recip',
      at('cert.pem'),
      '-out',
      at('inner.eml'),
    );
    openssl('cms', '-verify', '-in', at('inner.eml'), '-CAfile', at('ca.pem'), '-out', at('text'));
  };
  const startTwice = () => {
    openssl('version');
    openssl('version');
  };
  const pair = await measurePair(
    15,
    async () => peer(),
    async () => startTwice(),
  );
  const net = pair.a.median - pair.b.median;
  console.log(
    line(
      '  openssl cms -decrypt, -verify (two processes)',
      pair.a,
      `${net.toFixed(1)} ms without starting them; ratio ${(page.figures.median / net).toFixed(2)}`,
    ),
  );
  fs.rmSync(folder, { recursive: true, force: true });
}

function keysFor(folder: string): void {
  const { pfxFile, pfxPassword } = world.people.marta;
  const pkcs12 = (...args: string[]) =>
    execFileSync('openssl', ['pkcs12', '-in', pfxFile, '-passin', `pass:${pfxPassword}`, ...args]);
  fs.writeFileSync(path.join(folder, 'key.pem'), pkcs12('-nocerts', '-nodes'));
  fs.writeFileSync(path.join(folder, 'cert.pem'), pkcs12('-clcerts', '-nokeys'));
  fs.writeFileSync(path.join(folder, 'ca.pem'), pkcs12('-cacerts', '-nokeys'));
}

/** The 25 MB that were sent before, out of a message that is signed, encrypted and twice as large. */
async function saveAttachment(clerk: Visitor): Promise<void> {
  const saved = await timeRequests(clerk, `${await newestLetter(clerk)}/attachments/0`, SAVE_RUNS);
  console.log(line('save the 25 MB out of that letter', saved.figures, stallNote(saved.stall)));
}

/** The client works in a thread of its own, so that what blocks the loop is the node's. */
async function largeLetter(clerk: Visitor): Promise<void> {
  const bytes = randomBytes(25 * MiB - 64 * 1024);
  const cookie = [...clerk.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const samples: number[] = [];
  const worst: Stall = { delayMs: 0, ownMs: 0 };
  let memoryMiB = 0;
  for (let n = 0; n < LARGE_RUNS + 1; n++) {
    const before = await newestLetter(clerk);
    let stop: (() => Stall) | null = null;
    const idleMiB = process.memoryUsage.rss() / MiB;
    let peakMiB = 0;
    const watch = setInterval(() => {
      peakMiB = Math.max(peakMiB, process.memoryUsage.rss() / MiB);
    }, 50);
    const ms = await new Promise<number>((resolve, reject) => {
      const workerData = { base: node.url, cookie, to: world.people.marta.address, bytes };
      const worker = new Worker(SENDING_CLIENT, { eval: true, workerData });
      worker.on('message', (said: 'ready' | number) => {
        if (said === 'ready') stop = watchLoop();
        else resolve(said);
      });
      worker.once('error', reject);
    });
    // It is watched on until the letter was submitted, filed and delivered.
    await until('the letter arrives', async () => (await newestLetter(clerk)) !== before, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const stall = (stop as (() => Stall) | null)?.() ?? worst;
    clearInterval(watch);
    // The first one warms up: workers start, code is compiled.
    if (n > 0) {
      samples.push(ms);
      worst.delayMs = Math.max(worst.delayMs, stall.delayMs);
      worst.ownMs = Math.max(worst.ownMs, stall.ownMs);
      memoryMiB = Math.max(memoryMiB, peakMiB - idleMiB);
    }
  }
  console.log(
    line(
      '25 MB: upload, sign, encrypt, queued',
      figuresOf(samples),
      `until filed: ${stallNote(worst)}, ${memoryMiB.toFixed(0)} MiB above before (with the client)`,
    ),
  );
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sp-bench-'));
  const at = (name: string) => path.join(folder, name);
  keysFor(folder);
  fs.writeFileSync(
    at('letter'),
    Buffer.concat([
      Buffer.from('Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n'),
      Buffer.from(bytes.toString('base64').replace(/.{76}/g, '$&\r\n')),
    ]),
  );
  const run = (...args: string[]) => spawnSync('openssl', args, { stdio: 'ignore' });
  const pair = await measurePair(
    3,
    async () => {
      run(
        'cms',
        '-sign',
        '-in',
        at('letter'),
        '-signer',
        at('cert.pem'),
        '-inkey',
        at('key.pem'),
        '-out',
        at('signed'),
      );
      run('cms', '-encrypt', '-aes-256-cbc', '-in', at('signed'), '-out', at('sealed'), at('cert.pem'));
    },
    async () => {
      run('version');
      run('version');
    },
  );
  const net = pair.a.median - pair.b.median;
  console.log(
    line(
      '  openssl cms -sign, -encrypt of the same bytes',
      pair.a,
      `${net.toFixed(0)} ms without starting them; ratio ${(figuresOf(samples).median / net).toFixed(2)}`,
    ),
  );
  fs.rmSync(folder, { recursive: true, force: true });
}
