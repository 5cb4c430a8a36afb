/** The good inputs of the repository, and the keys of nobody that open them. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseCertificate } from '../../src/pki/certificate.ts';
import type { DecryptionKey } from '../../src/smime/decryption-key.ts';

/** Bytes in base64. */
export interface StoredCorpus {
  readonly at: string;
  readonly root: string;
  readonly certificates: readonly string[];
  readonly readers: readonly { readonly certificate: string; readonly privateKey: string }[];
  readonly letters: readonly string[];
  readonly pkcs12: readonly string[];
  /** An authority, a person, two lists and an OCSP response about the person. */
  readonly revocation: readonly string[];
  /** Certificate requests: DER with every extension that is read, and PEM */
  readonly requests: readonly string[];
}

const bytes = (base64: string) => Buffer.from(base64, 'base64');

export function readCorpus() {
  const stored = JSON.parse(readFileSync(path.join(import.meta.dirname, 'corpus.json'), 'utf8')) as StoredCorpus;
  return {
    at: new Date(stored.at),
    root: parseCertificate(bytes(stored.root)),
    certificates: [stored.root, ...stored.certificates].map(bytes),
    readers: stored.readers.map(
      ({ certificate, privateKey }): DecryptionKey => ({
        certificate: parseCertificate(bytes(certificate)),
        privateKey: createPrivateKey({ key: bytes(privateKey), format: 'der', type: 'pkcs8' }),
      }),
    ),
    letters: stored.letters.map(bytes),
    pkcs12: stored.pkcs12.map(bytes),
    revocation: stored.revocation.map(bytes),
    requests: stored.requests.map(bytes),
  };
}
