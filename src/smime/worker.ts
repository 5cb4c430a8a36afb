/** The thread in which foreign bytes are read and private keys are used. Keys exist in clear here only, for one job. */
import { createHash, createPrivateKey, type KeyObject } from 'node:crypto';
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { ByteSource } from '../bytes/byte-source.ts';
import { collectSlicesWith } from '../bytes/ciphered-file.ts';
import { isSpool, type SpoolHandle, SpoolScope, SpoolSource, SpoolWriter, type StoredBytes } from '../bytes/spool.ts';
import { joinStretches, slicesOfAll } from '../mime/encode.ts';
import { type Certificate, parseCertificate } from '../pki/certificate.ts';
import { parseRevocationList } from '../pki/crl.ts';
import { asBuffer } from '../pki/der.ts';
import { PkiError } from '../pki/errors.ts';
import { parseOcspResponse } from '../pki/ocsp.ts';
import { heedingIssuer, type PathQuestion, validatePath } from '../pki/path.ts';
import { readPkcs12 } from '../pki/pkcs12-read.ts';
import { writePkcs12 } from '../pki/pkcs12-write.ts';
import { openSealed, SealBrokenError, sealUnder } from '../vault/seal.ts';
import type { Trust } from './assess-signer.ts';
import type { DecryptionKey } from './decryption-key.ts';
import { findAttachment, type OpenQuestion, openMessage } from './open-message.ts';
import { adoptKey, requestKey } from './requested-key.ts';
import { sealStretches } from './seal-message.ts';
import { readSignedReceipt, writeSignedReceipt } from './signed-receipt.ts';
import {
  type Answers,
  type AttachmentJob,
  detachBytes,
  type Job,
  type JobResult,
  type JudgeJob,
  type MadeSignature,
  type OpenJob,
  type PathJudgement,
  type Pkcs12Answer,
  type Pkcs12ReadJob,
  type Pkcs12WriteJob,
  type ReceiptJob,
  type SealedKey,
  type SealJob,
  type TrustBytes,
} from './worker-jobs.ts';
import { digestNameOf } from './write-signature.ts';
import { garbageCollectors } from './young-garbage.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread');
const collectors = garbageCollectors();
collectSlicesWith(collectors.young);
const { spoolFolder } = workerData as { spoolFolder: string | null };

/** More than this is not left for the next job, whose memory is measured with it. */
const LEFT_BYTES = 64 * 1024 * 1024;

port.on('message', (job: Job) => {
  tidyUp();
  const { data, transfer } = detachBytes(answer(job), true);
  port.postMessage(data, transfer);
  // The job is garbage only when this function has returned; when the next one is here before, it tidies up itself.
  setImmediate(tidyUp);
});
port.postMessage('ready');

function tidyUp(): void {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  if (heap + external > LEFT_BYTES) collectors.all();
}

