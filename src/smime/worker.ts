/** The thread in which foreign bytes are read and private keys are used. Keys exist in clear here only, for one job. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { joinEntity } from '../mime/encode.ts';
import { type Certificate, parseCertificate } from '../pki/certificate.ts';
import { asBuffer } from '../pki/der.ts';
import { PkiError } from '../pki/errors.ts';
import { readPkcs12 } from '../pki/pkcs12-read.ts';
import { writePkcs12 } from '../pki/pkcs12-write.ts';
import { openSealed, SealBrokenError, sealUnder } from '../vault/seal.ts';
import type { DecryptionKey } from './decryption-key.ts';
import { type OpenQuestion, openMessage, readAttachment } from './open-message.ts';
import { sealMessage } from './seal-message.ts';
import {
  type Answers,
  type AttachmentJob,
  detachBytes,
  type Job,
  type JobResult,
  type OpenJob,
  type Pkcs12Answer,
  type Pkcs12ReadJob,
  type Pkcs12WriteJob,
  type SealedKey,
  type SealJob,
} from './worker-jobs.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs as a worker thread');

port.on('message', (job: Job) => {
  const { data, transfer } = detachBytes(answer(job), true);
  port.postMessage(data, transfer);
});
port.postMessage('ready');

function answer(job: Job): JobResult<Answers[Job['kind']]> {
  try {
    return { ok: true, value: perform(job) };
  } catch (error) {
    if (error instanceof SealBrokenError) return { ok: false, code: 'seal-broken', message: error.message };
    if (error instanceof PkiError && error.code !== 'too-complex') {
      return { ok: false, code: 'unsupported', message: error.message };
    }
    const code = error instanceof PkiError ? 'too-complex' : 'failed';
    return { ok: false, code, message: error instanceof Error ? error.message : 'unknown' };
  } finally {
    job.masterKey?.fill(0);
  }
}

function perform(job: Job): Answers[Job['kind']] {
  switch (job.kind) {
    case 'open':
      return openMessage(openQuestion(job));
    case 'attachment':
      return readAttachment(openQuestion(job), job.index);
    case 'seal':
      return seal(job);
    case 'pkcs12-read':
      return importPkcs12(job);
    case 'pkcs12-write':
      return exportPkcs12(job);
  }
}

function openQuestion(job: OpenJob | AttachmentJob): OpenQuestion {
  const { masterKey, trust } = job;
  const keys: DecryptionKey[] =
    masterKey === null
      ? []
      : job.keys.map((key) => ({
          certificate: parseCertificate(key.certificateDer),
          privateKey: unsealKey(key, masterKey),
        }));
  return {
    bytes: asBuffer(job.bytes),
    keys,
    trust: {
      anchors: certificates(trust.anchors),
      intermediates: certificates(trust.intermediates),
      explicitlyTrusted: trust.explicitlyTrusted,
    },
    at: job.at,
    signersOnFile: certificates(job.signersOnFile ?? []),
  };
}

function seal(job: SealJob): Uint8Array {
  const { sign, masterKey } = job;
  if (sign !== null && masterKey === null) throw new SealBrokenError('locked');
  return sealMessage({
    mime: job.mime instanceof Uint8Array ? asBuffer(job.mime) : joinEntity(job.mime),
    headers: asBuffer(job.headers),
    at: job.at,
    opaque: job.opaque,
    content: job.content,
    protect: job.protect,
    encryptTo: job.encryptTo === null ? undefined : certificates(job.encryptTo),
    sign:
      sign === null
        ? undefined
        : {
            certificate: parseCertificate(sign.certificateDer),
            privateKey: unsealKey(sign, masterKey as Uint8Array),
            chain: certificates(sign.chain),
            encryptionCertificate:
              sign.encryptionCertificate === undefined ? undefined : parseCertificate(sign.encryptionCertificate),
          },
  });
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
  return list.flatMap((der) => {
    try {
      return [parseCertificate(der)];
    } catch {
      return [];
    }
  });
}
