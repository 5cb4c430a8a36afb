// One job of the engine in a process of its own: `engine-job.ts QUESTION.json` prints the processor time of each run and the
// memory above the idle process. Files of the question are PEM; the message or entity is put into a spool before the clock runs.
import { createPrivateKey } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collectSlicesWith } from '../../src/bytes/ciphered-file.ts';
import { makeSpoolFolder, type SpoolHandle, SpoolScope, SpoolSource } from '../../src/bytes/spool.ts';
import { SpoolFile } from '../../src/bytes/spool-file.ts';
import { slicesOfAll } from '../../src/mime/encode.ts';
import type { Certificate } from '../../src/pki/certificate.ts';
import { readCertificates } from '../../src/pki/certificate-bundle.ts';
import { findAttachment, openMessage } from '../../src/smime/open-message.ts';
import { sealStretches } from '../../src/smime/seal-message.ts';
import { garbageCollectors } from '../../src/smime/young-garbage.ts';

export type EngineQuestion = {
  what: 'open' | 'attachment' | 'sign' | 'opaque' | 'encrypt-cbc' | 'encrypt-gcm' | 'seal';
  /** The message, or the entity to be sealed */
  file: string;
  /** Of the reader or signer */
  keyFile: string;
  certificateFile: string;
  rootFile: string;
  recipientFiles?: string[];
  runs: number;
  /** Where what was sealed in the last run is written, in clear */
  out?: string;
};

export type EngineAnswer = {
  cpuMs: number[];
  wallMs: number[];
  /** Above the process when it had read the keys */
  peakBytes: number;
  size: number;
  signature?: string;
  encryption?: string;
};

collectSlicesWith(garbageCollectors().young);
const question = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as EngineQuestion;
const only = (file: string) => readCertificates(readFileSync(file))[0] as Certificate;
const certificate = only(question.certificateFile);
const privateKey = createPrivateKey(readFileSync(question.keyFile));
const root = only(question.rootFile);
const recipients = (question.recipientFiles ?? []).map(only);
const idle = memory('VmRSS');
const folder = mkdtempSync(join(tmpdir(), 'sp-engine-'));
makeSpoolFolder(folder);
const input = await SpoolFile.open(folder);
const handle = await input.write(createReadStream(question.file));
const answer: EngineAnswer = { cpuMs: [], wallMs: [], peakBytes: 0, size: 0 };
writeFileSync('/proc/self/clear_refs', '5');
for (let run = 0; run < question.runs; run += 1) {
  const scope = new SpoolScope(folder);
  const startedCpu = process.cpuUsage();
  const startedMs = performance.now();
  perform(scope);
  const { user, system } = process.cpuUsage(startedCpu);
  answer.cpuMs.push((user + system) / 1000);
  answer.wallMs.push(performance.now() - startedMs);
  scope.close();
}
answer.peakBytes = memory('VmHWM') - idle;
await input.close();
rmSync(folder, { recursive: true });
console.log(JSON.stringify(answer));

function perform(scope: SpoolScope): void {
  const bytes = new SpoolSource(handle);
  const trust = { anchors: [root], intermediates: [], explicitlyTrusted: [] };
  const reading = { bytes, keys: [{ certificate, privateKey }], trust, at: new Date(), scope };
  switch (question.what) {
    case 'open': {
      const message = openMessage(reading);
      answer.signature = message.signature.status;
      answer.encryption = message.encryption.status;
      return;
    }
    case 'attachment': {
      answer.size = 0;
      for (const slice of findAttachment(reading, 0)?.slices() ?? []) answer.size += slice.length;
      return;
    }
    default:
      seal(scope, handle);
  }
}

function seal(scope: SpoolScope, written: SpoolHandle): void {
  const { what } = question;
  const signing = what === 'sign' || what === 'opaque' || what === 'seal';
  const stretches = sealStretches({
    mime: [{ written, size: written.size }],
    headers: Buffer.from('From: alice@example.org\r\nSubject: engine\r\n'),
    sign: signing ? { certificate, privateKey, chain: [] } : undefined,
    encryptTo: recipients.length > 0 ? recipients : undefined,
    opaque: what === 'opaque',
    content: what === 'encrypt-gcm' ? 'aes-256-gcm' : 'aes-256-cbc',
    at: new Date(),
  });
  const writer = scope.writer();
  for (const slice of slicesOfAll(stretches)) writer.write(slice);
  const sealed = writer.end();
  answer.size = sealed.size;
  if (question.out === undefined) return;
  writeFileSync(question.out, '');
  const source = new SpoolSource(sealed);
  for (let at = 0; at < sealed.size; at += 1024 * 1024) {
    writeFileSync(question.out, source.subarray(at, at + 1024 * 1024), { flag: 'a' });
  }
}

function memory(field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1]) * 1024;
}