function answer(job: Job): JobResult<Answers[Job['kind']]> {
  const scope = spoolFolder === null ? null : new SpoolScope(spoolFolder);
  try {
    return { ok: true, value: perform(job, scope) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      return { ok: false, code: 'no-room', message: 'no room for a spool' };
    if (error instanceof SealBrokenError) return { ok: false, code: 'seal-broken', message: error.message };
    if (error instanceof PkiError && error.code !== 'too-complex') {
      return { ok: false, code: 'unsupported', message: error.message };
    }
    const code = error instanceof PkiError ? 'too-complex' : 'failed';
    return { ok: false, code, message: error instanceof Error ? error.message : 'unknown' };
  } finally {
    job.masterKey?.fill(0);
    scope?.close();
  }
}

function perform(job: Job, scope: SpoolScope | null): Answers[Job['kind']] {
  switch (job.kind) {
    case 'judge':
      return judge(job);
    case 'open':
      return openMessage(openQuestion(job, scope));
    case 'attachment':
      return attachment(job, scope);
    case 'seal':
      return seal(job);
    case 'sign-receipt':
      return signReceipt(job);
    case 'read-receipt':
      return readSignedReceipt(asBuffer(job.bytes), readTrust(job.trust), job.at);
    case 'pkcs12-read':
      return importPkcs12(job);
    case 'pkcs12-write':
      return exportPkcs12(job);
    case 'request-key':
      return requestKey(job);
    case 'adopt-key':
      return adoptKey(job);
  }
}

function attachment(job: AttachmentJob, scope: SpoolScope | null): Answers['attachment'] {
  const found = findAttachment(openQuestion(job, scope), job.index);
  if (found === null) return null;
  const bytes = job.into === undefined ? found.bytes() : written(found.slices(), job.into);
  return { name: found.name, type: found.type, bytes };
}

function written(slices: Iterable<Uint8Array>, fd: number): SpoolHandle {
  const writer = new SpoolWriter(fd);
  for (const slice of slices) writer.write(slice);
  return writer.end();
}

function sourceOf(bytes: StoredBytes): ByteSource {
  return isSpool(bytes) ? new SpoolSource(bytes) : asBuffer(bytes);
}

function openQuestion(job: OpenJob | AttachmentJob, scope: SpoolScope | null): OpenQuestion {
  const { masterKey, trust } = job;
  const keys: DecryptionKey[] =
    masterKey === null
      ? []
      : job.keys.map((key) => ({
          certificate: parseCertificate(key.certificateDer),
          privateKey: unsealKey(key, masterKey),
        }));
  return {
    bytes: sourceOf(job.bytes),
    scope: scope ?? undefined,
    keys,
    trust: readTrust(trust),
    at: job.at,
    signersOnFile: certificates(job.signersOnFile ?? []),
  };
}

function readTrust(trust: TrustBytes): Trust {
  return {
    anchors: certificates(trust.anchors),
    intermediates: certificates(trust.intermediates),
    explicitlyTrusted: trust.explicitlyTrusted,
    anchorDomains: trust.anchorDomains,
    revocation: {
      lists: readable(trust.revocation.lists, parseRevocationList),
      responses: readable(trust.revocation.responses, parseOcspResponse),
      now: trust.revocation.now,
    },
  };
}

function judge(job: JudgeJob): Answers['judge'] {
  const trust = readTrust(job.trust);
  return job.subjects.map(({ certificate, chain }) => {
    const [leaf] = certificates([certificate]);
    return leaf === undefined ? null : judgePath(leaf, certificates(chain), trust, job.at);
  });
}

function judgePath(leaf: Certificate, chain: readonly Certificate[], trust: Trust, at: Date): PathJudgement {
  const { anchors, anchorDomains } = trust;
  const revocation = trust.revocation && { ...trust.revocation, required: false };
  const candidates = [...chain, ...trust.intermediates];
  const question: PathQuestion = { leaf, candidates, anchors, anchorDomains, at, purpose: 'email', revocation };
  const found = validatePath(question);
  const verdict = trust.explicitlyTrusted.includes(leaf.sha256) ? heedingIssuer(question, found) : found;
  const alone = validatePath({ leaf, candidates: [], anchors: [leaf], at, purpose: 'email' });
  const { index: _, ...status } = verdict.revocation;
  const takenBack = status.status === 'revoked';
  return {
    valid: verdict.valid,
    reasons: verdict.reasons,
    validAlone: alone.valid && !takenBack,
    aloneReasons: takenBack ? ['revoked'] : alone.reasons,
    revocation: status,
    path: verdict.path.map((one) => one.der),
  };
}

function seal(job: SealJob): Answers['seal'] {
  const { sign, masterKey } = job;
  let signed: MadeSignature | null = null;
  if (sign !== null && masterKey === null) throw new SealBrokenError('locked');
  const stretches = sealStretches({
    mime: job.mime instanceof Uint8Array ? asBuffer(job.mime) : job.mime,
    headers: asBuffer(job.headers),
    at: job.at,
    opaque: job.opaque,
    content: job.content,
    keyTransport: job.keyTransport,
    entityOnly: job.entityOnly,
    encryptTo: job.encryptTo === null ? undefined : certificates(job.encryptTo),
    sign:
      sign === null
        ? undefined
        : {
            certificate: parseCertificate(sign.certificateDer),
            privateKey: unsealKey(sign, masterKey as Uint8Array),
            chain: certificates(sign.chain),
            marking: sign.marking,
            receipt: sign.receipt,
            onSigned: (attributes, signature) => {
              const digest = digestNameOf(parseCertificate(sign.certificateDer));
              signed = { signature, attributesDigest: createHash(digest).update(attributes).digest() };
            },
            encryptionCertificate:
              sign.encryptionCertificate === undefined ? undefined : parseCertificate(sign.encryptionCertificate),
          },
  });
  const bytes = job.into === undefined ? joinStretches(stretches) : written(slicesOfAll(stretches), job.into);
  return { bytes, signed };
}

function signReceipt({ about, sign, masterKey, at }: ReceiptJob): Uint8Array {
  if (masterKey === null) throw new SealBrokenError('locked');
  const key = {
    certificate: parseCertificate(sign.certificateDer),
    privateKey: unsealKey(sign, masterKey),
    chain: certificates(sign.chain),
  };
  return writeSignedReceipt(about, key, at);
}

function importPkcs12(job: Pkcs12ReadJob): Pkcs12Answer {
  const { progress } = job;
  const result = readPkcs12(job.bytes, job.password, (done, planned) => {
    if (progress === undefined) return;
    Atomics.store(progress, 1, planned);
    Atomics.store(progress, 0, done);
  });
  if (!result.ok) return result;
  const identities = result.identities.map(({ privateKey, certificate, chain }) => {
    const context = `${job.contextPrefix}${certificate.sha256}`;
    const sealedKey = sealUnder(job.masterKey, privateKey, context);
    privateKey.fill(0);
    return { sealedKey, certificateDer: certificate.der, context, chain: chain.map((item) => item.der) };
  });
  return { ok: true, identities, certificates: result.certificates.map((item) => item.der) };
}

function exportPkcs12(job: Pkcs12WriteJob): Uint8Array {
  const privateKey = openSealed(job.masterKey, job.key.sealedKey, job.key.context);
  try {
    const certificate = parseCertificate(job.key.certificateDer);
    const { password, form, friendlyName } = job;
    return writePkcs12({ privateKey, certificate, chain: certificates(job.chain), password, form, friendlyName });
  } finally {
    privateKey.fill(0);
  }
}

function unsealKey(key: SealedKey, masterKey: Uint8Array): KeyObject {
  const pkcs8 = openSealed(masterKey, key.sealedKey, key.context);
  try {
    return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  } finally {
    pkcs8.fill(0);
  }
}

/** Those that can be read: one broken certificate of a contact must not keep a message closed. */
function certificates(list: readonly Uint8Array[]): Certificate[] {
  return readable(list, parseCertificate);
}

function readable<T>(list: readonly Uint8Array[], parse: (der: Uint8Array) => T): T[] {
  return list.flatMap((der) => {
    try {
      return [parse(der)];
    } catch {
      return [];
    }
  });
}
