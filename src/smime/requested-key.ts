/** Keys made here for a certificate of an outside authority; inside the worker only. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { parseCertificate } from '../pki/certificate.ts';
import { EXTENDED_KEY_USAGE, type KeyUsage } from '../pki/certificate-extensions.ts';
import { writeCertificateRequest } from '../pki/certificate-request.ts';
import type { PersonalUsage } from '../pki/issue.ts';
import { generateKeyPairHere, type KeyAlgorithm } from '../pki/key-pair.ts';
import { openSealed, sealUnder } from '../vault/seal.ts';
import type { AdoptKeyJob, RequestedKeyBytes, RequestKeyJob } from './worker-jobs.ts';

export function requestKey(job: RequestKeyJob): RequestedKeyBytes {
  const { privateKey, publicKey } = generateKeyPairHere(job.algorithm);
  try {
    const request = writeCertificateRequest({
      privateKey,
      subject: job.subject,
      address: job.address,
      keyUsage: keyUsages(job.algorithm, job.usage),
      extendedKeyUsage: [EXTENDED_KEY_USAGE.emailProtection],
    });
    const spkiSha256 = createHash('sha256').update(publicKey).digest('hex');
    return {
      request,
      sealedKey: sealUnder(job.masterKey, privateKey, `${job.contextPrefix}${spkiSha256}`),
      spkiSha256,
    };
  } finally {
    privateKey.fill(0);
  }
}

/** Null when the key is not the certificate's: nothing is sealed to a certificate that it cannot serve. */
export function adoptKey(job: AdoptKeyJob): Uint8Array | null {
  const privateKey = openSealed(job.masterKey, job.key.sealedKey, job.key.context);
  try {
    const own = createPublicKey(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' }));
    const fits = own.equals(parseCertificate(job.key.certificateDer).publicKey);
    return fits ? sealUnder(job.newMasterKey ?? job.masterKey, privateKey, job.newContext) : null;
  } finally {
    privateKey.fill(0);
  }
}

function keyUsages(algorithm: KeyAlgorithm, usage: PersonalUsage): KeyUsage[] {
  const encrypting = algorithm.startsWith('RSA') ? 'keyEncipherment' : 'keyAgreement';
  return [
    ...(usage === 'encrypt' ? [] : (['digitalSignature'] as const)),
    ...(usage === 'sign' ? [] : ([encrypting] as const)),
  ];
}
