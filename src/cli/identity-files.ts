import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Certificate } from '../pki/certificate.ts';
import { readPkcs12 } from '../pki/pkcs12-read.ts';

export interface CliIdentity {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  readonly chain: readonly Certificate[];
}

/** The password in a file: its first line. */
export function readPassword(file: string): string {
  return (readFileSync(file, 'utf8').split('\n')[0] ?? '').replace(/\r$/, '');
}

/** The identities of PKCS#12 files, each opened with the password file of the same position. Throws when one does not open. */
export function readIdentities(files: readonly string[], passwordFiles: readonly string[]): CliIdentity[] {
  return files.flatMap((file, index) => {
    const result = readPkcs12(readFileSync(file), readPassword(passwordFiles[index] as string));
    if (!result.ok) throw new Error(`${file}: ${result.message}`);
    return result.identities.map(({ certificate, chain, privateKey }) => {
      const key = createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' });
      privateKey.fill(0);
      return { certificate, chain, privateKey: key };
    });
  });
}
