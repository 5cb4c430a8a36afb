import { randomBytes } from 'node:crypto';
import type { Context } from '../../context.ts';
import { type Certificate, isAuthority, parseCertificate } from '../../pki/certificate.ts';
import type { Pkcs12Failure } from '../../pki/pkcs12-read.ts';
import type { SealedIdentity } from '../../smime/worker-jobs.ts';
import { openSealed } from '../../vault/seal.ts';
import type { SignedIn } from '../sessions/session.ts';
import { type Adopted, adoptAuthority } from './adopt-authority.ts';

/** As bytes of a `.pfx` and what opens it. */
export type KeyFile = { bytes: Buffer; password: string };

export type AuthorityImport = {
  issuing: KeyFile;
  /** Null when the root's key stays where it is */
  root: KeyFile | null;
  /** Certificates of files without keys */
  others: readonly Certificate[];
  passphrase: string;
  rootPassphrase: string;
};

export type AuthorityImportResult =
  | Adopted
  | { ok: false; of: 'issuing' | 'root'; problem: Pkcs12Failure | 'no-authority-inside' | 'not-its-root' };

type Found = { key: Buffer; certificate: Certificate; certificates: Certificate[] };
type FoundResult = { ok: true; found: Found } | { ok: false; problem: Pkcs12Failure | 'no-authority-inside' };

/** An issuing CA from PKCS#12, alone with the certificates above it or with its root's key too. */
export async function importAuthorities(
  context: Context,
  session: SignedIn,
  wanted: AuthorityImport,
): Promise<AuthorityImportResult> {
  const issuing = await openKeyFile(context, session, wanted.issuing, (each) => !each.isSelfIssued);
  if (!issuing.ok) return { ...issuing, of: 'issuing' };
  const opened = [issuing.found.key];
  try {
    const root = wanted.root && (await openKeyFile(context, session, wanted.root, (each) => each.isSelfIssued));
    if (root?.ok) opened.push(root.found.key);
    if (root && !root.ok) return { ...root, of: 'root' };
    const others = [...issuing.found.certificates, ...(root ? root.found.certificates : []), ...wanted.others];
    const { certificate, key } = issuing.found;
    if (root && !isAbove(root.found.certificate, certificate, others))
      return { ok: false, of: 'root', problem: 'not-its-root' };
    return await adoptAuthority(context, session, {
      certificate,
      privateKey: key,
      passphrase: wanted.passphrase,
      // The root whose key came along is the one that the path ends with, also where two bear its name.
      others: root ? [root.found.certificate, ...others] : others,
      root: root && { privateKey: root.found.key, passphrase: wanted.rootPassphrase },
    });
  } finally {
    for (const key of opened) key.fill(0);
  }
}

function isAbove(root: Certificate, below: Certificate, others: readonly Certificate[]): boolean {
  return [below, ...others].some((each) => !each.isSelfIssued && each.issuerRaw.equals(root.subjectRaw));
}

/** Read in a worker, as every `.pfx`; the key leaves it sealed under a key of the moment. */
async function openKeyFile(
  context: Context,
  session: SignedIn,
  { bytes, password }: KeyFile,
  wanted: (certificate: Certificate) => boolean,
): Promise<FoundResult> {
  const masterKey = randomBytes(32);
  try {
    const job = { kind: 'pkcs12-read', bytes, password, masterKey, contextPrefix: '' } as const;
    const read = await context.workers.run(job, session.account.id);
    if (!read.ok && read.code === 'too-complex') return { ok: false, problem: 'too-costly' };
    if (!read.ok) throw new Error(`reading a file of an authority: ${read.code}: ${read.message}`);
    if (!read.value.ok) return { ok: false, problem: read.value.code };
    const identity = read.value.identities.find((each) => {
      const certificate = parseCertificate(each.certificateDer);
      return isAuthority(certificate) && wanted(certificate);
    });
    if (identity === undefined) return { ok: false, problem: 'no-authority-inside' };
    const certificates = read.value.certificates.map((der) => parseCertificate(der));
    return { ok: true, found: { ...opened(identity, masterKey), certificates } };
  } finally {
    masterKey.fill(0);
  }
}

function opened({ sealedKey, certificateDer, context }: SealedIdentity, masterKey: Buffer) {
  const certificate = parseCertificate(certificateDer);
  return { key: openSealed(masterKey, sealedKey, context), certificate };
}
